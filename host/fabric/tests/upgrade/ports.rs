//! Public ports, in an upgrade.

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use wasm_roles_fabric::UpgradeOutcome;

use crate::bed::{Bed, Role, role, service};

/// A role that accepts connections at this port, where a public one leads.
fn serving(name: &'static str, public: u16) -> Role {
    let endpoint = format!(
        r#"<Endpoints><InputEndpoint name="In" protocol="tcp" port="{public}" localPort="7000" /></Endpoints>"#
    );
    role(name, 2).elements(endpoint).mode("serve run")
}

/// Connects, and waits until an instance has closed the connection: it prints `accepted`.
async fn is_served(bed: &mut Bed, port: u16) -> bool {
    let at = bed.at(port);
    bed.hear_while(async move {
        let mut stream = TcpStream::connect(at).await.unwrap();
        matches!(stream.read(&mut [0]).await, Ok(0))
    })
    .await
}

#[tokio::test]
async fn a_new_public_port_opens_and_one_that_is_gone_closes() {
    let mut bed = Bed::ready(service([serving("Web", 81)])).await;
    assert!(is_served(&mut bed, 81).await);
    let gone = bed.at(81);
    let summary = bed.upgrade_to(service([serving("Web", 82)])).await;
    assert_eq!(summary.outcome, UpgradeOutcome::Done);
    assert_eq!(bed.published(), [82]);
    assert!(is_served(&mut bed, 82).await);
    assert!(TcpStream::connect(gone).await.is_err());
}

#[tokio::test]
async fn a_port_that_is_otherwise_served_stays_where_it_listens() {
    let mut bed = Bed::ready(service([serving("Web", 81)])).await;
    let at = bed.at(81);
    let probe = r#"loadBalancerProbe="P" idleTimeoutInMinutes="7""#;
    let probed = serving("Web", 81).elements.replace(r#"name="In""#, &format!(r#"name="In" {probe}"#));
    let mut new = service([serving("Web", 81).elements(probed)]);
    new.before = r#"<LoadBalancerProbes><LoadBalancerProbe name="P" protocol="tcp" /></LoadBalancerProbes>"#;
    let summary = bed.upgrade_to(new).await;
    assert_eq!(summary.outcome, UpgradeOutcome::Done);
    assert_eq!((bed.published(), bed.at(81)), (vec![81], at));
    assert!(is_served(&mut bed, 81).await);
}

#[tokio::test]
async fn a_port_that_another_role_gets_stays_where_it_listens() {
    let mut bed = Bed::ready(service([serving("Web", 81)])).await;
    let at = bed.at(81);
    bed.said.clear();
    bed.upgrade_to(service([serving("Renamed", 81)])).await;
    assert_eq!((bed.published(), bed.at(81)), (vec![81], at));
    assert!(is_served(&mut bed, 81).await);
    bed.hears("Renamed_IN_0 accepted").await;
}

#[tokio::test]
async fn while_two_generations_run_each_instance_gets_connections_where_its_own_definition_says() {
    // The old generation listens at 7000; the new one says 7001, where nobody listens.
    let mut bed = Bed::ready(service([serving("Web", 81)])).await;
    let elsewhere = serving("Web", 81).elements.replace("7000", "7001");
    let upgrade = bed.to(&service([serving("Web", 81).elements(elsewhere)]));
    let mut progress = bed.deployment.progress();
    let at = bed.at(81);
    let summary = bed
        .upgrade_by_hand(upgrade, async |orders| {
            orders.send(0).await.unwrap();
            progress
                .wait_for(|progress| {
                    progress
                        .domains
                        .iter()
                        .any(|domain| domain.state == wasm_roles_fabric::progress::DomainState::Walked)
                })
                .await
                .unwrap();
            // In turn both would get one; the one that does not listen is passed over.
            for _ in 0..4 {
                let mut stream = TcpStream::connect(at).await.unwrap();
                assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
            }
        })
        .await;
    assert!(summary.is_none());
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 2", "Web_IN_1 Ready 1"]);
    assert_eq!(bed.positions("Web_IN_0 accepted"), [0_usize; 0]);
    bed.roll_back().await.unwrap();
    bed.said.clear();
    for _ in 0..2 {
        assert!(is_served(&mut bed, 81).await);
    }
    bed.hears("Web_IN_0 accepted").await;
    bed.hears("Web_IN_1 accepted").await;
}

#[tokio::test]
async fn ports_are_as_before_when_an_upgrade_is_taken_back() {
    let mut bed = Bed::ready(service([serving("Web", 81), role("Back", 1)])).await;
    let at = bed.at(81);
    // Back gets the port, and one of its own; both are served behind the first gate.
    let back = serving("Back", 81);
    let more = back.elements.replace(
        "</Endpoints>",
        r#"<InputEndpoint name="More" protocol="tcp" port="82" localPort="7000" /></Endpoints>"#,
    );
    let upgrade = bed.to(&service([role("Web", 2), back.elements(more)]));
    let mut progress = bed.deployment.progress();
    let by_hand = bed
        .upgrade_by_hand(upgrade, async |orders| {
            orders.send(0).await.unwrap();
            let walked = |progress: &wasm_roles_fabric::WalkProgress| {
                progress
                    .domains
                    .iter()
                    .any(|domain| domain.state == wasm_roles_fabric::progress::DomainState::Walked)
                    && progress.phase == wasm_roles_fabric::WalkPhase::WaitingForOperator
            };
            progress.wait_for(walked).await.unwrap();
        })
        .await;
    assert!(by_hand.is_none());
    assert_eq!(bed.published(), [81, 82]);
    bed.said.clear();
    assert!(is_served(&mut bed, 81).await);
    bed.hears("Back_IN_").await;
    let new = bed.at(82);
    bed.roll_back().await.unwrap();
    assert_eq!((bed.published(), bed.at(81)), (vec![81], at));
    assert!(TcpStream::connect(new).await.is_err());
    bed.said.clear();
    assert!(is_served(&mut bed, 81).await);
    assert_ne!(bed.positions("accepted"), [0_usize; 0]);
    assert!(
        bed.said.iter().all(|told| !told.starts_with("Back") || !told.contains("accepted")),
        "{:#?}",
        bed.said
    );
}
