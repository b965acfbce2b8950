//! A server with its emulator, and a client that does what a browser would.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use emulator::{Call, Client, Control, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Emulator, Endpoint};
use reqwest::{Method, StatusCode, Url, header::HeaderMap};
use server::{Cloakroom, clock::Clock, config::Settings, router, serve, session::Session};
use time::OffsetDateTime;

pub const EMPLOYEE: &str = "maya.lindqvist@fabrikam.example";
pub const MANAGER: &str = "tomas.okafor@fabrikam.example";
pub const FABRIKAM: &str = "7e1f5c1a-3b8d-4c57-9a44-0d2f6b9c8e10";

/// A deadline for calls to Microsoft that a test waits for; the others have a longer one, for busy machines.
pub const IMPATIENT: Duration = Duration::from_secs(3);

/// A running server. It stops when dropped.
pub struct TestApp {
    pub emulator: Emulator,
    pub cloakroom: Arc<Cloakroom>,
    pub origin: String,
    ahead: Arc<AtomicI64>,
    waits: Arc<Mutex<Vec<Duration>>>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With settings of its own beside what every test needs.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::with_deadline(settings, Duration::from_secs(20)).await
    }

    /// With another deadline for calls to Microsoft.
    pub async fn with_deadline(settings: &[(&str, &str)], deadline: Duration) -> Self {
        let emulator = Emulator::start(emulator::Settings::default())
            .await
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let origin = format!("http://localhost:{port}");
        let mut map: HashMap<String, String> = [
            ("CLIENT_ID", DEMO_CLIENT_ID),
            ("CLIENT_SECRET", DEMO_CLIENT_SECRET),
            ("AUTHORITY", &emulator.authority("common")),
            ("GRAPH_ENDPOINT", &emulator.origin()),
            ("PUBLIC_URL", &origin),
            ("SESSION_STORE", "sqlite::memory:"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        for (name, value) in settings {
            let value = value.replace("{emulator}", &emulator.origin());
            map.insert((*name).to_owned(), value);
        }
        let config = Settings(|name: &str| map.get(name).cloned())
            .read(false)
            .unwrap();
        let ahead = Arc::new(AtomicI64::new(0));
        let waits: Arc<Mutex<Vec<Duration>>> = Arc::default();
        let clock = {
            let ahead = ahead.clone();
            Clock::new(move || {
                let ahead = ahead.load(Ordering::SeqCst);
                OffsetDateTime::now_utc() + time::Duration::milliseconds(ahead)
            })
        };
        // A wait is noted, and over: time passes here and at Microsoft.
        let clock = {
            let (ahead, waits, control) = (ahead.clone(), waits.clone(), emulator.control());
            clock.with_sleep(move |wait| {
                waits.lock().unwrap().push(wait);
                pass(&ahead, &control, wait);
                Box::pin(std::future::ready(()))
            })
        };
        let cloakroom = Cloakroom::open_with_deadline(config, clock, deadline)
            .await
            .unwrap();
        let app = router(cloakroom.clone());
        let server = tokio::spawn(async move {
            serve::serve(listener, app, std::future::pending())
                .await
                .unwrap();
        });
        Self {
            emulator,
            cloakroom,
            origin,
            ahead,
            waits,
            server,
        }
    }

    pub fn control(&self) -> Arc<Control> {
        self.emulator.control()
    }

    /// An administrator has allowed these too.
    pub fn allow(&self, scopes: &[&str]) {
        let mut client = Client::demo();
        client
            .consented
            .extend(scopes.iter().map(|scope| (*scope).to_owned()));
        self.control().register(client);
    }

    /// Time passes here and at Microsoft.
    pub fn advance(&self, by: Duration) {
        pass(&self.ahead, &self.control(), by);
    }

    /// What the server has waited for, by the clock, since this was last asked.
    pub fn waits(&self) -> Vec<Duration> {
        std::mem::take(&mut self.waits.lock().unwrap())
    }

    /// The session of this browser, for calls that no page makes.
    pub async fn session(&self, browser: &Browser) -> Arc<Session> {
        let id = browser.cookies["session"].parse().unwrap();
        let found = self.cloakroom.sessions.find(&id).await.unwrap();
        Arc::new(found.expect("a session"))
    }

    pub fn calls(&self, endpoint: Endpoint) -> Vec<Call> {
        self.control().calls_to(endpoint)
    }

    pub fn token_calls(&self) -> usize {
        self.calls(Endpoint::Token).len()
    }

    /// Waits until so many token calls have come in; fails if they never do.
    pub async fn token_calls_reach(&self, count: usize) {
        let reached = async {
            while self.token_calls() < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reached)
            .await
            .expect("a token call");
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.origin)
    }

    /// A browser in which this person is signed in.
    pub async fn signed_in(&self, user: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.sign_in(user).await;
        assert!(answer.status == 303, "{answer:?}");
        browser
    }
}

