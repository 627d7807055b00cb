//! Who answers at which public port, and what happens when nobody can.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use wasm_roles_fabric::CONNECTION_WAIT;

use crate::bed::Bed;
use crate::service::Service;

const ALL: [&str; 3] = ["W_IN_0", "W_IN_1", "W_IN_2"];

#[tokio::test(start_paused = true)]
async fn connections_go_round_or_stay_with_one_instance_as_the_endpoint_says() {
    let bed = Bed::ready().await;
    assert_eq!(bed.names(80, 4).await, ["W_IN_0", "W_IN_1", "W_IN_2", "W_IN_0"]);
    let mine = bed.who_answers(81).await;
    assert_eq!(mine.len(), 1, "{mine:?}");
}

#[tokio::test(start_paused = true)]
async fn each_instance_has_a_public_port_of_its_own_and_keeps_it_over_a_recycle() {
    let mut bed = Bed::ready().await;
    for (port, name) in (10_100..).zip(ALL) {
        assert_eq!(bed.names(port, 2).await, [name, name]);
    }
    let _ = bed.try_get(10_101, "/panic").await; // whatever it answers, it is its last word
    bed.hears("W_IN_1 is Recycling").await;
    bed.hears("W_IN_1 is Ready").await;
    for (port, name) in (10_100..).zip(ALL) {
        assert_eq!(bed.names(port, 2).await, [name, name]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_busy_gets_connections_only_where_its_status_does_not_count() {
    let mut bed = Bed::ready().await;
    bed.get(10_101, "/busy").await;
    bed.hears("W_IN_1 is Busy").await;
    assert_eq!(bed.who_answers(80).await, ["W_IN_0", "W_IN_2"]);
    assert_eq!(bed.who_answers(82).await, ALL, "it ignores the status");
    assert_eq!(bed.who_answers(83).await, ALL, "its probe replaces the status");
}

#[tokio::test(start_paused = true)]
async fn connections_that_come_before_an_instance_is_ready_wait_for_it() {
    let bed = Bed::start().await;
    assert_eq!(bed.get(80, "/").await, "Hello, world!");
}

#[tokio::test(start_paused = true)]
async fn connections_that_nobody_can_take_are_refused_after_a_while_and_counted() {
    let mut bed = Bed::ready().await;
    bed.get(10_101, "/busy").await;
    bed.hears("W_IN_1 is Busy").await;
    let begun = Instant::now();
    let refused = bed.try_get(10_101, "/name").await.unwrap_err();
    assert_eq!(
        (refused.kind(), begun.elapsed().as_secs()),
        (ErrorKind::ConnectionReset, CONNECTION_WAIT.as_secs())
    );
    bed.hears("1 refused at 10101").await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_reset_when_its_endpoint_says_so() {
    // Not a web role: a web server would end the connection first.
    let endpoint = r#"<WorkerRole name="W"><Endpoints>
        <InputEndpoint name="Echo" protocol="tcp" port="86" idleTimeoutInMinutes="3" />
      </Endpoints></WorkerRole>"#;
    let service = Service::of(&[("W", "sdk-echo")]);
    let running = service.start(endpoint, r#"<Role name="W"><Instances count="1" /></Role>"#).await;
    running.deployment.statuses().all_ready().await;
    let mut stream = TcpStream::connect(running.at(86)).await.unwrap();
    stream.write_all(b"words").await.unwrap();
    stream.read_exact(&mut [0; 5]).await.unwrap();
    let begun = Instant::now();
    let ended = timeout(Duration::from_secs(3600), stream.read(&mut [0])).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(begun.elapsed().as_secs(), 180);
}
