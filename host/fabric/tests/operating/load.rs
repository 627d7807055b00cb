//! Clients that never stop asking, and what they have met with.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::bed::{BUDGET, EchoStream};

/// Clients of each kind.
const CLIENTS: usize = 4;

/// The clients of a deployment: some keep their connection and ask again and again, some connect anew for each request, and
/// some keep a stream.
pub struct Load {
    clients: JoinSet<()>,
    heard: Hearing,
    over: watch::Sender<bool>,
}

type Hearing = watch::Sender<Heard>;

/// What the clients have met with.
#[derive(Debug, Default)]
pub struct Heard {
    pub answers: u64,
    pub echoes: u64,
    pub failures: Vec<String>,
    /// Whose streams have ended, and when.
    pub ended_streams: Vec<(String, Instant)>,
}

impl Load {
    pub fn on(web: SocketAddr, echo: SocketAddr) -> Self {
        let (over, watched) = watch::channel(false);
        let heard = Hearing::new(Heard::default());
        let mut clients = JoinSet::new();
        for client in 0..3 * CLIENTS {
            let (heard, over) = (heard.clone(), watched.clone());
            match client % 3 {
                0 => clients.spawn(keeps_its_connection(web, heard, over)),
                1 => clients.spawn(connects_anew(web, heard, over)),
                _ => clients.spawn(keeps_its_stream(echo, heard, over)),
            };
        }
        Self { clients, heard, over }
    }

    /// Waits until clients have had so many answers and echoes more.
    pub async fn goes_on(&self, answers: u64) {
        let mut heard = self.heard.subscribe();
        let (before, echoes) = (heard.borrow().answers, heard.borrow().echoes);
        let more =
            heard.wait_for(|heard| heard.answers >= before + answers && heard.echoes >= echoes + answers);
        let has_gone_on = timeout(Duration::from_secs(60), more).await.is_ok();
        assert!(has_gone_on, "{:#?}", self.heard.borrow());
    }

    /// What they have met with in the end.
    pub async fn ends(mut self) -> Heard {
        self.over.send_replace(true);
        while let Some(client) = self.clients.join_next().await {
            client.unwrap();
        }
        self.heard.send_replace(Heard::default())
    }
}

impl Heard {
    /// All requests were answered, and only streams of these instances have ended.
    pub fn lost_nothing_but_streams_of(&self, instances: &[&str]) {
        assert!(self.failures.is_empty(), "{:#?}", self.failures);
        let others: Vec<_> = self
            .ended_streams
            .iter()
            .filter(|(instance, _)| !instances.contains(&instance.as_str()))
            .collect();
        assert!(others.is_empty(), "{others:?}");
        assert!(self.answers > 0 && self.echoes > 0, "{self:?}");
    }

    /// No stream has ended before the time to stop was over that began here.
    pub fn streams_had_their_time(&self, since: Instant) {
        for (instance, ended) in &self.ended_streams {
            let lived = ended.duration_since(since);
            assert!(lived >= BUDGET, "a stream of {instance} ended after {lived:?}");
        }
    }
}

fn failed(heard: &Hearing, who: &str, error: impl ToString) {
    heard.send_modify(|heard| heard.failures.push(format!("{who}: {}", error.to_string())));
}

async fn keeps_its_connection(at: SocketAddr, heard: Hearing, over: watch::Receiver<bool>) {
    let mut connection = None;
    while !*over.borrow() {
        match ask_again(at, &mut connection).await {
            Ok(()) => heard.send_modify(|heard| heard.answers += 1),
            Err(error) => failed(&heard, "on a connection that stays open", error),
        }
    }
}

/// One request on the connection that there is, or on a new one. A server may say that an answer is its last.
async fn ask_again(at: SocketAddr, kept: &mut Option<BufReader<TcpStream>>) -> io::Result<()> {
    let mut stream = match kept.take() {
        Some(stream) => stream,
        None => BufReader::new(TcpStream::connect(at).await?),
    };
    stream.get_mut().write_all(b"GET / HTTP/1.1\r\nHost: w\r\n\r\n").await?;
    let (mut head, mut last) = (String::new(), false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::Error::other(format!("the connection ended after {head:?}")));
        }
        if line == "\r\n" {
            break;
        }
        last |= line.eq_ignore_ascii_case("connection: close\r\n");
        head.push_str(&line);
    }
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(io::Error::other(head));
    }
    let mut body = [0; "Hello, world!".len()];
    stream.read_exact(&mut body).await?;
    *kept = (!last).then_some(stream);
    Ok(())
}

async fn connects_anew(at: SocketAddr, heard: Hearing, over: watch::Receiver<bool>) {
    while !*over.borrow() {
        match crate::bed::get(at, "/").await {
            Ok(body) if body == "Hello, world!" => heard.send_modify(|heard| heard.answers += 1),
            Ok(body) => failed(&heard, "on a new connection", body),
            Err(error) => failed(&heard, "on a new connection", error),
        }
    }
}

async fn keeps_its_stream(at: SocketAddr, heard: Hearing, over: watch::Receiver<bool>) {
    while !*over.borrow() {
        let mut stream = match EchoStream::connect(at).await {
            Ok(stream) if !stream.instance.is_empty() => stream,
            Ok(_) => return failed(&heard, "a new stream", "it ended without a word"),
            Err(error) => return failed(&heard, "a new stream", error),
        };
        while !*over.borrow() {
            if stream.echo().await.is_err() {
                let ended = (stream.instance.clone(), Instant::now());
                heard.send_modify(|heard| heard.ended_streams.push(ended));
                break;
            }
            heard.send_modify(|heard| heard.echoes += 1);
        }
    }
}
