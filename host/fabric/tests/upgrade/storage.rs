//! What instances have stored, in an upgrade.

use wasm_roles_fabric::UpgradeOutcome;

use crate::bed::{Bed, Role, role, service};

fn web(store: &str) -> Role {
    let stores = format!(
        r#"<LocalResources><LocalStorage name="Kept" cleanOnRoleRecycle="false" {store} /></LocalResources>"#
    );
    role("Web", 1).elements(stores)
}

/// A deployment of it whose instance has something stored.
async fn with_something_stored() -> Bed {
    let bed = Bed::ready(service([web(r#"sizeInMB="7""#), role("Back", 1)])).await;
    std::fs::write(bed.stored("Web_IN_0", "Kept"), "words").unwrap();
    bed
}

#[tokio::test(start_paused = true)]
async fn local_storage_is_kept_and_may_grow_and_get_a_neighbour() {
    let mut bed = with_something_stored().await;
    let more = web(r#"sizeInMB="9""#);
    let elements = more
        .elements
        .replace("</LocalResources>", r#"<LocalStorage name="New" sizeInMB="1" /></LocalResources>"#);
    bed.upgrade_to(service([more.elements(elements), role("Back", 1)])).await;
    assert_eq!(std::fs::read_to_string(bed.stored("Web_IN_0", "Kept")).unwrap(), "words");
    assert!(bed.stored("Web_IN_0", "New").parent().unwrap().is_dir());
}

#[tokio::test(start_paused = true)]
async fn another_size_of_machine_loses_what_is_stored() {
    let mut bed = with_something_stored().await;
    bed.upgrade_to(service([web(r#"sizeInMB="7""#).attributes(r#"vmsize="Large""#), role("Back", 1)])).await;
    assert!(!bed.stored("Web_IN_0", "Kept").exists());
    // Once, and not with each recycle.
    std::fs::write(bed.stored("Web_IN_0", "Kept"), "other words").unwrap();
    let instance = bed.deployment.plan().instances[0].id.clone();
    bed.deployment.recycle(&[instance]).await.unwrap();
    assert_eq!(std::fs::read_to_string(bed.stored("Web_IN_0", "Kept")).unwrap(), "other words");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_goes_takes_what_it_has_stored_with_it() {
    let mut bed = with_something_stored().await;
    bed.upgrade_to(service([role("Back", 1)])).await;
    assert!(!bed.stored("Web_IN_0", "Kept").parent().unwrap().parent().unwrap().exists());
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_outlives_an_upgrade_that_is_taken_back() {
    let mut bed = with_something_stored().await;
    let broken = web(r#"sizeInMB="9""#).mode("answer on-start");
    let summary = bed.upgrade_to(service([broken, role("Back", 1)])).await;
    assert!(matches!(summary.outcome, UpgradeOutcome::RolledBack(_)), "{summary:?}");
    assert_eq!(std::fs::read_to_string(bed.stored("Web_IN_0", "Kept")).unwrap(), "words");
}

#[tokio::test(start_paused = true)]
async fn each_generation_has_its_own_contents_and_those_of_the_other_do_not_stay() {
    let contents =
        r#"<Contents><Content destination="mine"><SourceDirectory path="shared" /></Content></Contents>"#;
    let with = |depth, mode| service([role("Web", 2).elements(contents).depth(depth).mode(mode)]);
    let mut bed = Bed::ready(with(1, "")).await;
    let depth = |bed: &Bed, generation: &str| {
        let folder = bed.data().join("wasm-roles-approot").join(generation);
        std::fs::read_to_string(folder.join("Web/mine/depth")).unwrap_or_default()
    };
    assert_eq!(depth(&bed, ""), "1");
    bed.upgrade_to(with(2, "")).await;
    assert_eq!([depth(&bed, ""), depth(&bed, "2")], ["", "2"]);
    bed.upgrade_to(with(3, "answer on-start")).await;
    assert_eq!([depth(&bed, "2"), depth(&bed, "3")], ["2", ""], "it was taken back");
    bed.upgrade_to(with(4, "")).await;
    assert_eq!([depth(&bed, "2"), depth(&bed, "4")], ["", "4"]);
    // One that cannot be begun leaves nothing either.
    let mut upgrade = bed.to(&with(5, ""));
    let elements =
        r#"<Contents><Content destination="../out"><SourceDirectory path="shared" /></Content></Contents>"#;
    upgrade.plan = bed.to(&service([role("Web", 2).elements(elements)])).plan;
    let refused = bed.upgrade(upgrade).await.unwrap_err();
    assert!(refused.to_string().contains("leads out of the role's folder"), "{refused}");
    let left: Vec<String> = std::fs::read_dir(bed.data().join("wasm-roles-approot"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["4"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_is_not_lost_for_a_machine_size_that_was_taken_back() {
    let large = |mode| web(r#"sizeInMB="7""#).attributes(r#"vmsize="Large""#).mode(mode);
    // One that is stopped, and starts when all is over.
    let mut bed = with_something_stored().await;
    let instance = bed.deployment.plan().instances[0].id.clone();
    bed.deployment.stop_instances(std::slice::from_ref(&instance)).await.unwrap();
    let summary = bed.upgrade_to(service([large(""), role("Back", 1).mode("answer on-start")])).await;
    assert!(matches!(summary.outcome, UpgradeOutcome::RolledBack(_)), "{summary:?}");
    bed.deployment.start_instances(&[instance]).await.unwrap();
    assert_eq!(std::fs::read_to_string(bed.stored("Web_IN_0", "Kept")).unwrap(), "words");

    // One that has not stopped yet when somebody changes his mind.
    let mut bed = Bed::ready(service([web(r#"sizeInMB="7""#).mode("hang on-stop")])).await;
    std::fs::write(bed.stored("Web_IN_0", "Kept"), "words").unwrap();
    let upgrade = bed.to(&service([large("")]));
    bed.upgrade_until(upgrade, "Web_IN_0 on-stop").await;
    bed.roll_back().await.unwrap();
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 1"]);
    assert_eq!(std::fs::read_to_string(bed.stored("Web_IN_0", "Kept")).unwrap(), "words");
}
