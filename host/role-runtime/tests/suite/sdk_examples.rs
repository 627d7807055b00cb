//! The examples of the Rust SDK, run as the roles that they are.

use std::sync::Arc;

use crate::bed::{Bed, PORT, address};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasm_roles_role_runtime::{
    End, EndpointKind, EndpointView, EnvironmentView, InstanceSpec, InstanceState, Protocol,
};

fn change(spec: &mut InstanceSpec, change: impl FnOnce(&mut EnvironmentView)) {
    change(Arc::make_mut(&mut spec.environment));
}

#[tokio::test]
async fn echo_sends_back_what_arrives_on_its_endpoint() {
    let bed = Bed::new();
    let endpoint = EndpointView {
        name: "Echo".to_owned(),
        kind: EndpointKind::Internal,
        protocol: Protocol::Tcp,
        address: address(0),
        port: PORT.get(),
        port_max: None,
        public_port: None,
    };
    let mut role = bed.start_with(&bed.load("sdk-echo"), "", |spec| {
        change(spec, |environment| environment.current.endpoints.push(endpoint));
    });
    assert_eq!(role.says().await, "listening on 10.0.0.4:7000");
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    let mut stream = client.connect((address(0), PORT.get()).into()).unwrap().await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "hello");
    role.instance.stop();
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}

#[tokio::test(start_paused = true)]
async fn ticker_prints_its_setting_ten_times_and_asks_for_a_fresh_start() {
    let bed = Bed::new();
    let mut role = bed.start_with(&bed.load("sdk-ticker"), "", |spec| {
        change(spec, |environment| {
            environment.settings.insert("Greeting".to_owned(), "good morning".to_owned());
        });
    });
    for tick in 1..=10 {
        assert_eq!(role.says().await, format!("{tick}: good morning"));
    }
    assert_eq!(role.says().await, "good bye from Worker_IN_0");
    assert_eq!(role.instance.ended().await, End::RecycleRequested { forced: false });
}

#[tokio::test]
async fn hello_web_greets_and_counts() {
    let bed = Bed::new();
    let role = bed.start(&bed.load("sdk-hello-web"), "");
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    for time in 1..=2 {
        let mut stream = client.connect((address(0), PORT.get()).into()).unwrap().await.unwrap();
        stream.write_all(b"GET / HTTP/1.0\r\nhost: test\r\n\r\n").await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        assert!(
            response.ends_with(&format!("\r\n\r\nHello from Worker_IN_0, for the {time}. time.\n")),
            "{response}"
        );
    }
    role.instance.kill();
    role.instance.ended().await;
}

#[tokio::test]
async fn the_sdks_sockets_behave_on_the_instances_own_loopback() {
    let bed = Bed::new();
    let mut role = bed.start(&bed.load("sdk-sockets"), "");
    let mut behaviours = 0;
    loop {
        match role.says().await.as_str() {
            "done" => break,
            line => assert!(line.starts_with("ok "), "{line}"),
        }
        behaviours += 1;
    }
    assert_eq!(behaviours, 10);
    assert_eq!(role.instance.ended().await, End::RunReturned { result: Ok(()) });
}
