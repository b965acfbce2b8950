//! The caller's calendar, mail and recent files: enough to have something to look at.
//!
//! All of it follows from the person and the day, so it is the same until midnight and never ends.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset, Weekday};

use crate::directory::Person;

use super::call::{Call, Reply};
use super::collection::{self, Paging};
use super::error::Refusal;
use super::relations::mailbox;
use super::scopes;

const MEETINGS: &[&str] = &[
    "Stand-up",
    "Planning",
    "Design review",
    "One to one",
    "Budget",
    "Retrospective",
    "Customer call",
    "Hiring panel",
    "Roadmap & risks",
    "Lunch and learn",
];
const SUBJECTS: &[&str] = &[
    "Notes from this morning",
    "Can you look at this?",
    "Offsite: dates",
    "Invoice 20417",
    "New starter on Monday",
    "Draft for review",
    "Release went out",
    "<b>Not bold</b> & \"quoted\"",
    "Canteen closed on Friday",
    "Question about the numbers",
];
const FILES: &[(&str, &str)] = &[
    (
        "Roadmap.pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    (
        "Budget.xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    (
        "Minutes.docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    ("Floor plan.pdf", "application/pdf"),
    ("Team.jpg", "image/jpeg"),
    (
        "Interview notes.docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    (
        "Q3 results.xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    ("Onboarding.pdf", "application/pdf"),
];

// Longer is refused; the real limit is 1825 days.
const LONGEST: Duration = Duration::days(1825);

/// `GET /me/calendarView?startDateTime&endDateTime`.
pub fn calendar_view(call: &Call<'_>) -> Result<Reply, Refusal> {
    let me = mailbox(call, scopes::CALENDAR)?;
    let (Some(start), Some(end)) = (
        call.query.other("startDateTime"),
        call.query.other("endDateTime"),
    ) else {
        return Err(invalid_time(
            "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.",
        ));
    };
    let (start, end) = (moment(start)?, moment(end)?);
    if end < start || end - start > LONGEST {
        return Err(invalid_time("The requested time window is not valid."));
    }
    let mut events = Vec::new();
    let mut day = start.date();
    while day <= end.date() {
        events.extend(
            meetings(me, day)
                .into_iter()
                .filter(|(from, to, _)| *to > start && *from < end),
        );
        let Some(next) = day.next_day() else { break };
        day = next;
    }
    let people = call.tenant.people();
    let organizer = me.manager.and_then(|at| people.get(at)).unwrap_or(me);
    let events = events
        .into_iter()
        .map(|(from, to, number)| event(organizer, from, to, number))
        .collect();
    collection::page(
        call,
        &format!("users('{}')/calendarView", me.oid),
        events,
        10,
        1000,
        Paging::Skip,
    )
}

/// `GET /me/messages`, the newest first.
pub fn messages(call: &Call<'_>) -> Result<Reply, Refusal> {
    let me = mailbox(call, scopes::MAIL)?;
    let basic = !scopes::has(call.access, &["Mail.Read", "Mail.ReadWrite"]);
    let wanted = call
        .query
        .search
        .as_deref()
        .map(|text| text.trim_matches('"').to_lowercase());
    let all = (0..60)
        .map(|number| message(call, me, number, basic))
        .filter(|message| {
            let text = message["subject"]
                .as_str()
                .unwrap_or_default()
                .to_lowercase();
            wanted
                .as_ref()
                .is_none_or(|wanted| text.contains(wanted.trim_start_matches("subject:")))
        });
    let set = format!("users('{}')/messages", me.oid);
    collection::page(call, &set, all.collect(), 10, 1000, Paging::Skip)
}

/// `GET /me/messages/{id}`.
pub fn get_message(call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    let me = mailbox(call, scopes::MAIL)?;
    let basic = !scopes::has(call.access, &["Mail.Read", "Mail.ReadWrite"]);
    let mut all = (0..60).map(|number| message(call, me, number, basic));
    let found = all.find(|message| message["id"] == id).ok_or_else(|| {
        Refusal::new(
            http::StatusCode::NOT_FOUND,
            "ErrorItemNotFound",
            "The specified object was not found in the store.",
        )
    })?;
    Ok(collection::entity(
        call,
        &format!("users('{}')/messages", me.oid),
        found,
    ))
}

/// `GET /me/drive/recent`.
pub fn recent_files(call: &Call<'_>) -> Result<Reply, Refusal> {
    if !scopes::has(call.access, scopes::FILES) {
        return Err(Refusal::new(
            http::StatusCode::FORBIDDEN,
            "accessDenied",
            "Access denied",
        ));
    }
    let me = call.me()?;
    let today = call.state.now().replace_time(Time::MIDNIGHT);
    let file = |(number, (name, kind)): (i64, &(&str, &str))| {
        let changed = today - Duration::hours(5 + 19 * number);
        json!({
            "id": format!("01{:016X}{number:02X}", me.random("drive")),
            "name": name,
            "size": 4_096 + me.random(name) % 4_000_000,
            "createdDateTime": written(changed - Duration::days(30)),
            "lastModifiedDateTime": written(changed),
            "webUrl": format!("https://onedrive.example/personal/{}/Documents/{}", me.oid, name.replace(' ', "%20")),
            "file": { "mimeType": kind },
            "lastModifiedBy": { "user": { "id": me.oid, "displayName": me.display_name, "email": me.mail() } },
            "fileSystemInfo": { "lastModifiedDateTime": written(changed) },
        })
    };
    let files = (0..).zip(FILES).map(file).collect();
    collection::page(
        call,
        "Collection(driveItem)",
        files,
        200,
        1000,
        Paging::Skip,
    )
}

/// From, to and number of a day's meetings: two to four on working days.
fn meetings(person: &Person, day: Date) -> Vec<(OffsetDateTime, OffsetDateTime, u64)> {
    if matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
        return Vec::new();
    }
    let random = person.random(&day.to_string());
    let mut at = day.midnight().assume_utc() + Duration::hours(9);
    (0..2 + random % 3)
        .map(|number| {
            let dice = random >> (8 * (number + 1));
            at += Duration::minutes(i64::try_from(dice % 4 * 30).unwrap_or(0));
            let minutes = if dice.is_multiple_of(3) { 60 } else { 30 };
            let meeting = (at, at + Duration::minutes(minutes), dice);
            at = meeting.1;
            meeting
        })
        .collect()
}

fn event(organizer: &Person, from: OffsetDateTime, to: OffsetDateTime, number: u64) -> Value {
    let subject = choose(MEETINGS, number);
    let id = format!("AAMkEV{:016x}{:x}", number, from.unix_timestamp());
    let clock = |time: OffsetDateTime| {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].0000000");
        json!({ "dateTime": time.format(format).unwrap_or_default(), "timeZone": "UTC" })
    };
    json!({
        "@odata.etag": format!("W/\"{number:x}\""),
        "id": id,
        "subject": subject,
        "bodyPreview": format!("{subject} with {}", organizer.display_name),
        "start": clock(from),
        "end": clock(to),
        "isAllDay": false,
        "isCancelled": false,
        "isOnlineMeeting": number.is_multiple_of(2),
        "location": { "displayName": if number.is_multiple_of(2) { "Microsoft Teams Meeting" } else { "Room 3" } },
        "organizer": { "emailAddress": { "name": organizer.display_name, "address": organizer.mail() } },
        "attendees": [],
        "showAs": "busy",
        "type": "occurrence",
        "webLink": format!("https://outlook.example/calendar/item/{id}"),
    })
}

