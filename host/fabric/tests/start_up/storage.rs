//! Where an instance's files live: stores that are kept from run to run, and the folder for temporary files.

use std::path::Path;

use crate::bed::Service;

const STORES: &str = r#"<LocalResources><LocalStorage name="Kept" sizeInMB="1" cleanOnRoleRecycle="false" />
    <LocalStorage name="Scratch" sizeInMB="1" /></LocalResources>"#;

/// What the role says of these words, up to `end`, in one run of the host with this data folder.
async fn one_run(data: &Path, words: &str) -> Vec<String> {
    let words = format!("{words} print end sleep 1000000000");
    let mut running = Service::of_words(&words, STORES).with_data(data).start().await;
    running.hears("role: end").await;
    let lines = running.told.iter().filter_map(|said| Some(said.split_once(" s: role: ")?.1.to_owned()));
    let lines = lines.filter(|line| line != "end").collect();
    running.stops().await;
    lines
}

#[tokio::test(start_paused = true)]
async fn a_kept_store_survives_the_host_and_its_quota_is_measured_then() {
    let data = tempfile::tempdir().unwrap();
    let first = "fill /local/Kept/a 700 fill /local/Scratch/a 700";
    assert_eq!(one_run(data.path(), first).await, ["could fill", "could fill"]);
    let second = "list /local/Kept fill /local/Kept/b 400 remove /local/Kept/b fill /local/Kept/b 300";
    assert_eq!(one_run(data.path(), second).await, ["a", "could not fill", "could fill"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_a_recycle_empties_is_empty_in_the_next_run() {
    let data = tempfile::tempdir().unwrap();
    one_run(data.path(), "fill /local/Scratch/a 700 fill /local/Kept/a 1").await;
    let second = "list /local/Scratch list /local/Kept fill /local/Scratch/b 1024";
    assert_eq!(one_run(data.path(), second).await, ["", "a", "could fill"]);
}

#[tokio::test(start_paused = true)]
async fn the_temporary_folder_is_writable_and_holds_what_the_platform_gives() {
    let data = tempfile::tempdir().unwrap();
    let words = "fill /tmp/a 1 list /tmp fill /tmp/b 102400 remove /tmp/b fill /tmp/b 102399";
    assert_eq!(one_run(data.path(), words).await, ["could fill", "a", "could not fill", "could fill"]);
}

#[tokio::test(start_paused = true)]
async fn tasks_and_role_share_the_temporary_folder_and_each_incarnation_finds_it_empty() {
    let tasks =
        r#"<Startup><Task commandLine="setup.cmd list /tmp append /tmp/of-task x print done" /></Startup>"#;
    let service = Service::of_words("list /tmp append /tmp/of-role x", tasks).with_task("setup");
    let mut running = service.start().await;
    for _ in 0..2 {
        running.hears("setup.cmd: ").await;
        running.hears("setup.cmd: done").await;
        running.hears("role: of-task").await;
    }
}
