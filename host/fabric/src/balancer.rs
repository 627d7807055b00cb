//! The load balancer: public connections to ready instances, in turn.
//!
//! Each public port has an accept loop. An accepted connection is not relayed: the operating system's stream itself goes to the
//! listener of an instance in the virtual network. An instance that does not listen (yet), or whose backlog is full, is
//! passed over. When nobody takes the connection it is closed, counted, and told of now and then.
//!
//! The rotation is read-locked while a connection is handed over. So an instance that has left the rotation gets
//! nothing more, not even a connection that was under way.

use std::io;
use std::num::NonZeroU16;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use wasm_roles_service_plan::PublicPort;
use wasm_roles_virtual_network::{HandOver, Interface};

use crate::events::{EventKind, Herald};
use crate::rotation::{Rotation, Turn};

/// How often refused connections of one port are told of at most.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// The wait after the operating system gave no connection, for example because the process has too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What takes a public connection: an interface of the virtual network.
pub(crate) trait Taker {
    /// Takes the connection, or gives it back.
    fn take(&self, port: NonZeroU16, stream: TcpStream) -> Result<(), TcpStream>;
}

impl Taker for Interface {
    fn take(&self, port: NonZeroU16, stream: TcpStream) -> Result<(), TcpStream> {
        self.hand_over(port, stream).map_err(HandOver::into_stream)
    }
}

/// One public port.
pub(crate) struct Balancer<T> {
    pub(crate) public: PublicPort,
    /// The one instance that answers, for an instance input endpoint.
    pub(crate) only: Option<u32>,
    pub(crate) rotation: watch::Receiver<Rotation<T>>,
    pub(crate) herald: Herald,
}

impl<T: Taker> Balancer<T> {
    /// Serves the port until the task is aborted.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let mut turn = Turn::default();
        let mut refused = Refused::default();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    // Small answers shall not wait for more; a failure here only costs time.
                    let _ = stream.set_nodelay(true);
                    match self.pass_on(stream, turn) {
                        Some(ordinal) => turn = Turn::taken_by(ordinal),
                        None => self.tell(refused.count(Instant::now())),
                    }
                }
                Err(error) => self.rest(&error).await,
            }
        }
    }

    /// Gives the connection to the first who takes it; says who that was.
    fn pass_on(&self, mut stream: TcpStream, turn: Turn) -> Option<u32> {
        let port = NonZeroU16::from(self.public.local_port);
        let rotation = self.rotation.borrow();
        let admitted = |ordinal: u32| self.only.is_none_or(|only| only == ordinal);
        for (ordinal, taker) in rotation.from_turn(turn).filter(|(ordinal, _)| admitted(*ordinal)) {
            match taker.take(port, stream) {
                Ok(()) => return Some(ordinal),
                Err(given_back) => stream = given_back,
            }
        }
        None
    }

    fn tell(&self, connections: Option<u64>) {
        if let Some(connections) = connections {
            let PublicPort { port, role, .. } = &self.public;
            self.herald.tell(EventKind::NoReadyInstance { port: *port, role: role.clone(), connections });
        }
    }

    async fn rest(&self, error: &io::Error) {
        // A client that was gone before it was accepted is nobody's problem.
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        self.herald.tell(EventKind::AcceptFailed { port: self.public.port, reason: error.to_string() });
        sleep(ACCEPT_PAUSE).await;
    }
}

/// Counts connections that nobody took.
#[derive(Default)]
struct Refused {
    untold: u64,
    told_at: Option<Instant>,
}

