//! A server that runs, and those who ask it.

use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wasm_roles_control_interface::{Client, DeploymentRef, TenantName, Token};
use wasm_roles_control_server::{Server, ServerLimits, TokenFile, token_line};

use crate::fake::Fake;

/// A server that runs.
pub struct Running {
    pub fake: Fake,
    pub socket: PathBuf,
    pub url: String,
    pub metrics_url: String,
    pub tokens: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

/// The token of tenant `name`.
pub fn token(name: &str) -> Token {
    Token::new(format!("the-secret-of-{name}-which-is-long-enough")).unwrap()
}

/// Serves a [`Fake`], with tokens for the tenants a and b.
pub async fn serve(limits: ServerLimits) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control/host.sock");
    let tokens = folder.path().join("tokens");
    let lines = ["a", "b"].map(|name| token_line(&name.parse::<TenantName>().unwrap(), token(name).reveal()));
    write_private(&tokens, &lines.join("\n"));
    let fake = Fake::default();
    let mut server = Server::new(fake.clone(), limits);
    server.unix(&socket).unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let at = server.tcp(any, TokenFile::open(&tokens).unwrap()).await.unwrap();
    let metrics_url = format!("http://{}", server.metrics(any).await.unwrap());
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(server.serve(async move { drop(stopped.await) }));
    let url = format!("http://{at}");
    Running { fake, socket, url, metrics_url, tokens, stop: Some(stop), serving, _folder: folder }
}

pub fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;

    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

impl Running {
    /// The owner's.
    pub fn client(&self) -> Client {
        Client::unix(&self.socket)
    }

    /// One with a token.
    pub fn client_of(&self, tenant: &str) -> Client {
        Client::tcp(&self.url, token(tenant)).unwrap()
    }

    /// The server stops; until it has.
    pub async fn stop(&mut self) {
        self.ask_to_stop();
        (&mut self.serving).await.unwrap();
    }

    pub fn ask_to_stop(&mut self) {
        drop(self.stop.take());
    }
}

/// Waits until something is so, for a minute at most.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), looking).await.expect(what);
}

pub fn deployment(text: &str) -> DeploymentRef {
    text.parse().unwrap()
}

/// Sends bytes over TCP and reads until the server closes.
pub async fn raw(url: &str, request: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// Sends bytes over the Unix socket and reads until the server closes.
pub async fn raw_to_socket(path: &Path, request: &str) -> String {
    let mut stream = tokio::net::UnixStream::connect(path).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}
