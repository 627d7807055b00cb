//! Deploy, delete, and what of both is refused.

use wasm_roles_control_interface::{
    DeploymentState, EndOfStream, JournalQuery, OperationKind, OperationState, RefusalCode, Streamed,
};

use super::bed::{Bed, SERVICE, Service, archive, shop, staging};

#[tokio::test(flavor = "multi_thread")]
async fn a_package_becomes_a_deployment_whose_instances_are_ready() {
    let bed = Bed::open().await;
    let deployed = bed.deploys(&shop(), &SERVICE).await;
    assert_eq!(
        (deployed.kind, deployed.message.as_str()),
        (OperationKind::Deploy, "all 3 instances are Ready")
    );
    let status = bed.status(&shop());
    assert_eq!(status.summary.state, DeploymentState::Running);
    assert_eq!(
        status.instances.iter().map(|row| row.instance.as_str()).collect::<Vec<_>>(),
        ["Front_IN_0", "Back_IN_0", "Back_IN_1"]
    );
    assert_eq!(
        (status.definition.as_str(), status.configuration.as_deref()),
        ("Svc.csdef", Some("Svc.cscfg"))
    );
    assert_eq!((status.summary.addresses.len(), status.summary.addresses[0].port), (1, 10_100));
    tokio::net::TcpStream::connect(status.summary.addresses[0].at).await.unwrap();
    assert_eq!(bed.controller.services(&bed.tenant).deployments.len(), 1);
    assert!(bed.lines(&shop(), "Front_IN_0").await.contains(&"run [] depth=1".to_owned()));
    let top = bed.controller.top(&bed.tenant, &shop()).unwrap();
    assert_eq!(top.rows.len(), 3);
    assert!(
        top.rows.iter().all(|row| row.memory_bytes > 0 && row.memory_limit_bytes == 768 << 20),
        "{top:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_holds_one_deployment_and_is_empty_after_a_delete() {
    let bed = Bed::with(&SERVICE).await;
    let refused = bed.deploy(&shop(), &SERVICE).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::AlreadyExists);
    let mut follow = bed
        .controller
        .events(&bed.tenant, &shop(), &JournalQuery { follow: true, ..JournalQuery::default() })
        .unwrap();
    let deleted = bed.controller.delete(&bed.tenant, &shop()).await;
    let deleted = bed.done(deleted).await;
    assert_eq!(deleted.message, "it is gone");
    let last = loop {
        if let Streamed::End { reason } = follow.next().await {
            break reason;
        }
    };
    assert_eq!(last, EndOfStream::Deleted);
    let gone = bed.controller.status(&bed.tenant, &shop()).unwrap_err();
    assert_eq!(gone.code, RefusalCode::NotFound);
    bed.deploys(&shop(), &SERVICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_leaves_nothing_on_the_disk() {
    let bed = Bed::with(&SERVICE).await;
    let services = bed.data().join("tenants/default/services");
    assert!(services.join("shop/service.json").is_file());
    let deleted = bed.controller.delete(&bed.tenant, &shop()).await;
    bed.done(deleted).await;
    assert_eq!(std::fs::read_dir(services).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_ends_a_deploy_whose_instances_never_become_ready() {
    let bed = Bed::open().await;
    let broken = Service { mode: "answer on-start", ..SERVICE };
    let begun = bed.deploy(&shop(), &broken).await.unwrap();
    assert_eq!(begun.state, OperationState::Running);
    bed.hears(&shop(), "on-start").await;
    let deleted = bed.controller.delete(&bed.tenant, &shop()).await;
    bed.done(deleted).await;
    let deploy = bed.over(Ok(begun)).await;
    assert_eq!(deploy.message, "it runs; not all instances were Ready when this ended");
    assert!(bed.controller.services(&bed.tenant).deployments.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_leaves_the_slot_empty_and_says_why() {
    let bed = Bed::open().await;
    let files = [
        ("package.json", &br#"{"format": 1, "definition": "service/Svc.csdef"}"#[..]),
        ("service/Svc.csdef", SERVICE.definition().leak().as_bytes()),
    ];
    let begun = bed.controller.deploy(&bed.tenant, &shop(), true, archive(&files).as_slice()).await;
    let ended = bed.over(begun).await;
    assert_eq!(ended.state, OperationState::Failed);
    let failure = ended.failure.unwrap();
    assert_eq!(failure.code, RefusalCode::CannotStart);
    assert!(
        failure.details.iter().any(|detail| detail.message.contains("role Front has no component")),
        "{failure:#?}"
    );
    assert!(bed.controller.services(&bed.tenant).deployments.is_empty());
    bed.deploys(&shop(), &SERVICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_with_errors_are_refused_before_anything_is_there() {
    let bed = Bed::open().await;
    let broken = Service { attributes: r#"upgradeDomainCount="77""#, ..SERVICE };
    let refused = bed.deploy(&staging(), &broken).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::BadConfiguration);
    let place = refused.details[0].place.as_ref().unwrap();
    assert_eq!((place.file.as_str(), place.line), ("Svc.csdef", 1));
    assert!(bed.controller.services(&bed.tenant).deployments.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_cannot_show_a_role_the_folders_of_the_host() {
    let bed = Bed::open().await;
    let content = |source: &str| -> &'static str {
        format!(
            r#"<Contents><Content destination="x"><SourceDirectory path="{source}" /></Content></Contents>"#
        )
        .leak()
    };
    for source in ["/etc", "../../../..", "..\\..\\other"] {
        let hostile = Service { inside: content(source), ..SERVICE };
        let refused = bed.deploy(&shop(), &hostile).await.unwrap_err();
        assert_eq!(refused.code, RefusalCode::BadPackage, "{refused:#?}");
        assert!(refused.details[0].message.contains("leads out of the package"), "{refused:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_cannot_be_had_are_refused_before_anything_is_there() {
    let bed = Bed::open().await;
    for (options, says) in [
        (serde_json::json!({"stop_seconds": 100_000}), "3600 s are all that this host gives"),
        (serde_json::json!({"publish": {"81": "127.0.0.1:8081"}}), "there is no such public port to publish"),
        (serde_json::json!({"outbound": [{"allow": "example.com:0"}]}), "is no place outside"),
        (serde_json::json!({"resource_limits": ["memry=1MiB"]}), "there is no limit `memry`"),
        (serde_json::json!({"overlays": [{"set": "Back/Instances"}]}), "cannot be used"),
        (serde_json::json!({"overlays": [{"set": "Bank/Instances/@count=1"}]}), "have 1 error"),
    ] {
        let refused = bed.deploy(&shop(), &Service { options, ..SERVICE }).await.unwrap_err();
        assert!(refused.message.contains(says), "{refused:#?}");
    }
    assert!(bed.controller.services(&bed.tenant).deployments.is_empty());
}