impl Refused {
    /// One more; gives the number to tell, when it is time to tell.
    fn count(&mut self, now: Instant) -> Option<u64> {
        self.untold = self.untold.saturating_add(1);
        if self.told_at.is_some_and(|told_at| now.duration_since(told_at) < TELL_EVERY) {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Events;
    use crate::test_plans::plan_of;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::time::SystemTime;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use wasm_roles_role_runtime::Clock;

    /// Greets each connection with its name.
    struct Greeter {
        name: &'static str,
        listens: bool,
    }

    impl Taker for Greeter {
        fn take(&self, _: NonZeroU16, stream: TcpStream) -> Result<(), TcpStream> {
            if !self.listens {
                return Err(stream);
            }
            let (name, mut stream) = (self.name, stream);
            tokio::spawn(async move { stream.write_all(name.as_bytes()).await });
            Ok(())
        }
    }

    struct Port {
        at: SocketAddr,
        rotation: watch::Sender<Rotation<Greeter>>,
        events: Events,
        _herald_alive: tokio::sync::oneshot::Sender<std::convert::Infallible>,
    }

    async fn port(only: Option<u32>, greeters: &[(&'static str, bool)]) -> Port {
        let plan = plan_of(
            r#"<WorkerRole name="W"><Endpoints>
                <InputEndpoint name="A" protocol="tcp" port="81" /></Endpoints></WorkerRole>"#,
            r#"<Role name="W"><Instances count="3" /></Role>"#,
        );
        let public = plan.public[0].clone();
        let (sender, events) = Events::channel();
        let (_herald_alive, alive) = tokio::sync::oneshot::channel();
        let (herald, carry) = Herald::new(Arc::new(plan), Clock::new(SystemTime::UNIX_EPOCH), sender, alive);
        tokio::spawn(carry);
        let mut rotation = Rotation::new();
        for (ordinal, (name, listens)) in (0..).zip(greeters) {
            rotation.enter(ordinal, Greeter { name, listens: *listens });
        }
        let (rotation, watched) = watch::channel(rotation);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(Balancer { public, only, rotation: watched, herald }.serve(listener));
        Port { at, rotation, events, _herald_alive }
    }

    impl Port {
        /// Who greets a new connection; empty when it is closed.
        async fn greeted_by(&self) -> String {
            let mut name = String::new();
            let mut stream = TcpStream::connect(self.at).await.unwrap();
            stream.read_to_string(&mut name).await.unwrap();
            name
        }

        async fn greeted_times(&self, times: u32) -> Vec<String> {
            let mut names = Vec::new();
            for _ in 0..times {
                names.push(self.greeted_by().await);
            }
            names
        }
    }

    #[tokio::test]
    async fn connections_go_round_and_pass_over_who_does_not_listen() {
        let port = port(None, &[("zero", true), ("one", false), ("two", true)]).await;
        assert_eq!(port.greeted_times(4).await, ["zero", "two", "zero", "two"]);
    }

    #[tokio::test]
    async fn who_has_left_the_rotation_gets_nothing_more() {
        let port = port(None, &[("zero", true), ("one", true)]).await;
        assert_eq!(port.greeted_times(2).await, ["zero", "one"]);
        port.rotation.send_modify(|rotation| {
            rotation.leave(0);
        });
        assert_eq!(port.greeted_times(2).await, ["one", "one"]);
    }

    #[tokio::test]
    async fn a_port_of_one_instance_goes_to_no_other() {
        let port = port(Some(1), &[("zero", true), ("one", true)]).await;
        assert_eq!(port.greeted_times(2).await, ["one", "one"]);
    }

    #[tokio::test]
    async fn a_connection_that_nobody_takes_is_closed_and_told_of() {
        let mut port = port(None, &[("zero", false)]).await;
        assert_eq!(port.greeted_by().await, "");
        let event = port.events.next().await.unwrap();
        let EventKind::NoReadyInstance { port, role, connections } = event.kind else { panic!("{event:?}") };
        assert_eq!((port.get(), role.as_str(), connections), (81, "W", 1));
    }

    #[test]
    fn refused_connections_are_told_of_at_most_every_five_seconds() {
        let (mut refused, start) = (Refused::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let told: Vec<_> = [0, 1, 4, 5, 6, 20].map(|seconds| refused.count(after(seconds))).into();
        assert_eq!(told, [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
