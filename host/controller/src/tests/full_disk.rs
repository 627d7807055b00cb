//! Disks that take nothing more: what can be done all the same, and what is told of it.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use wasm_roles_control_interface::{DeploymentRef, OperationState, TargetRequest, TenantName};

use super::bed::{Bed, SERVICE, killed, reopened, shop, until};
use super::changes::scale;
use crate::Controller;
use crate::failpoint::Failpoint;

/// From now on this record cannot be written: where its next version would be written there is a folder. The function lets it be
/// written again.
fn full(record: &Path) -> impl FnOnce() + use<> {
    let next = record.with_extension("json.new");
    std::fs::create_dir(&next).unwrap();
    move || std::fs::remove_dir(next).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_a_deployment_can_be_deleted() {
    let bed = Bed::with(&SERVICE).await;
    let _empty_again = full(&bed.folder(&shop()).join("deployment.json"));
    let refused = bed.controller.scale(&bed.tenant, &shop(), scale(&[("Back", 1)])).await.unwrap_err();
    assert!(refused.hint.unwrap().contains("make room"));
    let deleted = bed.controller.delete(&bed.tenant, &shop()).await;
    assert_eq!(bed.done(deleted).await.message, "it is gone");
    let services = bed.data().join("tenants/default/services");
    assert_eq!(std::fs::read_dir(services).unwrap().count(), 0);
    bed.deploys(&shop(), &SERVICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_on_a_full_disk_does_not_come_back() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let services = data.join("tenants/default/services");
    let kept = services.clone();
    let empty_again = killed(&data, 1, Failpoint::default(), async move |controller: Controller| {
        let (tenant, wait) = (TenantName::usual(), Duration::from_secs(60));
        let begun = controller.deploy(&tenant, &shop(), true, SERVICE.package().as_slice()).await.unwrap();
        controller.operation(&tenant, &shop().service, begun.id, wait).await.unwrap();
        let id = controller.status(&tenant, &shop()).unwrap().summary.id;
        let _empty_again = full(&kept.join("shop/deployments").join(id).join("deployment.json"));
        let empty_again = full(&kept.join("shop/service.json"));
        let begun = controller.delete(&tenant, &shop()).await.unwrap();
        let ended = controller.operation(&tenant, &shop().service, begun.id, wait).await.unwrap();
        assert_eq!(ended.state, OperationState::Done, "{ended:#?}");
        assert!(ended.message.contains("files are left"), "{ended:#?}");
        assert!(controller.services(&tenant).deployments.is_empty());
        empty_again
    });
    // Still no room: nothing is forgotten that says that it was deleted.
    let problems = killed(&data, 2, Failpoint::default(), async |controller| {
        let tenant = TenantName::usual();
        assert!(controller.services(&tenant).deployments.is_empty());
        controller.host_of_owner(&tenant).problems
    });
    assert!(problems[0].message.contains("service.json cannot be written"), "{problems:#?}");
    empty_again();
    let (controller, problems) = reopened(&data, 3).await;
    assert_eq!(problems, []);
    assert!(controller.services(&TenantName::usual()).deployments.is_empty());
    assert_eq!(std::fs::read_dir(services).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_could_not_be_written_is_a_problem_until_it_can() {
    let bed = Bed::with(&SERVICE).await;
    let folder = bed.folder(&shop());
    // One that has begun already: its end cannot be written.
    let begun = bed.controller.stop(&bed.tenant, &shop(), TargetRequest::default()).await.unwrap();
    let empty_again = full(&folder.join("deployment.json"));
    bed.done(Ok(begun)).await;
    for _ in 0..3 {
        bed.controller.start(&bed.tenant, &shop(), TargetRequest::default()).await.unwrap_err();
    }
    let problems = bed.status(&shop()).problems;
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].hint.as_ref().unwrap().contains("make room"));
    empty_again();
    let started = bed.controller.start(&bed.tenant, &shop(), TargetRequest::default()).await;
    bed.done(started).await;
    assert_eq!(bed.status(&shop()).problems, []);
}

/// A package whose sender is gone.
struct BreaksOff;

impl AsyncRead for BreaksOff {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::Error::from(io::ErrorKind::ConnectionReset)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_was_refused_leaves_nothing_on_the_disk() {
    let bed = Bed::open().await;
    let services = bed.data().join("tenants/default/services");
    let (controller, tenant) = (&bed.controller, &bed.tenant);
    for name in ["a", "b", "c"] {
        let who: DeploymentRef = name.parse().unwrap();
        controller.deploy(tenant, &who, true, BreaksOff).await.unwrap_err();
    }
    controller.deploy(tenant, &shop(), true, tokio::io::empty()).await.unwrap_err();
    let is_empty = async || (std::fs::read_dir(&services).unwrap().count() == 0).then_some(());
    until("the folders are gone", is_empty).await;
}

#[test]
fn a_record_that_could_not_be_read_again_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.json");
    crate::record::file::write(&path, &"small").unwrap();
    let large = "\n".repeat(33 << 20);
    let error = crate::record::file::write(&path, &large).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "\"small\"\n");
}
