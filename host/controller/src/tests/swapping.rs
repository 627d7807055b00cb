//! Slots, and what a swap exchanges.

use wasm_roles_control_interface::{RefusalCode, Slot};

use super::bed::{Bed, SERVICE, Service, shop, staging};

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_exchanges_deployments_and_leaves_addresses_where_they_are() {
    let bed = Bed::with(&SERVICE).await;
    bed.deploys(&staging(), &Service { depth: 9, ..SERVICE }).await;
    let (before, other) = (bed.status(&shop()), bed.status(&staging()));
    assert_ne!(before.summary.addresses[0].at, other.summary.addresses[0].at);
    let swapped = bed.controller.swap(&bed.tenant, &shop().service).await;
    bed.done(swapped).await;
    let (after, staged) = (bed.status(&shop()), bed.status(&staging()));
    assert_eq!((&after.summary.id, &staged.summary.id), (&other.summary.id, &before.summary.id));
    assert_eq!(after.summary.addresses[0].at, before.summary.addresses[0].at);
    assert_eq!(after.summary.deployment.slot, Slot::Production);
    // A change of what is in production now is one of what came from staging.
    let begun = bed.controller.scale(&bed.tenant, &shop(), super::changes::scale(&[("Back", 3)])).await;
    bed.done(begun).await;
    assert_eq!((bed.placement(&shop()).len(), bed.placement(&staging()).len()), (4, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_endpoints_and_empty_slots_are_no_swap() {
    let bed = Bed::with(&SERVICE).await;
    let empty = bed.controller.swap(&bed.tenant, &shop().service).await.unwrap_err();
    assert_eq!(empty.code, RefusalCode::WrongState);
    let endpoints = r#"<Endpoints><InputEndpoint name="More" protocol="tcp" port="10101" /></Endpoints>"#;
    bed.deploys(&staging(), &Service { inside: endpoints, ..SERVICE }).await;
    let differ = bed.controller.swap(&bed.tenant, &shop().service).await.unwrap_err();
    assert_eq!(differ.code, RefusalCode::EndpointsDiffer);
    assert_eq!(differ.details.len(), 1);
    assert_eq!(differ.details[0].subject.as_deref(), Some("10101/tcp"));
    // Neither is busy for it.
    let begun = bed.controller.scale(&bed.tenant, &staging(), super::changes::scale(&[("Back", 1)])).await;
    bed.done(begun).await;
}
