//! R93: whatever stands in Retry-After, the wait is bounded, and never shorter than what was asked for.
#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use server::upstream::{LONGEST_WAIT, parse_retry_after, whole_seconds};

fuzz_target!(|input: (u32, &str)| {
    let (now, text) = input;
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now.into());
    let wait = parse_retry_after(text, now);
    if let Some(wait) = wait {
        assert!(wait <= LONGEST_WAIT, "{text:?}");
        assert!(Duration::from_secs(whole_seconds(wait).into()) >= wait);
    }
    // What each member of a list asks for, as far as it is plain.
    for member in text.split(',').map(str::trim) {
        let plain = !member.is_empty() && member.bytes().all(|b| b.is_ascii_digit());
        if plain {
            let asked = member.parse().map_or(LONGEST_WAIT, Duration::from_secs);
            assert!(
                wait >= Some(asked.min(LONGEST_WAIT)),
                "{text:?} asks for {member}, and {wait:?} is waited"
            );
        }
    }
    if let Ok(date) = text.trim().parse::<httpdate::HttpDate>() {
        let asked = SystemTime::from(date).duration_since(now);
        let asked = asked.unwrap_or_default().min(LONGEST_WAIT);
        assert!(wait >= Some(asked), "{text:?}: {wait:?}");
    }
    // One more member makes no wait shorter.
    assert!(parse_retry_after(&format!("{text},1"), now) >= wait.max(Some(Duration::from_secs(1))));
});
