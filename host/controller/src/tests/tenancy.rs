//! What tenants see of each other, and what they may have.

use wasm_roles_control_interface::{JournalQuery, RefusalCode, TenantName, UpgradeQuery};

use super::bed::{Bed, SERVICE, Service, shop};
use crate::{Caps, Ports, Tenants};

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_sees_nothing_of_another() {
    let bed = Bed::with(&SERVICE).await;
    let begun = bed.status(&shop()).operations[0].clone();
    let other: TenantName = "other".parse().unwrap();
    let ask = &bed.controller;
    assert!(ask.services(&other).deployments.is_empty());
    assert_eq!(ask.status(&other, &shop()).unwrap_err().code, RefusalCode::NotFound);
    assert_eq!(ask.delete(&other, &shop()).await.unwrap_err().code, RefusalCode::NotFound);
    assert_eq!(ask.rollback(&other, &shop()).await.unwrap_err().code, RefusalCode::NotFound);
    assert!(ask.logs(&other, &shop(), &JournalQuery::default()).is_err());
    let operation = ask.operation(&other, &shop().service, begun.id, std::time::Duration::ZERO).await;
    assert_eq!(operation.unwrap_err().code, RefusalCode::NotFound);
    let names: Vec<TenantName> = ask.host(&other).tenants.into_iter().map(|usage| usage.tenant).collect();
    assert_eq!(names, std::slice::from_ref(&other));
    // Both may have a service of one name, with folders of their own.
    let theirs = ask.deploy(&other, &shop(), true, SERVICE.package().as_slice()).await;
    bed.done(theirs).await;
    assert_ne!(ask.status(&other, &shop()).unwrap().summary.id, bed.status(&shop()).summary.id);
    assert!(bed.data().join("tenants/other/services/shop").is_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn caps_hold_for_all_deployments_of_a_tenant_together() {
    let caps = Caps { instances: Some(4), ..Caps::none() };
    let bed = Bed::open_with(|mut options| {
        options.tenants = Tenants { named: Default::default(), others: caps };
        options
    })
    .await;
    bed.deploys(&shop(), &SERVICE).await;
    let refused = bed.deploy(&"bank".parse().unwrap(), &SERVICE).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::OverCap);
    assert_eq!(
        refused.message,
        "this needs 3 instances; your other deployments have 3, and 4 are all that you may have"
    );
    let begun = bed.controller.scale(&bed.tenant, &shop(), super::changes::scale(&[("Back", 4)])).await;
    assert_eq!(begun.unwrap_err().code, RefusalCode::OverCap);
    let begun = bed.controller.scale(&bed.tenant, &shop(), super::changes::scale(&[("Back", 3)])).await;
    bed.done(begun).await;
    let usage = bed.controller.host(&bed.tenant).tenants[0].clone();
    assert_eq!((usage.instances.used, usage.instances.cap, usage.public_ports.used), (4, Some(4), 1));
    assert_eq!(usage.memory_bytes.used, 4 * (768 << 20));
    // What is gone counts no more.
    let deleted = bed.controller.delete(&bed.tenant, &shop()).await;
    bed.done(deleted).await;
    assert_eq!(bed.controller.host(&bed.tenant).tenants[0].instances.used, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_without_instances_are_counted_before_their_package_is_read() {
    let bed = Bed::open_with(|mut options| {
        let others = Caps { deployments: Some(1), ..Caps::none() };
        options.tenants = Tenants { named: Default::default(), others };
        options
    })
    .await;
    bed.deploys(&shop(), &Service { front: 0, back: 0, ..SERVICE }).await;
    let unread = tokio::io::empty();
    let refused =
        bed.controller.deploy(&bed.tenant, &"bank".parse().unwrap(), true, unread).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::OverCap);
    assert_eq!(bed.controller.services(&bed.tenant).deployments.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_may_let_a_package_out() {
    let bed = Bed::open_with(|mut options| {
        options.tenants =
            Tenants { named: Default::default(), others: Caps { outbound: false, ..Caps::none() } };
        options
    })
    .await;
    let outbound = serde_json::json!({"outbound": [{"allow": "example.com:443"}]});
    let package = Service { options: outbound, ..SERVICE }.package();
    let refused = bed.controller.deploy(&bed.tenant, &shop(), false, package.as_slice()).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::Forbidden);
    let begun = bed.controller.deploy(&bed.tenant, &shop(), true, package.as_slice()).await;
    bed.done(begun).await;
}

/// A host whose tenants may have these ports, and no more than their machine sizes.
async fn with_ports(ports: Ports) -> Bed {
    Bed::open_with(|mut options| {
        let others = Caps { ports, raised_limits: false, ..Caps::none() };
        options.tenants = Tenants { named: Default::default(), others };
        options
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_takes_no_port_or_address_that_is_not_its_own() {
    let bed = with_ports(Ports::Range { first: 40_000, last: 40_009 }).await;
    for (options, says) in [
        (serde_json::json!({"bind": "0.0.0.0"}), "0.0.0.0"),
        (serde_json::json!({"publish": {"10100": "0.0.0.0:0"}}), "0.0.0.0"),
        (serde_json::json!({"publish": {"10100": "127.0.0.1:4318"}}), "port 4318"),
        (serde_json::json!({"resource_limits": ["Front.cpu=10000"]}), "limit cpu of role Front"),
        (serde_json::json!({"resource_limits": ["tables=100000000"]}), "limit tables"),
        (serde_json::json!({"resource_limits": ["disk=1TiB"]}), "limit disk"),
    ] {
        let package = Service { options, ..SERVICE }.package();
        let refused = bed.controller.deploy(&bed.tenant, &shop(), false, package.as_slice()).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code, RefusalCode::Forbidden, "{refused}");
        assert!(refused.message.contains(says) && refused.hint.is_some(), "{refused}");
    }
    let lower = serde_json::json!({"resource_limits": ["cpu=1", "memory=64MiB"]});
    let package = Service { options: lower, ..SERVICE }.package();
    let begun = bed.controller.deploy(&bed.tenant, &shop(), false, package.as_slice()).await;
    bed.done(begun).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_the_definition_that_a_tenant_may_not_have_is_chosen() {
    let bed = with_ports(Ports::Chosen).await;
    let unnamed = serde_json::json!({"publish": {}});
    let package = Service { options: unnamed, ..SERVICE }.package();
    let begun = bed.controller.deploy(&bed.tenant, &shop(), false, package.as_slice()).await;
    bed.done(begun).await;
    let at = bed.status(&shop()).summary.addresses[0].at;
    assert!(at.port() != 10100 && at.ip().is_loopback(), "{at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn local_stores_and_packages_have_a_cap() {
    let with_disk = |disk: u64| {
        Bed::open_with(move |mut options| {
            let others = Caps { disk_bytes: Some(disk), ..Caps::none() };
            options.tenants = Tenants { named: Default::default(), others };
            options
        })
    };
    let stores = Service { back: 2, store: 600, ..SERVICE };
    let refused = with_disk(1 << 30).await.deploy(&shop(), &stores).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::OverCap);
    assert!(refused.message.contains("bytes of disk"), "{refused}");
    let refused = with_disk(64 << 10).await.deploy(&shop(), &SERVICE).await.unwrap_err();
    assert!(refused.message.contains("larger than 65536 bytes"), "{refused}");

    // Two stores of a megabyte, and what the package takes; of packages there is room for two and a half.
    let unlimited = Bed::with(&SERVICE).await;
    let package = unlimited.controller.unit(&unlimited.tenant, &shop()).package_bytes();
    assert!(package > 100_000, "{package}");
    let stores = 2 << 20;
    let bed = with_disk(stores + 2 * package + package / 2).await;
    bed.deploys(&shop(), &SERVICE).await;
    let upgrade = async |depth| {
        let package = Service { depth, ..SERVICE }.package();
        let how = UpgradeQuery::default();
        bed.controller.upgrade(&bed.tenant, &shop(), true, how, package.as_slice()).await
    };
    bed.done(upgrade(2).await).await;
    let unit = bed.controller.unit(&bed.tenant, &shop());
    assert!(unit.package_bytes() > package, "the one before is kept");
    let refused = upgrade(3).await.unwrap_err();
    assert!(matches!(refused.code, RefusalCode::OverCap | RefusalCode::TooLarge), "{refused}");
    assert_eq!(bed.status(&shop()).summary.revision, 2, "what runs runs on");
    let deleted = bed.controller.delete(&bed.tenant, &shop()).await;
    bed.done(deleted).await;
    bed.deploys(&shop(), &SERVICE).await;
}
