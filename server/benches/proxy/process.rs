//! Whoever takes part, each a process of its own: so its memory and its time on the processor are its alone.

use std::{
    collections::HashMap,
    fs,
    io::{self, BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body};
use emulator::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Emulator};
use server::{
    Cloakroom,
    clock::Clock,
    config::Settings,
    graph::proxy::limits::{Limits, Pace},
    router, serve,
};
use tokio::{net::TcpListener, runtime::Builder};

/// Limits that a benchmark does not meet; they are asked all the same.
const PACE: Pace = Pace {
    burst: 1_000_000,
    rate: 1_000_000,
    at_once: 1000,
};

/// A process; it ends when dropped.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    pub fn emulator() -> Self {
        Self::start("emulator", &[])
    }

    /// Cloakroom, with this emulator as the platform and this Graph.
    pub fn cloakroom(emulator: SocketAddr, graph: SocketAddr, folder: &Path) -> Self {
        let store = folder.join(format!("sessions-{}.db", graph.port()));
        let settings = [
            ("CLIENT_ID", DEMO_CLIENT_ID.to_owned()),
            ("CLIENT_SECRET", DEMO_CLIENT_SECRET.to_owned()),
            ("AUTHORITY", format!("http://{emulator}/common")),
            ("GRAPH_ENDPOINT", format!("http://{graph}")),
            ("SESSION_STORE", format!("sqlite:{}", store.display())),
        ];
        Self::start("cloakroom", &settings)
    }

    /// The least that the same crates take: a handler that sends the call on with this bearer, and nothing else.
    pub fn bare(emulator: SocketAddr, bearer: &str) -> Self {
        let settings = [
            ("GRAPH_ENDPOINT", format!("http://{emulator}")),
            ("BEARER", bearer.to_owned()),
        ];
        Self::start("bare", &settings)
    }

    /// This program, as somebody else.
    fn start(role: &str, settings: &[(&str, String)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(role)
            .envs(settings.iter().map(|(name, value)| (name, value)))
            // It ends with its input, whatever happens here.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let address = line.trim().parse();
        let address = address.unwrap_or_else(|_| panic!("{role} did not start: {line}"));
        Self { child, address }
    }

    /// nginx in front of the emulator, with this bearer; none if it is not installed.
    pub fn nginx(emulator: SocketAddr, bearer: &str, folder: &Path) -> Option<Self> {
        let unpacked = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../target/tools/nginx/usr/sbin/nginx"
        );
        let mut programs = ["/usr/sbin/nginx", unpacked].into_iter();
        let program = programs.find(|program| Path::new(program).exists())?;
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let config = format!(
            "daemon off; worker_processes auto; pid {0}/nginx.pid; error_log {0}/error.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{\n\
             access_log off; client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;\n\
             uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi; keepalive_requests 100000000;\n\
             upstream graph {{ server {emulator}; keepalive 64; keepalive_requests 100000000; }}\n\
             server {{ listen {address}; location /graph/ {{ proxy_pass http://graph/; proxy_http_version 1.1;\n\
             proxy_set_header Connection \"\"; proxy_set_header Authorization \"{bearer}\"; proxy_set_header Cookie \"\"; }} }}\n\
             }}\n",
            folder.display()
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, config).unwrap();
        let child = Command::new(program)
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(&file)
            .arg("-e")
            .arg(folder.join("error.log"))
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let nginx = Self { child, address };
        for _ in 0..100 {
            if std::net::TcpStream::connect(address).is_ok() {
                return Some(nginx);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("nginx does not listen; see {}", folder.display());
    }

    /// The time on the processor until now, of this process and its workers.
    pub fn processor(&self) -> Duration {
        let own = self.child.id();
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let ticks: u64 = ids
            .filter_map(|id| {
                let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
                // proc(5): the name, in parentheses, may hold blanks; behind it the state, the parent, …
                let fields: Vec<_> = stat.rsplit_once(") ")?.1.split(' ').collect();
                let time = |at: usize| fields.get(at)?.parse::<u64>().ok();
                let ours = id == own || fields.get(1)?.parse::<u32>().ok()? == own;
                ours.then_some(time(11)? + time(12)?)
            })
            .sum();
        // A hundredth of a second each, on every Linux of today.
        Duration::from_millis(ticks * 10)
    }

    /// Megabytes in memory: now, and at the most since [`Process::forget_peak`].
    pub fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let megabytes = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            let kilobytes = line.split_whitespace().nth(1).unwrap();
            kilobytes.parse::<u64>().unwrap().div_ceil(1024)
        };
        (megabytes("VmRSS:"), megabytes("VmHWM:"))
    }

    pub fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGTERM ends nginx's workers too; a kill would leave them.
        let id = self.child.id().to_string();
        _ = Command::new("kill").arg(id).status();
        _ = self.child.wait();
    }
}

/// What a process of this program does in its role: it says its address, and serves until its input ends.
pub fn play(role: &str) {
    // Each server has as many threads as the machine.
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let _emulator = if role == "emulator" {
        let emulator =
            runtime.block_on(async { Emulator::start(emulator::Settings::default()).await });
        let emulator = emulator.unwrap();
        println!("{}", emulator.origin().trim_start_matches("http://"));
        Some(emulator)
    } else {
        let (app, listener) = runtime.block_on(async {
            match role {
                "bare" => bare().await,
                _ => cloakroom().await,
            }
        });
        println!("{}", listener.local_addr().unwrap());
        runtime.spawn(serve::serve(listener, app, std::future::pending()));
        None
    };
    _ = io::stdin().read_to_end(&mut Vec::new());
}

async fn bare() -> (Router, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let [graph, bearer] = ["GRAPH_ENDPOINT", "BEARER"].map(|name| std::env::var(name).unwrap());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let app = Router::new().fallback(async move || {
        let call = http.get(format!("{graph}/v1.0/me"));
        let answer = call.header("authorization", &bearer).send().await.unwrap();
        http::Response::from(answer).map(Body::new)
    });
    (app, listener)
}

async fn cloakroom() -> (Router, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut settings: HashMap<String, String> = std::env::vars().collect();
    settings.insert("PUBLIC_URL".into(), format!("http://localhost:{port}"));
    let config = Settings(|name: &str| settings.get(name).cloned())
        .read(false)
        .unwrap();
    let cloakroom = Cloakroom::open(config, Clock::system()).await.unwrap();
    let mut cloakroom = Arc::into_inner(cloakroom).unwrap();
    cloakroom.proxy.limits = Limits::new(PACE, Clock::system());
    (router(Arc::new(cloakroom)), listener)
}

/// A folder for this run.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let name = format!("cloakroom-bench-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}
