//! Other certificates for a service that runs.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use wasm_roles_fabric::change::{ChangeError, ChangeSummary, Reaction};
use wasm_roles_fabric::{Status, Tls};

use crate::certificates::{WEB, certificates, get, try_get};
use crate::service::{Made, Service};

const RECYCLED: Reaction = Reaction::Recycled;

fn reactions(summary: &ChangeSummary) -> Vec<(&str, Reaction)> {
    summary.instances.iter().map(|(instance, reaction)| (instance.as_str(), *reaction)).collect()
}

/// A role that prints its events. Before it starts, a task keeps what it sees of its certificate.
const EVENTFUL: &str = r#"<WorkerRole name="W">
    <Startup><Task commandLine="keep.cmd copy /certificates/C.pem /local/Seen/chain copy /certificates/C.key /local/Seen/key" /></Startup>
    <LocalResources><LocalStorage name="Seen" sizeInMB="1" cleanOnRoleRecycle="false" /></LocalResources>
    <ConfigurationSettings><Setting name="depth" /><Setting name="mode" /></ConfigurationSettings>
    <Certificates><Certificate name="C" storeLocation="LocalMachine" storeName="My" /></Certificates>
  </WorkerRole>"#;

fn eventful(depth: u32, certificate: &Made) -> String {
    format!(
        r#"<Role name="W"><Instances count="2" /><ConfigurationSettings>
            <Setting name="depth" value="{depth}" /><Setting name="mode" value="" />
        </ConfigurationSettings>{}</Role>"#,
        certificates(&[("C", certificate)])
    )
}

