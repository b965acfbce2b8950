//! R3, R5: only what this server sealed for this very `state` opens as a sign-in attempt.
#![no_main]

use axum::http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use server::{
    auth::attempt::{Attempt, Person},
    session::{
        User,
        seal::{Key, Sealer},
    },
};
use uuid::Uuid;

const NOW: i64 = 1_700_000_000;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    https: bool,
    state: &'a str,
    return_to: &'a str,
    /// Who was asked for more.
    username: Option<&'a str>,
    /// The claims challenge.
    claims: Option<&'a str>,
    /// The whole header, with `@` for the name of the attempt's cookie and `%` for its value.
    header: &'a [u8],
    /// Changes to the sealed value: where and to what.
    edits: Vec<(u16, u8)>,
    /// The `state` that comes back.
    answer: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    let sealer = sealer(1);
    let attempt = Attempt {
        expects: input.username.map(person),
        claims: input.claims.map(str::to_owned),
        ..attempt(input.state, input.return_to)
    };
    let claims = input.claims.unwrap_or_default();
    let username = input.username.unwrap_or_default();
    let none = HeaderMap::new();
    let cookies = attempt
        .cookies(input.https, &sealer, &none, NOW)
        .expect("it seals");
    let Some(cookies) = cookies else {
        let length = input.state.len() + input.return_to.len() + claims.len() + username.len();
        assert!(length > 300, "{length}");
        return;
    };
    let Some((name, value)) = cookies.last().and_then(|cookie| {
        let (pair, _) = cookie.to_str().ok()?.split_once(';')?;
        pair.split_once('=')
    }) else {
        return;
    };
    let find = |sealer: &Sealer, header: &[u8], state: &str, now: i64| {
        let mut request = HeaderMap::new();
        request.insert(header::COOKIE, HeaderValue::from_bytes(header).ok()?);
        Attempt::find(input.https, sealer, &request, state, now)
    };

    // As it was made, it opens: for its state, in its time, under its key, and for nothing else.
    let made = format!("{name}={value}");
    let found = find(&sealer, made.as_bytes(), input.state, NOW).expect("it opens");
    assert_eq!(found.return_to, input.return_to);
    assert_eq!(found.claims.as_deref(), input.claims);
    let expected = found.expects.map(|person| person.username);
    assert_eq!(expected.as_deref(), input.username);
    assert!(find(&sealer, made.as_bytes(), input.state, NOW + 15 * 60).is_none());
    assert!(find(&self::sealer(2), made.as_bytes(), input.state, NOW).is_none());
    if input.answer != input.state {
        assert!(find(&sealer, made.as_bytes(), input.answer, NOW).is_none());
    }

    // Changed, it does not.
    let mut edited = value.as_bytes().to_vec();
    for (at, byte) in &input.edits {
        let at = usize::from(*at) % (edited.len() + 1);
        match edited.get_mut(at) {
            Some(old) => *old = *byte,
            None => edited.push(*byte),
        }
    }
    if edited != value.as_bytes() {
        let header = [name.as_bytes(), b"=", &edited].concat();
        if let Some(found) = find(&sealer, &header, input.state, NOW) {
            // A cookie ends where the header's grammar says: what came after the value was never part of it.
            assert!(
                edited.starts_with(value.as_bytes()) || edited.trim_ascii() == value.as_bytes(),
                "{} opened",
                String::from_utf8_lossy(&edited)
            );
            assert_eq!(found.state.expose(), input.state);
        }
    }

    // Any header at all: what opens is ours, whatever stands around it.
    let header: Vec<u8> = input
        .header
        .iter()
        .flat_map(|byte| match byte {
            b'@' => name.as_bytes(),
            b'%' => value.as_bytes(),
            other => std::slice::from_ref(other),
        })
        .copied()
        .collect();
    if let Some(found) = find(&sealer, &header, input.answer, NOW) {
        assert_eq!(found.state.expose(), input.state);
        assert_eq!(input.answer, input.state);
    }
    let mut request = HeaderMap::new();
    if let Ok(header) = HeaderValue::from_bytes(&header) {
        request.insert(header::COOKIE, header);
        let next = self::attempt("another", "/");
        let answer = next
            .cookies(input.https, &sealer, &request, NOW)
            .expect("it seals")
            .expect("it is short");
        let set = answer.iter().filter(|cookie| !deletes(cookie)).count();
        assert_eq!(set, 1, "one is made, others are only deleted");
    }
    _ = Attempt::forget(input.https, input.answer);
});

/// As a session knows them.
fn person(username: &str) -> Person {
    Person::from(&User {
        tid: Uuid::from_u128(7),
        oid: "object".to_owned(),
        sub: "subject".to_owned(),
        iss: "issuer".to_owned(),
        name: "name".to_owned(),
        username: username.to_owned(),
        sid: None,
        login_hint: None,
        roles: Vec::new(),
        language: None,
        issued: 0,
        expires: 0,
    })
}

fn deletes(cookie: &HeaderValue) -> bool {
    cookie
        .to_str()
        .is_ok_and(|cookie| cookie.contains("Max-Age=0"))
}

fn sealer(key: u8) -> Sealer {
    Sealer::new(Key::from_bytes(&[key; 32]).expect("32 bytes"), Vec::new())
}

fn attempt(state: &str, return_to: &str) -> Attempt {
    Attempt {
        state: state.to_owned().into(),
        nonce: "nonce".to_owned().into(),
        verifier: "verifier".to_owned().into(),
        return_to: return_to.to_owned(),
        scopes: vec!["User.Read".to_owned()],
        started: NOW,
        replaces: None,
        expects: None,
        claims: None,
    }
}
