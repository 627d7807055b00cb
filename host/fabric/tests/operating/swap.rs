//! Two deployments exchange their public sides.

use wasm_roles_fabric::{Exchange, SwapError, swap};

use crate::bed::{Bed, EchoStream, Setup, TWO_EACH, get, ids};
use crate::load::Load;

/// One instance of `Web`, whose name tells it from the other.
const ONE: Setup = Setup { web: 1, at_rest: &[], ..TWO_EACH };
/// Two, of which the first is stopped.
const OTHER: Setup = Setup { web: 2, at_rest: &["Web_IN_0"], ..TWO_EACH };

#[tokio::test(start_paused = true)]
async fn new_connections_go_to_the_other_deployment_and_open_ones_stay() {
    let (mut production, mut staging) = (Bed::ready(ONE).await, Bed::ready(OTHER).await);
    let places = [80, 7000, 7100, 7101].map(|port| (production.at(port), staging.at(port)));
    let web = places[0].0;
    assert_eq!(get(web, "/name").await.unwrap(), "Web_IN_0");
    let mut stream = EchoStream::connect(production.at(7101)).await.unwrap();

    let summary = swap(&mut production.deployment, &mut staging.deployment).unwrap();
    assert_eq!(get(web, "/name").await.unwrap(), "Web_IN_1");
    assert_eq!(get(places[0].1, "/name").await.unwrap(), "Web_IN_0");
    stream.echo().await.unwrap();
    let now: Vec<_> = summary.ports.iter().map(|port| (port.second, port.first)).collect();
    assert_eq!(now, places);
    assert_eq!([80, 7000, 7100, 7101].map(|port| (staging.at(port), production.at(port))), places);

    // The stream is still one of the deployment that it was begun with.
    let direct = ids(&["Streams_IN_1"]);
    staging.deployment.stop_instances(&direct).await.unwrap();
    stream.echo().await.unwrap();
    production.deployment.stop_instances(&direct).await.unwrap();
    assert!(stream.echo().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_opened_after_an_exchange_is_opened_on_the_new_side() {
    let (mut production, mut staging) = (Bed::ready(ONE).await, Bed::ready(ONE).await);
    swap(&mut production.deployment, &mut staging.deployment).unwrap();
    for bed in [&mut production, &mut staging] {
        let grown = bed.next(1, 3, 1);
        bed.deployment.change(grown).await.unwrap();
        assert_eq!(EchoStream::connect(bed.at(7102)).await.unwrap().instance, "Streams_IN_2");
    }
    swap(&mut production.deployment, &mut staging.deployment).unwrap();
    assert_eq!(EchoStream::connect(staging.at(7102)).await.unwrap().instance, "Streams_IN_2");
}

#[tokio::test(start_paused = true)]
async fn deployments_with_other_endpoints_keep_what_they_have() {
    let more = r#"<InputEndpoint name="Admin" protocol="tcp" port="81" localPort="8080" />"#;
    let mut production = Bed::ready(Setup { streams: 1, ..ONE }).await;
    let mut staging = Bed::ready(Setup { more, ..ONE }).await;
    let before = (production.at(80), staging.at(80));
    let refused = swap(&mut production.deployment, &mut staging.deployment).unwrap_err();
    let SwapError::EndpointsDiffer { differences } = &refused else { panic!("{refused}") };
    let ports: Vec<u16> = differences.iter().map(|difference| difference.port.get()).collect();
    assert_eq!(ports, [81, 7101]);
    let exchange = Exchange::between(&mut production.deployment, &mut staging.deployment);
    assert_eq!(exchange.err(), Some(refused));
    assert_eq!((production.at(80), staging.at(80)), before);
    assert_eq!(get(before.0, "/").await.unwrap(), "Hello, world!");
}

#[tokio::test]
async fn clients_of_both_deployments_notice_nothing_of_many_exchanges() {
    let (mut production, mut staging) = (Bed::ready(TWO_EACH).await, Bed::ready(TWO_EACH).await);
    let loads =
        [Load::on(production.at(80), production.at(7000)), Load::on(staging.at(80), staging.at(7000))];
    for _ in 0..20 {
        swap(&mut production.deployment, &mut staging.deployment).unwrap();
        for load in &loads {
            load.goes_on(10).await;
        }
    }
    for load in loads {
        load.ends().await.lost_nothing_but_streams_of(&[]);
    }
}
