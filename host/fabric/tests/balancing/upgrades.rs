//! Certificates and TLS of a service that is upgraded.

use wasm_roles_fabric::{UpgradeError, UpgradeOutcome};

use crate::certificates::{WEB, certificates, get, try_get};
use crate::https::client;
use crate::service::{Made, Running, Service};

fn web(certificate: &Made) -> String {
    format!(r#"<Role name="W"><Instances count="2" />{}</Role>"#, certificates(&[("Tls", certificate)]))
}

/// The role answers over TLS with the first certificate; the folder has the second, too.
async fn running() -> (Running, Made, Made) {
    let mut service = Service::of(&[("W", "hello-http-p3")]);
    let (first, second) = (service.certify("first"), service.certify("second"));
    let running = service.start(WEB, &web(&first)).await;
    running.deployment.statuses().all_ready().await;
    (running, first, second)
}

async fn answers(running: &Running, certificate: &Made) -> bool {
    try_get(running.at(443), certificate, "/name").await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn tls_ends_with_the_certificate_of_the_new_generation_wherever_its_endpoint_is() {
    let (mut running, first, second) = running().await;
    let at = running.at(443);
    // The endpoint has another name, and the instances listen elsewhere.
    let definition = WEB.replace("Secure", "Safe").replace("8443", "8444");
    let upgrade = running.to(&definition, &web(&second));
    let summary = running.deployment.upgrade(upgrade).await.unwrap();
    assert_eq!((summary.outcome, running.at(443)), (UpgradeOutcome::Done, at));
    let answer = get(at, &second, "/name").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(!answers(&running, &first).await);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_is_taken_back_gives_the_certificate_back() {
    let (mut running, first, second) = running().await;
    let upgrade = running.to(WEB, &web(&second));
    let mut progress = running.deployment.progress();
    tokio::select! {
        biased;
        _ = running.deployment.upgrade(upgrade) => panic!("somebody is to drop it"),
        _ = progress.wait_for(|progress| progress.domain == Some(1)) => {}
    }
    assert!(answers(&running, &second).await, "the first domain is walked");
    running.deployment.roll_back().await.unwrap();
    assert!(answers(&running, &first).await);
    assert!(!answers(&running, &second).await);
}

#[tokio::test(start_paused = true)]
async fn where_tls_ends_does_not_change_at_a_port_that_stays() {
    let (mut running, first, _) = running().await;
    let passed_on = WEB.replace(
        r#"protocol="https" port="443" localPort="8443" certificate="Tls""#,
        r#"protocol="tcp" port="443" localPort="8443""#,
    );
    let upgrade = running.to(&passed_on, &web(&first));
    let refused = running.deployment.upgrade(upgrade).await.unwrap_err();
    assert!(matches!(&refused, UpgradeError::TlsMoves { port, .. } if port.get() == 443), "{refused}");
    assert!(refused.to_string().ends_with("deploy it to the other slot and swap"), "{refused}");
    assert!(answers(&running, &first).await);
    assert_eq!(running.deployment.generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_not_in_the_folder_is_no_upgrade() {
    let elsewhere = Service::of(&[]).certify("elsewhere");
    let (mut running, first, _) = running().await;
    let upgrade = running.to(WEB, &web(&elsewhere));
    let refused = running.deployment.upgrade(upgrade).await.unwrap_err();
    assert!(refused.to_string().contains(&elsewhere.thumbprint.to_uppercase()), "{refused}");
    assert!(answers(&running, &first).await);
}

/// HTTP/2 is the web server's. A role that reads the bytes itself shall not be told that clients speak it.
#[tokio::test(start_paused = true)]
async fn a_web_role_that_becomes_one_that_reads_bytes_itself_offers_its_clients_no_http_2_any_more() {
    let (mut running, first, _) = running().await;
    let offered = async |running: &Running| {
        let stream = client(running.at(443), &first, &["h2", "http/1.1"]).await;
        stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)
    };
    assert_eq!(offered(&running).await, Some(b"h2".to_vec()));
    running.put("W", "role-misbehave");
    let upgrade = running.to(WEB, &web(&first));
    let mut progress = running.deployment.progress();
    tokio::select! {
        biased;
        _ = running.deployment.upgrade(upgrade) => panic!("somebody is to drop it"),
        _ = progress.wait_for(|progress| progress.domain == Some(1)) => {}
    }
    assert_ne!(offered(&running).await, Some(b"h2".to_vec()), "either generation may get the connection");
    running.deployment.roll_back().await.unwrap();
    assert_eq!(offered(&running).await, Some(b"h2".to_vec()));
    let upgrade = running.to(WEB, &web(&first));
    assert_eq!(running.deployment.upgrade(upgrade).await.unwrap().outcome, UpgradeOutcome::Done);
    assert_ne!(offered(&running).await, Some(b"h2".to_vec()));
}