fn web(entries: &[(&str, &Made)]) -> String {
    format!(r#"<Role name="W"><Instances count="2" />{}</Role>"#, certificates(entries))
}

fn same_text(one: &str, other: &str) -> bool {
    one.replace("\r\n", "\n") == other.replace("\r\n", "\n")
}

/// Editions of the copies that roles see.
fn editions(data: &Path) -> Vec<String> {
    let entries = fs::read_dir(data.join("wasm-roles-certificates")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The row of the life cycle (facts: section 7.1).
#[tokio::test(start_paused = true)]
async fn certificate_changed_offline_updated_online_stopping_and_on_stop_no_changing_nor_changed() {
    let mut service = Service::of(&[("W/W", "role-events"), ("W/keep", "task")]);
    let first = service.certify("c");
    let mut running = service.start(EVENTFUL, &eventful(1, &first)).await;
    for _ in 0..2 {
        running.hears("run []").await;
    }
    // In the same file: what the folder had before is gone.
    let second = running.service.certify("c");
    let (summary, told) = running.change(&eventful(1, &second)).await.unwrap();

    assert_eq!(reactions(&summary), [("W_IN_0", RECYCLED), ("W_IN_1", RECYCLED)]);
    let said: Vec<&str> = told
        .iter()
        .filter_map(|line| line.strip_suffix(" [] depth=1"))
        .filter(|line| !line.ends_with("run") && !line.ends_with("status-check"))
        .collect();
    assert_eq!(
        said,
        [
            "W_IN_0: stopping",
            "W_IN_0: on-stop",
            "W_IN_0: on-start",
            "W_IN_1: stopping",
            "W_IN_1: on-stop",
            "W_IN_1: on-start",
        ],
        "{told:#?}"
    );
    let place = |words: &str| told.iter().position(|line| line.contains(words)).unwrap();
    let stages = ["W_IN_0 is Recycling", "W_IN_0 is Starting", "W_IN_0 is Ready", "W_IN_1 is Recycling"];
    assert!(stages.map(place).is_sorted(), "one upgrade domain after the other: {told:#?}");
    assert!(place("CertificatesChanged") < place("W_IN_0: stopping"), "{told:#?}");

    for instance in ["W_IN_0", "W_IN_1"] {
        let seen =
            |name: &str| fs::read_to_string(running.service.data().join(instance).join("Seen").join(name));
        let chain = seen("chain").unwrap();
        assert!(same_text(&chain, &(first.certificate.clone() + &second.certificate)), "{chain}");
        assert_eq!(seen("key").unwrap().matches("BEGIN").count(), 2, "the key of each");
    }
    assert_eq!(editions(&running.service.data()), ["1"], "keys that nobody uses do not stay behind");
}

#[tokio::test(start_paused = true)]
async fn one_recycle_serves_certificates_settings_and_topology() {
    let mut service = Service::of(&[("W/W", "role-events"), ("W/keep", "task")]);
    let (first, second) = (service.certify("first"), service.certify("second"));
    let mut running = service.start(EVENTFUL, &eventful(1, &first)).await;
    for _ in 0..2 {
        running.hears("run []").await;
    }
    let grown = eventful(2, &second).replace(r#"count="2""#, r#"count="3""#);
    let (summary, told) = running.change(&grown).await.unwrap();
    assert_eq!(reactions(&summary), [("W_IN_0", RECYCLED), ("W_IN_1", RECYCLED)]);
    assert_eq!(summary.added.len(), 1);
    assert!(!told.iter().any(|line| line.contains("chang")), "{told:#?}");
    let started: Vec<&String> = told.iter().filter(|line| line.contains("on-start")).collect();
    assert_eq!(
        started,
        ["W_IN_2: on-start [] depth=2", "W_IN_0: on-start [] depth=2", "W_IN_1: on-start [] depth=2"]
    );
    let chain = fs::read_to_string(running.service.data().join("W_IN_2/Seen/chain")).unwrap();
    assert!(same_text(&chain, &second.certificate), "who is new has the new one");
}

#[tokio::test(start_paused = true)]
async fn tls_ends_with_the_new_certificate_for_new_connections() {
    let mut service = Service::of(&[("W", "hello-http-p3")]);
    let first = service.certify("first");
    let mut running = service.start(WEB, &web(&[("Tls", &first)])).await;
    running.deployment.statuses().all_ready().await;
    let second = running.service.certify("second");
    let (summary, _) = running.change(&web(&[("Tls", &second)])).await.unwrap();
    assert_eq!(reactions(&summary), [("W_IN_0", RECYCLED), ("W_IN_1", RECYCLED)]);
    let answer = get(running.at(443), &second, "/name").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    try_get(running.at(443), &first, "/name").await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_not_in_the_folder_changes_nothing() {
    let elsewhere = Service::of(&[]).certify("elsewhere");
    let mut service = Service::of(&[("W", "hello-http-p3")]);
    let first = service.certify("first");
    let mut running = service.start(WEB, &web(&[("Tls", &first)])).await;
    running.deployment.statuses().all_ready().await;
    let before = Arc::clone(running.deployment.plan());

    let refused = running.change(&web(&[("Tls", &elsewhere)])).await.unwrap_err();
    let ChangeError::Certificates { errors } = &refused else { panic!("{refused}") };
    let thumbprint = elsewhere.thumbprint.to_uppercase();
    assert!(refused.to_string().contains(&thumbprint) && errors[0].hint().contains("PEM"), "{refused}");

    // A file that is no certificate spoils the folder.
    let spoilt = running.service.certificates.as_ref().unwrap().path().join("spoilt.pem");
    fs::write(&spoilt, "not at all").unwrap();
    let second = running.service.certify("second");
    let refused = running.change(&web(&[("Tls", &second)])).await.unwrap_err();
    assert!(matches!(&refused, ChangeError::CertificateFolder(_)), "{refused}");
    assert!(refused.to_string().contains("spoilt.pem"), "{refused}");

    assert!(Arc::ptr_eq(&before, running.deployment.plan()));
    assert_eq!(running.deployment.statuses().with(&[Status::Ready]).len(), 2);
    assert_eq!(editions(&running.service.data()), ["0"]);
    get(running.at(443), &first, "/name").await;

    fs::remove_file(spoilt).unwrap();
    running.change(&web(&[("Tls", &second)])).await.unwrap();
    get(running.at(443), &second, "/name").await;
}

#[tokio::test(start_paused = true)]
async fn tls_does_not_begin_or_cease_to_end_here_while_the_service_runs() {
    let mut service = Service::of(&[("W", "hello-http-p3")]);
    let certificate = service.certify("tls");
    let mut running = service.start(WEB, &web(&[("Tls", &certificate)])).await;
    let mut plan = running.deployment.plan().as_ref().clone();
    plan.roles[0].certificates[0].thumbprint = None;
    let refused = running.deployment.change(Arc::new(plan)).await.unwrap_err();
    assert!(matches!(&refused, ChangeError::TlsMoves { port, .. } if port.get() == 443), "{refused}");
    get(running.at(443), &certificate, "/name").await;
}

#[tokio::test(start_paused = true)]
async fn certificate_added_and_removed_are_offline_updated_online() {
    let mut service = Service::of(&[("W", "hello-http-p3")]);
    let certificate = service.certify("tls");
    service.tls = Some(Tls::Pass);
    let mut running = service.start(WEB, &web(&[("Tls", &certificate)])).await;
    running.deployment.statuses().all_ready().await;
    let with = Arc::clone(running.deployment.plan());
    let mut without = with.as_ref().clone();
    without.roles[0].certificates[0].thumbprint = None;

    let summary = running.deployment.change(Arc::new(without)).await.unwrap();
    assert_eq!(reactions(&summary), [("W_IN_0", RECYCLED), ("W_IN_1", RECYCLED)]);
    assert!(!running.service.data().join("wasm-roles-certificates").exists(), "nobody sees any");
    running.hears("the configuration has no thumbprint for it").await;

    let summary = running.deployment.change(with).await.unwrap();
    assert_eq!(reactions(&summary), [("W_IN_0", RECYCLED), ("W_IN_1", RECYCLED)]);
    assert_eq!(editions(&running.service.data()), ["2"]);
}