fn message(call: &Call<'_>, me: &Person, number: u32, basic: bool) -> Value {
    let random = me.random(&format!("message {number}"));
    let people = call.tenant.people();
    let count = u64::try_from(people.len()).unwrap_or(1).max(1);
    let sender = u32::try_from(random % count)
        .ok()
        .and_then(|at| people.get(at))
        .unwrap_or(me);
    let today = call.state.now().replace_time(Time::MIDNIGHT);
    let received = today
        - Duration::hours(i64::from(number) * 7)
        - Duration::minutes(i64::try_from(random % 240).unwrap_or(0));
    let subject = choose(SUBJECTS, random >> 8);
    let text = format!(
        "Hello {},\r\n\r\n{subject}. More when we meet.\r\n\r\n{}",
        me.given_name, sender.given_name
    );
    let mut message = json!({
        "@odata.etag": format!("W/\"CQ{random:x}\""),
        "id": format!("AAMkMS{random:016x}"),
        "subject": subject,
        "receivedDateTime": written(received),
        "sentDateTime": written(received),
        "hasAttachments": random.is_multiple_of(7),
        "importance": "normal",
        "isRead": number > 3,
        "isDraft": false,
        "conversationId": format!("AAQk{:016x}", random >> 3),
        "from": { "emailAddress": { "name": sender.display_name, "address": sender.mail() } },
        "toRecipients": [{ "emailAddress": { "name": me.display_name, "address": me.mail() } }],
        "ccRecipients": [],
        "webLink": format!("https://outlook.example/mail/item/{random:016x}"),
    });
    // Graph docs, permissions reference: Mail.ReadBasic leaves out what is in the message.
    if !basic {
        message["bodyPreview"] = json!(text.replace("\r\n", " "));
        message["body"] = json!({ "contentType": "text", "content": text });
    }
    message
}

fn choose(words: &[&'static str], random: u64) -> &'static str {
    let count = u64::try_from(words.len()).unwrap_or(1);
    words[usize::try_from(random % count).unwrap_or(0)]
}

fn written(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

/// `2026-11-23T00:00:00Z`, with an offset, or without one (UTC then), or a mere date.
fn moment(text: &str) -> Result<OffsetDateTime, Refusal> {
    // A "+" of an offset that was not percent-encoded arrives as a space.
    let text = text.replace(' ', "+");
    let plain = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]]"
    );
    let date = format_description!("[year]-[month]-[day]");
    OffsetDateTime::parse(&text, &Rfc3339)
        .or_else(|_| PrimitiveDateTime::parse(&text, plain).map(PrimitiveDateTime::assume_utc))
        .or_else(|_| Date::parse(&text, date).map(|date| date.midnight().assume_utc()))
        .ok()
        .and_then(|time| time.checked_to_offset(UtcOffset::UTC))
        .ok_or_else(|| {
            invalid_time(
                "The value of a query string parameter could not be parsed as a date and time.",
            )
        })
}

fn invalid_time(message: &'static str) -> Refusal {
    Refusal::new(
        http::StatusCode::BAD_REQUEST,
        "ErrorInvalidParameter",
        message,
    )
}
