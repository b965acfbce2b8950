//! A real server process of a test's own.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use emulator::{Control, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Emulator, Endpoint};

use crate::{faults::KEY, harness::Browser};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cloakroom");

/// A server process. It is killed when dropped.
pub struct Instance {
    pub process: Child,
    pub origin: String,
}

impl Instance {
    pub fn start(emulator: &Emulator, store: &str) -> Self {
        Self::with(emulator, store, &[])
    }

    pub fn with(emulator: &Emulator, store: &str, settings: &[(&str, &str)]) -> Self {
        Self::run(Command::new(PROGRAM), emulator, store, settings)
    }

    /// One that lives on when its disk is full.
    pub fn on_a_small_disk(emulator: &Emulator, store: &str) -> Self {
        let mut shell = Command::new("/bin/sh");
        // What is ignored before `exec` is ignored after it.
        shell.args(["-c", "trap '' XFSZ; exec \"$0\"", PROGRAM]);
        Self::run(shell, emulator, store, &[])
    }

    fn run(
        mut command: Command,
        emulator: &Emulator,
        store: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut process = command
            .env_clear()
            .current_dir(std::env::temp_dir())
            .env("CLIENT_ID", DEMO_CLIENT_ID)
            .env("CLIENT_SECRET", DEMO_CLIENT_SECRET)
            .env("AUTHORITY", emulator.authority("common"))
            .env("GRAPH_ENDPOINT", emulator.origin())
            // What browsers see is one origin, whichever server answers.
            .env("PUBLIC_URL", "http://localhost:3999")
            .env("SESSION_STORE", store)
            .env("SESSION_KEY", KEY)
            .env("LEPTOS_SITE_ADDR", address.to_string())
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut log = Vec::new();
        let listens = lines.by_ref().map_while(Result::ok).any(|line| {
            log.push(line);
            log.last().is_some_and(|line| line.contains("listening"))
        });
        assert!(listens, "{log:?}");
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            origin: format!("http://{address}"),
        }
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.origin)
    }

    pub async fn signed_in(&self, user: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.sign_in(user).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        browser
    }

    /// As a power cut does it.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// As whoever operates it does it.
    pub fn terminate(&self) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Whether it ends by itself, and well; before it would give up waiting.
    pub async fn ends_well(mut self) -> bool {
        let ended = tokio::task::spawn_blocking(move || self.process.wait().unwrap());
        let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
        ended.is_ok_and(|status| status.unwrap().success())
    }

    /// From now on nothing that it writes finds a place, or everything does.
    pub fn disk_is_full(&self, full: bool) {
        let id = self.process.id().to_string();
        let most = if full {
            "--fsize=0:"
        } else {
            "--fsize=unlimited:"
        };
        let set = Command::new("prlimit").args(["--pid", &id, most]).status();
        assert!(set.unwrap().success());
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

pub async fn emulator() -> Emulator {
    Emulator::start(emulator::Settings::default())
        .await
        .unwrap()
}

pub fn calls(control: &Control, endpoint: Endpoint) -> usize {
    control.calls_to(endpoint).len()
}

/// Waits until something is so; fails if it never is.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    assert!(waited.is_ok(), "{what}");
}

pub async fn calls_reach(control: &Control, endpoint: Endpoint, count: usize) {
    until("a call comes in", async || {
        calls(control, endpoint) >= count
    })
    .await;
}