fn pass(ahead: &AtomicI64, control: &Control, by: Duration) {
    // To the next millisecond: a clock that is short of the end of a wait would wait again.
    let milliseconds = i64::try_from(by.as_micros().div_ceil(1000)).unwrap();
    ahead.fetch_add(milliseconds, Ordering::SeqCst);
    control.advance(by);
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    pub fn set_cookies(&self) -> Vec<String> {
        self.headers
            .get_all("set-cookie")
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }
}

/// Everything that was ever sent to a browser of this process, for the leak test.
pub static SEEN: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// A browser: cookies, fetch metadata, redirects only by hand.
#[derive(Clone)]
pub struct Browser {
    origin: String,
    http: reqwest::Client,
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    pub fn new(origin: &str) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // An answer that never comes is a failure with a name, not a run that never ends.
            .timeout(Duration::from_mins(1))
            .build()
            .unwrap();
        Self {
            origin: origin.to_owned(),
            http,
            cookies: BTreeMap::new(),
        }
    }

    /// The same browser, as a balancer leads it to another server.
    pub fn at(&self, origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            ..self.clone()
        }
    }

    /// A request as it stands, with the cookies of this site and nothing else.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        let url = format!("{}{path}", self.origin);
        let mut request = self.http.request(method, &url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let headers = response.headers().clone();
        let body = String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned();
        SEEN.lock().unwrap().push((
            format!("{} {path}", self.origin),
            format!("{headers:?}\n{body}"),
        ));
        // R52: what the emulator hands out begins with these words.
        let all = format!("{headers:?}\n{body}");
        for canary in ["emu-access-", "emu-refresh-", "emu-code-"] {
            assert!(!all.contains(canary), "{path} shows {canary}");
        }
        let answer = Answer {
            status,
            headers,
            body,
        };
        for cookie in answer.set_cookies() {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((&cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() || attributes.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// A page, from a link on this site.
    pub async fn get(&mut self, path: &str) -> Answer {
        let headers = [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", "navigate"),
            ("accept", "text/html"),
        ];
        self.send(Method::GET, path, &headers, None).await
    }

    /// A page, from a link on another site: the Strict session cookie stays at home.
    pub async fn get_from_elsewhere(&mut self, path: &str) -> Answer {
        let session = self.cookies.remove("session");
        let headers = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("accept", "text/html"),
        ];
        let answer = self.send(Method::GET, path, &headers, None).await;
        if let Some(session) = session {
            self.cookies.entry("session".to_owned()).or_insert(session);
        }
        answer
    }

    /// A data call by a script of this site.
    pub async fn fetch(&mut self, path: &str) -> Answer {
        self.send(
            Method::GET,
            path,
            &[("x-csrf", "1"), ("sec-fetch-site", "same-origin")],
            None,
        )
        .await
    }

    /// A server function.
    pub async fn call(&mut self, name: &str, form: &str) -> Answer {
        let headers = [
            ("x-csrf", "1"),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "application/json"),
        ];
        self.send(Method::POST, &format!("/api/{name}"), &headers, Some(form))
            .await
    }

    /// A form of this site.
    pub async fn post(&mut self, path: &str) -> Answer {
        let headers = [
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.send(Method::POST, path, &headers, Some("")).await
    }

    /// Starts a sign-in and lets the platform sign this person in, up to the address of the callback.
    pub async fn begin(&mut self, user: &str, parameters: &str) -> String {
        let start = self
            .get(&format!("/auth/login?login_hint={user}{parameters}"))
            .await;
        assert_eq!(start.status, 303, "{start:?}");
        self.at_platform(start.header("location")).await
    }

    /// Follows the authorization request to the platform, which answers with the way back.
    pub async fn at_platform(&self, authorize: &str) -> String {
        let response = self.http.get(authorize).send().await.unwrap();
        let status = response.status();
        let location = response
            .headers()
            .get("location")
            .map(|value| value.to_str().unwrap().to_owned());
        let body = response.text().await.unwrap();
        let location = location.unwrap_or_else(|| panic!("the platform answered {status}: {body}"));
        let url = Url::parse(&location).unwrap();
        format!("{}?{}", url.path(), url.query().unwrap_or_default())
    }

    /// Signs in; the answer is the callback's.
    pub async fn sign_in(&mut self, user: &str) -> Answer {
        let callback = self.begin(user, "").await;
        self.callback(&callback).await
    }

    /// Visits the callback as a client without fetch metadata does: the answer is a plain redirect.
    pub async fn callback(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("accept", "text/html")], None)
            .await
    }

    pub async fn user(&mut self) -> serde_json::Value {
        let answer = self.fetch("/auth/session").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["user"].clone()
    }
}

/// A folder that goes with the test.
pub struct TempDir(pub PathBuf);

impl TempDir {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("cloakroom-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}
