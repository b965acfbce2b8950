//! R3, R7–R9: whatever comes back to the callback, nobody is signed in by it, nobody is sent anywhere, nothing in it
//! becomes markup, and what Microsoft's description says changes words only.
#![no_main]

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use emulator::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Emulator};
use libfuzzer_sys::fuzz_target;
use server::{
    Cloakroom,
    auth::attempt::{Attempt, Person},
    clock::Clock,
    config::Settings,
    router,
    session::User,
};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;
use url::form_urlencoded;
use uuid::Uuid;

/// The server, and Microsoft played by the emulator.
struct World {
    runtime: Runtime,
    cloakroom: Arc<Cloakroom>,
    router: Router,
    emulator: Emulator,
    visits: u64,
}

/// Never dropped: libFuzzer ends the process in its own way.
static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| Mutex::new(World::new()));

/// What of an answer may not depend on the description.
#[derive(Debug, PartialEq, Eq)]
struct Behaviour {
    status: StatusCode,
    location: Option<String>,
    cookies: usize,
    links: Vec<String>,
}

fuzz_target!(|query: &str| {
    let world = &mut *WORLD.lock().expect("the first find ends it all");
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .filter(|(name, _)| name != "state")
        .collect();
    // As it came, and without an attempt that it could belong to.
    _ = world.visit(query, false);
    let Some(behaviour) = world.visit(&encode(&pairs), true) else {
        return;
    };
    let (said, rest): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .partition(|(name, _)| name == "error_description");
    if said.is_empty() {
        return;
    }
    assert_eq!(
        world.visit(&encode(&rest), true).as_ref(),
        Some(&behaviour),
        "R9"
    );
    let forged: String = said.into_iter().map(|(_, text)| text).collect();
    for text in [
        format!("{forged}<i>AADSTS53003</i>"),
        format!("AADSTS65001: {forged}"),
    ] {
        let mut query = rest.clone();
        query.push(("error_description".to_owned(), text));
        assert_eq!(
            world.visit(&encode(&query), true).as_ref(),
            Some(&behaviour),
            "R9"
        );
    }
});

fn encode(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

impl World {
    fn new() -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (emulator, cloakroom) = runtime.block_on(async {
            let emulator = Emulator::start(emulator::Settings::default())
                .await
                .expect("the emulator");
            let settings: HashMap<_, _> = [
                ("CLIENT_ID", DEMO_CLIENT_ID.to_owned()),
                ("CLIENT_SECRET", DEMO_CLIENT_SECRET.to_owned()),
                ("AUTHORITY", emulator.authority("common")),
                ("GRAPH_ENDPOINT", emulator.origin()),
                ("SESSION_STORE", "sqlite::memory:".to_owned()),
            ]
            .into();
            let config = Settings(|name: &str| settings.get(name).cloned())
                .read(false)
                .expect("right settings");
            let cloakroom = Cloakroom::open(config, Clock::system())
                .await
                .expect("a server");
            (emulator, cloakroom)
        });
        Self {
            router: router(cloakroom.clone()),
            runtime,
            cloakroom,
            emulator,
            visits: 0,
        }
    }

    /// Visits the callback, with an attempt of its own or with none. `None`: no URL at all.
    fn visit(&mut self, query: &str, with_attempt: bool) -> Option<Behaviour> {
        self.visits += 1;
        if self.visits.is_multiple_of(10_000) {
            self.emulator.control().forget_calls();
        }
        let state = format!("state-{}", self.visits);
        let mut request = Request::builder();
        let uri = if with_attempt {
            request = request.header(header::COOKIE, self.cookie(&state));
            format!("/auth/callback?state={state}&{query}")
        } else {
            format!("/auth/callback?{query}")
        };
        let request = request.uri(uri).body(Body::empty()).ok()?;
        let router = self.router.clone();
        let (parts, body) = self.runtime.block_on(async {
            let Ok(response) = router.oneshot(request).await;
            let (parts, body) = response.into_parts();
            (parts, to_bytes(body, usize::MAX).await.expect("a body"))
        });
        let body = String::from_utf8(body.to_vec()).expect("text");

        assert!(
            matches!(parts.status.as_u16(), 400 | 503),
            "{}: {body}",
            parts.status
        );
        assert!(!body.contains("<i>") && !body.contains("<script"), "{body}");
        let header = |name| parts.headers.get(name);
        assert_eq!(header(header::REFERRER_POLICY).expect("R13"), "no-referrer");
        assert_eq!(header(header::CACHE_CONTROL).expect("R66"), "no-store");
        let cookies: Vec<_> = parts.headers.get_all(header::SET_COOKIE).iter().collect();
        for cookie in &cookies {
            let cookie = cookie.to_str().expect("text");
            assert!(
                cookie.starts_with("signin-") && cookie.contains("=; "),
                "{cookie}"
            );
        }
        let mut links: Vec<_> = body
            .split("href=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .map(str::to_owned)
            .collect();
        assert!(links.iter().all(|link| link.starts_with(['/', '#'])));
        links.sort();
        Some(Behaviour {
            status: parts.status,
            location: header(header::LOCATION).map(|to| format!("{to:?}")),
            cookies: cookies.len(),
            links,
        })
    }

    fn cookie(&self, state: &str) -> String {
        let now = self.cloakroom.clock.now().unix_timestamp();
        let attempt = Attempt {
            state: state.to_owned().into(),
            nonce: "nonce".to_owned().into(),
            verifier: "v".repeat(43).into(),
            return_to: "/people".to_owned(),
            scopes: self.cloakroom.config.scopes_to_ask(),
            started: now,
            replaces: None,
            // A signed-in person who was asked for more, with a challenge: the page has most to say then.
            expects: Some(Person::from(&User {
                tid: Uuid::from_u128(7),
                oid: "object".to_owned(),
                sub: "subject".to_owned(),
                iss: "issuer".to_owned(),
                name: "name".to_owned(),
                username: "maya".to_owned(),
                sid: None,
                login_hint: None,
                roles: Vec::new(),
                language: None,
                issued: 0,
                expires: 0,
            })),
            claims: Some(r#"{"access_token":{"nbf":{"value":"1"}}}"#.to_owned()),
        };
        let cookies = attempt
            .cookies(false, &self.cloakroom.sealer, &HeaderMap::new(), now)
            .expect("it seals")
            .expect("it is short");
        let cookie = cookies[0].to_str().expect("text");
        cookie.split(';').next().expect("a pair").to_owned()
    }
}
