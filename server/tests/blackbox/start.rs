//! The binary: it starts, refuses to start with one line, and stops.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

fn cloakroom() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloakroom"));
    command
        .env_clear()
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null());
    command
}

fn refusal(settings: &[(&str, &str)]) -> String {
    let mut command = cloakroom();
    command
        .envs(settings.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let mut stderr = running.0.stderr.take().unwrap();
    let (said, hear) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        _ = stderr.read_to_string(&mut text);
        _ = said.send(text);
    });
    // One that is content with its settings would serve for ever.
    let text = hear.recv_timeout(Duration::from_secs(20));
    let text = text.unwrap_or_else(|_| panic!("it starts with {settings:?}"));
    assert!(!running.0.wait().unwrap().success(), "{settings:?}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    text
}

#[test] // R11, R41, R42, R110, R115
fn a_wrong_setting_stops_the_start_with_one_line_that_names_it() {
    let good = [
        ("CLIENT_ID", "11111111-2222-3333-4444-555555555555"),
        ("CLIENT_SECRET", "s3cret-canary"),
    ];
    for (name, value) in [
        ("CLIENT_ID", "Enter_the_Application_Id_Here"),
        ("CLIENT_SECRET", "<your secret>"),
        ("CLIENT_SECRET", ""),
        ("AUTHORITY", "https://login.evil.example/common"),
        ("AUTHORITY", "http://login.microsoftonline.com/common"),
        ("AUTHORITY", "https://login.microsoftonline.us/consumers"),
        ("AUTHORITY", "nonsense"),
        ("GRAPH_ENDPOINT", "https://graph.microsoft.us"),
        ("GRAPH_ENDPOINT", "https://graph.evil.example"),
        ("GRAPH_ALLOW_LIST", "/no/such/file.toml"),
        ("PUBLIC_URL", "http://app.example"),
        ("PUBLIC_URL", "https://app.example/path"),
        ("REDIRECT_PATH", "/callback?x=1"),
        ("REDIRECT_PATH", "callback"),
        ("SESSION_KEY", "short"),
        (
            "SESSION_KEY",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ),
        ("TRUSTED_HOSTS", "https://login.example.org"),
        ("SESSION_IDLE", "soon"),
        ("SESSION_STORE", "mysql://x"),
        ("SESSION_STORE", "rediss://user:canary@"),
        ("ALLOWED_TENANTS", "fabrikam"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("LEPTOS_SITE_ADDR", "here"),
        ("LOG_FORMAT", "xml"),
    ] {
        let settings: Vec<_> = good
            .into_iter()
            .filter(|(other, _)| *other != name)
            .chain([(name, value)])
            .collect();
        let text = refusal(&settings);
        assert!(text.contains(name), "{name}={value}: {text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test] // R111
fn redis_without_a_key_stops_the_start_and_names_the_mend() {
    let text = refusal(&[
        ("CLIENT_ID", "11111111-2222-3333-4444-555555555555"),
        ("CLIENT_SECRET", "s3cret"),
        ("SESSION_STORE", "redis://:canary@localhost"),
    ]);
    assert!(
        text.contains("SESSION_KEY") && text.contains("openssl rand -base64 32"),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn the_demo_refuses_to_listen_beyond_loopback() {
    let text = refusal(&[("LEPTOS_SITE_ADDR", "0.0.0.0:0")]);
    assert!(
        text.contains("LEPTOS_SITE_ADDR") && text.contains("loopback"),
        "{text}"
    );
    let text = refusal(&[("AUTHORITY", "https://login.microsoftonline.com/common")]);
    assert!(text.contains("CLIENT_ID"), "{text}");
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

#[tokio::test] // R117
async fn the_demo_starts_by_itself_serves_and_stops_on_sigterm() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut command = cloakroom();
    command
        .env("LEPTOS_SITE_ADDR", address.to_string())
        .stderr(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let mut lines = BufReader::new(running.0.stderr.take().unwrap()).lines();
    let listening = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.contains("listening"))
        .expect("it listens");
    assert!(
        listening.contains(&format!("http://localhost:{}", address.port())),
        "{listening}"
    );

    let page = reqwest::get(format!("http://{address}/")).await.unwrap();
    assert_eq!(page.status(), 200);
    let body = page.text().await.unwrap();
    assert!(
        body.contains("Demo") && body.contains("Sign in with Microsoft"),
        "{body}"
    );
    let ready = reqwest::get(format!("http://{address}/readyz"))
        .await
        .unwrap();
    assert_eq!(ready.status(), 200);

    // R112: nothing that a browser brings begins a line of its own.
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let begun = client
        .get(format!("http://{address}/auth/login"))
        .send()
        .await
        .unwrap();
    let header = |name: &str| begun.headers()[name].to_str().unwrap().to_owned();
    let location = reqwest::Url::parse(&header("location")).unwrap();
    let state = location
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1;
    let cookie = header("set-cookie");
    let refused = client
        .get(format!(
            "http://{address}/auth/callback?error=a%0d%0aFORGED%1b[2J&state={state}"
        ))
        .header("cookie", cookie.split(';').next().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 400);
    let line = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.contains("sign_in_failed") || line.starts_with("FORGED"))
        .expect("it is logged");
    assert!(
        line.contains("FORGED") && !line.starts_with("FORGED") && !line.contains(char::is_control),
        "{line:?}"
    );

    let killed = Command::new("kill")
        .args(["-TERM", &running.0.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert!(
        running.0.wait().unwrap().success(),
        "it ends by itself, with 0"
    );
}

/// What `cloakroom explain …` prints, and its exit code.
fn explain(arguments: &[&str]) -> (String, i32) {
    let output = cloakroom().arg("explain").args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text, output.status.code().unwrap())
}

#[test]
fn explain_tells_what_a_code_means_in_whatever_way_it_is_written() {
    let (text, code) = explain(&["AADSTS50011"]);
    assert_eq!(code, 0);
    for part in [
        "AADSTS50011",
        "is not registered",
        "whoever runs this app",
        "REDIRECT_PATH",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    for same in [
        ["50011"].as_slice(),
        &["aadsts50011"],
        &["AADSTS50011:", "The", "redirect", "URI…"],
        &["invalid_request: AADSTS50011: The redirect URI…\r\nTrace ID: x"],
    ] {
        assert_eq!(explain(same), (text.clone(), 0), "{same:?}");
    }
    let (text, code) = explain(&["--lang", "nl", "50011"]);
    assert_eq!(code, 0);
    assert!(
        text.contains("niet geregistreerd") && text.contains("aanbieder"),
        "{text}"
    );
    let (text, code) = explain(&["access_denied"]);
    assert!(code == 0 && text.contains("cancelled"), "{text}");
}

#[test]
fn explain_is_of_use_for_a_code_that_it_does_not_know() {
    for unknown in ["AADSTS123", "999999999999", "nonsense", ""] {
        let (text, code) = explain(&[unknown]);
        assert_eq!(code, 1, "{unknown}");
        assert!(text.contains("Sign in again"), "{text}");
    }
    let (text, _) = explain(&["AADSTS123"]);
    assert!(
        text.contains("login.microsoftonline.com/error?code=123"),
        "{text}"
    );
    assert_eq!(explain(&[]).1, 2, "what to explain is needed");
    let (text, _) = explain(&["made\u{1b}[2J\r\nup\u{202e}"]);
    let first = text.lines().next().unwrap();
    assert!(
        first.starts_with(r"made\u{1b}[2j\r\nup\u{202e} (not in"),
        "{text:?}"
    );
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
}

#[test]
fn explain_names_no_ids_that_are_not_there() {
    for arguments in [
        ["50011", "en"],
        ["nonsense", "en"],
        ["nonsense", "nl"],
        ["53003", "nl"],
    ] {
        let (text, _) = explain(&["--lang", arguments[1], arguments[0]]);
        assert!(
            !text.contains("below") && !text.contains("hieronder"),
            "{text}"
        );
    }
    let (text, _) = explain(&["53003"]);
    assert!(text.contains("the ids on the page"), "{text}");
}

#[test]
fn it_says_its_name_and_version() {
    let output = cloakroom().arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, format!("cloakroom {}\n", env!("CARGO_PKG_VERSION")));
}
