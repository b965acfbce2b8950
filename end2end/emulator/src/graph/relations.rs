//! Who is whose manager, who reports to whom, who belongs to what, and who matters to the caller.

use http::StatusCode;
use serde_json::{Value, json};

use crate::directory::{Group, Person, groups_of};

use super::call::{Call, Reply};
use super::collection::{self, Paging};
use super::error::Refusal;
use super::fields::{self, View};
use super::scopes;
use super::users::selected;

/// `GET …/manager`.
pub fn manager(call: &Call<'_>, user: &str) -> Result<Reply, Refusal> {
    no_personal(call)?;
    scopes::require(call.access, scopes::PROFILES)?;
    let person = call.subject(user, scopes::PROFILES)?.person;
    let manager = person.manager.and_then(|at| call.tenant.people().get(at));
    let manager = manager.ok_or_else(|| Refusal::not_found("manager"))?;
    let names = selected(call, true)?;
    let mut body = directory_object(manager, &names, View::Full);
    body["@odata.context"] = json!(call.context(
        "directoryObjects",
        &names,
        call.query.select.is_some(),
        true
    ));
    Ok(Reply::json(body))
}

/// `GET …/directReports`.
pub fn direct_reports(call: &Call<'_>, user: &str) -> Result<Reply, Refusal> {
    no_personal(call)?;
    // "User.Read and User.ReadBasic.All", or more.
    let full = scopes::has(call.access, scopes::PROFILES);
    if !full {
        scopes::require(call.access, &["User.Read", "User.ReadWrite"])?;
        scopes::require(call.access, scopes::BASIC_PROFILES)?;
    }
    let person = call.subject(user, scopes::PROFILE)?.person;
    let people = call.tenant.people();
    let names = selected(call, false)?;
    let view = if full { View::Full } else { View::Basic };
    let at = people.position(&person.oid.to_string());
    let reports = at
        .into_iter()
        .flat_map(|at| people.reports_of(at))
        .filter_map(|at| people.get(at));
    let reports = reports
        .map(|report| directory_object(report, &names, view))
        .collect();
    collection::page(call, "directoryObjects", reports, 100, 999, Paging::Token)
}

/// `GET …/memberOf` and `GET …/transitiveMemberOf`.
pub fn member_of(call: &Call<'_>, user: &str) -> Result<Reply, Refusal> {
    no_personal(call)?;
    let subject = call.subject(user, scopes::MEMBER_OF)?;
    if !subject.me {
        scopes::require(call.access, scopes::MEMBERS_OF)?;
    }
    // Graph docs, "Limited information returned for inaccessible member objects".
    let named = scopes::has(call.access, scopes::GROUPS);
    let groups = groups_of(call.tenant, subject.person);
    let groups = groups
        .iter()
        .map(|group| group_json(group, named))
        .collect();
    collection::page(call, "directoryObjects", groups, 100, 999, Paging::Token)
}

/// `GET /me/people`: the manager, the reports, and the department's others.
pub fn people(call: &Call<'_>) -> Result<Reply, Refusal> {
    if !scopes::has(call.access, scopes::PEOPLE) {
        return Err(Refusal::access_denied());
    }
    let me = call.me()?;
    let people = call.tenant.people();
    let at = people.position(&me.oid.to_string());
    let reports = at.into_iter().flat_map(|at| people.reports_of(at));
    let peers = me
        .manager
        .into_iter()
        .flat_map(|manager| people.reports_of(manager));
    let mut near: Vec<u32> = me.manager.into_iter().chain(reports).chain(peers).collect();
    let department = me.department().filter(|_| near.len() < 50);
    let same = people
        .iter()
        .filter(|(_, person)| department.is_some() && person.department() == department);
    near.extend(same.map(|(at, _)| at).take(60));
    let mut seen = Vec::new();
    near.retain(|&other| {
        Some(other) != at && !seen.contains(&other) && {
            seen.push(other);
            true
        }
    });
    let wanted = call
        .query
        .search
        .as_deref()
        .map(|text| text.trim_matches('"').to_lowercase());
    let found = near
        .into_iter()
        .filter_map(|at| people.get(at))
        .filter(|person| {
            wanted.as_ref().is_none_or(|wanted| {
                person.display_name.to_lowercase().contains(wanted.as_str())
                    || person.mail().starts_with(wanted.as_str())
            })
        });
    let values = found
        .zip(1_u32..)
        .map(|(person, rank)| relevant(person, rank))
        .collect();
    collection::page(
        call,
        &format!("users('{}')/people", me.oid),
        values,
        10,
        1000,
        Paging::Skip,
    )
}

/// `POST /me/revokeSignInSessions`.
pub fn revoke_sessions(call: &Call<'_>) -> Result<Reply, Refusal> {
    no_personal(call)?;
    scopes::require(call.access, scopes::REVOKE)?;
    call.state.revoke_sessions(&call.access.oid);
    Ok(Reply::json(json!({
        "@odata.context": call.context("Edm.Boolean", &[], false, false),
        "value": true,
    })))
}

fn no_personal(call: &Call<'_>) -> Result<(), Refusal> {
    if call.tenant.personal {
        Err(Refusal::personal())
    } else {
        Ok(())
    }
}

fn directory_object(person: &Person, names: &[&'static str], view: View) -> Value {
    let mut value = fields::json(person, names, view);
    value["@odata.type"] = json!("#microsoft.graph.user");
    value
}

fn group_json(group: &Group, named: bool) -> Value {
    let shown = |value: Value| if named { value } else { Value::Null };
    json!({
        "@odata.type": "#microsoft.graph.group",
        "id": group.id,
        "displayName": shown(json!(group.name)),
        "description": shown(json!(format!("Everybody of {}", group.name))),
        "groupTypes": [],
        "mail": null,
        "mailEnabled": shown(json!(false)),
        "mailNickname": shown(json!(group.name.replace(' ', "-").to_lowercase())),
        "securityEnabled": shown(json!(true)),
        "visibility": null,
    })
}

fn relevant(person: &Person, rank: u32) -> Value {
    let phones: Vec<Value> = (person.business_phone().iter())
        .map(|number| json!({ "type": "business", "number": number }))
        .collect();
    json!({
        "id": person.oid,
        "displayName": person.display_name,
        "givenName": person.given_name,
        "surname": person.surname,
        "jobTitle": person.job,
        "department": person.department(),
        "officeLocation": person.office_location(),
        "companyName": null,
        "userPrincipalName": person.username,
        "imAddress": format!("sip:{}", person.mail()),
        "isFavorite": false,
        "personNotes": "",
        "profession": "",
        "phones": phones,
        "postalAddresses": [],
        "websites": [],
        "scoredEmailAddresses": [{
            "address": person.mail(),
            "relevanceScore": 40 - i64::from(rank.min(39)),
            "selectionLikelihood": "notSpecified",
        }],
        "personType": { "class": "Person", "subclass": "OrganizationUser" },
    })
}

/// Exchange has no mailbox for guests.
pub fn mailbox<'a>(call: &Call<'a>, any: &[&str]) -> Result<&'a Person, Refusal> {
    if !scopes::has(call.access, any) {
        return Err(Refusal::access_denied());
    }
    let me = call.me()?;
    if me.guest {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "MailboxNotEnabledForRESTAPI",
            "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
        ));
    }
    Ok(me)
}
