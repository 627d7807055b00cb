//! Public UDP, answered by a program of the standard library.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::service::{Running, Service};

/// Two instances that answer with their names on port 5300: behind one public port, and each behind its own.
async fn two_instances() -> Running {
    let definition = r#"<WorkerRole name="W">
        <Endpoints>
          <InputEndpoint name="In" protocol="udp" port="53" localPort="5300" />
          <InstanceInputEndpoint name="Direct" protocol="udp" localPort="5300">
            <AllocatePublicPortFrom><FixedPortRange min="10100" max="10109" /></AllocatePublicPortFrom>
          </InstanceInputEndpoint>
        </Endpoints>
        <Runtime><EntryPoint>
          <ProgramEntryPoint commandLine="W.wasm answer 0.0.0.0:5300" setReadyOnProcessStart="true" />
        </EntryPoint></Runtime>
      </WorkerRole>"#;
    let configuration = r#"<Role name="W"><Instances count="2" /></Role>"#;
    let running = Service::of(&[("W", "task")]).start(definition, configuration).await;
    running.deployment.statuses().all_ready().await;
    running
}

async fn client() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

/// Who answers; asks again for a while, since a datagram that comes before the guest has bound is lost.
async fn asked(client: &UdpSocket, at: SocketAddr) -> String {
    let mut name = [0; 100];
    for _ in 0..100 {
        client.send_to(b"who", at).await.unwrap();
        if let Ok(answer) = timeout(Duration::from_secs(1), client.recv_from(&mut name)).await {
            let (length, from) = answer.unwrap();
            assert_eq!(from, at, "an answer comes from the public port");
            return String::from_utf8_lossy(name.get(..length).unwrap()).into_owned();
        }
    }
    panic!("nobody answers at {at}");
}

#[tokio::test(start_paused = true)]
async fn clients_of_a_public_udp_port_go_round_and_each_stays_with_its_instance() {
    let bed = two_instances().await;
    // Both have bound.
    for port in [10_100, 10_101] {
        asked(&client().await, bed.at(port)).await;
    }
    let clients = [client().await, client().await, client().await];
    let mut first = Vec::new();
    for client in &clients {
        first.push(asked(client, bed.at(53)).await);
    }
    assert!(first == ["W_IN_0", "W_IN_1", "W_IN_0"], "{first:?}");
    for (client, name) in clients.iter().zip(&first) {
        assert_eq!(&asked(client, bed.at(53)).await, name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_instance_ends_goes_on_with_another_and_direct_ports_stay_over_a_recycle() {
    let mut bed = two_instances().await;
    let (direct, other_direct) = (bed.at(10_100), bed.at(10_101));
    assert_eq!(asked(&client().await, direct).await, "W_IN_0");
    assert_eq!(asked(&client().await, other_direct).await, "W_IN_1");
    let client = client().await;
    assert_eq!(asked(&client, bed.at(53)).await, "W_IN_0");

    client.send_to(b"trap", bed.at(53)).await.unwrap();
    bed.hears("W_IN_0 is Recycling").await;
    assert_eq!(asked(&client, bed.at(53)).await, "W_IN_1", "the flow moved");
    bed.hears("W_IN_0 is Ready").await;
    assert_eq!(asked(&client, direct).await, "W_IN_0", "the same port leads to the same instance");
    assert_eq!(asked(&client, bed.at(53)).await, "W_IN_1", "and the flow stays where it is");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_asks_the_public_side_is_answered_from_there_and_the_turn_outside_does_not_move() {
    let definition = r#"<WorkerRole name="W">
        <Endpoints>
          <InputEndpoint name="In" protocol="udp" port="53" localPort="5300" />
          <InstanceInputEndpoint name="Direct" protocol="udp" localPort="5300">
            <AllocatePublicPortFrom><FixedPortRange min="10100" max="10109" /></AllocatePublicPortFrom>
          </InstanceInputEndpoint>
        </Endpoints>
        <Runtime><EntryPoint>
          <ProgramEntryPoint commandLine="W.wasm answer 0.0.0.0:5300" setReadyOnProcessStart="true" />
        </EntryPoint></Runtime>
      </WorkerRole>
      <WorkerRole name="A">
        <Endpoints><InputEndpoint name="Begin" protocol="tcp" port="90" localPort="9000" /></Endpoints>
        <Runtime><EntryPoint>
          <ProgramEntryPoint setReadyOnProcessStart="true" commandLine="A.wasm serve 0.0.0.0:9000
            ask Svc.cloudapp.net:53 ask Svc.cloudapp.net:53 ask 10.0.0.1:53 sleep 9999999" />
        </EntryPoint></Runtime>
      </WorkerRole>"#;
    let configuration =
        r#"<Role name="W"><Instances count="2" /></Role><Role name="A"><Instances count="1" /></Role>"#;
    let service = Service::of(&[("W", "task"), ("A", "task")]);
    let mut running = service.start(definition, configuration).await;
    running.deployment.statuses().all_ready().await;
    for port in [10_100, 10_101] {
        asked(&client().await, running.at(port)).await;
    }
    let begin = tokio::net::TcpStream::connect(running.at(90)).await.unwrap();
    for name in ["W_IN_0", "W_IN_1", "W_IN_0"] {
        let said = running.hears("A_IN_0: asked").await;
        assert_eq!(said, format!("A_IN_0: asked {name} at 10.0.0.1:53"));
    }
    assert_eq!(asked(&client().await, running.at(53)).await, "W_IN_0");
    drop(begin);
}
