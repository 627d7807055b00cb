//! What counts, what fits, and what is refused.

use std::fs;

use wasm_roles_role_runtime::RoleComponent;

use super::{GUESTS, Host, QUOTA, check, each_guest_answers};
use crate::bed::Bed;

#[tokio::test]
async fn a_program_for_wasi_0_2_hears_of_the_quota_if_it_asks() {
    let (bed, host) = (Bed::new(), Host::new());
    let script = [
        ("create /store/a", "ok"),
        ("plain /store/a 4000", "4000 written"),
        ("stream /store/a 5000", "ok 9000"),
        ("stream /store/a 5000", "quota 10000"),
        ("set-size /store/a 9990", "ok 9990"),
        ("plain /store/a 4000", "10 written"),
        ("plain /store/a 4000", "quota"),
    ];
    check(&bed, &bed.load("storage-p2"), &host, &script, "").await;
}

/// More than one piece of what a stream takes at a time.
#[tokio::test]
async fn long_writes_arrive_whole_and_in_order_up_to_the_quota() {
    for guest in GUESTS {
        let (bed, host) = (Bed::new(), Host::new());
        let mut preopens = host.preopens();
        preopens[0].quota_bytes = Some(1_000_000);
        let commands = ["write /store/a 700000", "append /store/a 200000", "append /store/a 200000"];
        let mut started =
            bed.start_with(&bed.load(guest), &commands.join(" ; "), |spec| spec.preopens = preopens);
        assert_eq!(started.says().await, "ok 700000", "{guest}");
        assert_eq!(started.says().await, "ok 900000", "{guest}");
        assert!(started.says().await.ends_with(" 1000000"), "{guest}");
        assert_eq!(fs::read(host.at("store/a")).unwrap(), vec![b'x'; 1_000_000]);
    }
}

#[tokio::test]
async fn writes_fill_the_store_to_the_last_byte() {
    each_guest_answers(&[
        ("write /store/a 10000", "ok 10000"),
        ("append /store/a 1", "quota 10000"),
        ("create /store/b", "ok"),
        ("append /store/b 1", "quota 0"),
        ("write-at /store/a 0 10000", "ok 10000"),
        ("write /store/a 10001", "quota 10000"),
        ("write /store/a 9000", "ok 9000"),
        ("append /store/b 600", "ok 600"),
        ("append /store/b 600", "quota 1000"),
    ])
    .await;
}

#[tokio::test]
async fn sparse_files_count_by_their_length() {
    each_guest_answers(&[
        ("create /store/a", "ok"),
        ("set-size /store/a 10001", "quota 0"),
        ("set-size /store/a 9000", "ok 9000"),
        ("create /store/b", "ok"),
        ("write-at /store/b 990 20", "quota 1000"),
        ("set-size /store/a 100", "ok 100"),
        ("write-at /store/b 9800 100", "ok 9900"),
        ("write-at /store/a 101 1", "quota 100"),
    ])
    .await;
}

#[tokio::test]
async fn freed_space_can_be_used_at_once() {
    each_guest_answers(&[
        ("write /store/a 10000", "ok 10000"),
        ("remove /store/a", "ok"),
        ("write /store/b 10000", "ok 10000"),
        ("truncate /store/b", "ok 0"),
        ("write /store/c 10000", "ok 10000"),
        ("set-size /store/c 4000", "ok 4000"),
        ("write /store/d 7000", "quota 6000"),
        ("rename /store/d /store/c", "ok"),
        ("write /store/e 5000", "quota 4000"),
        ("rename /store/c /store/c", "ok"),
        ("append /store/e 1", "quota 4000"),
    ])
    .await;
}

#[tokio::test]
async fn a_file_counts_once_for_all_of_its_names() {
    each_guest_answers(&[
        ("write /store/a 6000", "ok 6000"),
        ("link /store/a /store/b", "ok"),
        ("link /store/a /store/c", "ok"),
        ("append /store/b 4000", "ok 10000"),
        ("remove /store/a", "ok"),
        ("write /store/d 1", "quota 0"),
        ("rename /store/b /store/c", "ok"), // two names of one file: nothing happens
        ("remove /store/b", "ok"),
        ("append /store/d 1", "quota 0"),
        ("rename /store/d /store/c", "ok"), // over the last name
        ("write /store/e 10000", "ok 10000"),
    ])
    .await;
}

#[tokio::test]
async fn a_removed_file_counts_until_it_is_closed() {
    each_guest_answers(&[
        ("write /store/a 6000", "ok 6000"),
        ("hold /store/a", "ok"),
        ("remove /store/a", "ok"),
        ("write /store/b 5000", "quota 4000"),
        ("release", "ok"),
        ("append /store/b 6000", "ok 10000"),
        ("hold-to-read /store/b", "ok"),
        ("create /store/c", "ok"),
        ("rename /store/c /store/b", "ok"),
        ("append /store/b 1", "quota 0"),
        ("release", "ok"),
        ("append /store/b 10000", "ok 10000"),
    ])
    .await;
}

#[tokio::test]
async fn a_removed_file_that_grows_while_it_is_open_counts_with_what_it_is() {
    each_guest_answers(&[
        ("create /store/a", "ok"),
        ("hold /store/a", "ok"),
        ("remove /store/a", "ok"),
        ("held-write 7000", "ok 7000"),
        ("write /store/b 4000", "quota 3000"),
        ("release", "ok"),
        ("append /store/b 7000", "ok 10000"),
    ])
    .await;
}

#[tokio::test]
async fn names_and_targets_of_links_are_not_for_nothing() {
    each_guest_answers(&[
        ("write /store/a 9990", "ok 9990"),
        ("symlink 12345678901 /store/l", "quota"),
        ("symlink 1234567890 /store/l", "ok"),
        ("append /store/a 1", "quota 9990"),
        ("remove /store/l", "ok"),
        ("append /store/a 10", "ok 10000"),
        ("names /store/n 1023", "ok"),
        ("mkdir /store/d", "quota"),
        ("create /store/f", "quota"),
        ("link /store/a /store/b", "quota"),
        ("remove /store/n7", "ok"),
        ("mkdir /store/d", "ok"),
        ("link /store/a /store/b", "quota"),
        ("rmdir /store/d", "ok"),
        ("link /store/a /store/b", "ok"),
    ])
    .await;
}

#[tokio::test]
async fn operations_that_fail_cost_nothing() {
    each_guest_answers(&[
        ("write /store/a 4000", "ok 4000"),
        ("create /store/a", "exist"),
        ("mkdir /store/a", "exist"),
        ("remove /store/none", "no-entry"),
        ("rename /store/none /store/a", "no-entry"),
        ("link /store/none /store/b", "no-entry"),
        ("symlink 12345 /store/a", "exist"),
        ("mkdir /store/d", "ok"),
        ("create /store/d/f", "ok"),
        ("rmdir /store/d", "not-empty"),
        ("append /store/a 6001", "quota 10000"),
        ("remove /store/a", "ok"),
        ("write /store/a 10000", "ok 10000"),
    ])
    .await;
}

/// As a role and its start-up tasks do.
#[tokio::test]
async fn programs_with_the_same_store_share_its_quota() {
    let (bed, host) = (Bed::new(), Host::new());
    let programs = GUESTS.map(|guest| bed.load(guest));
    let start = |ordinal: usize, program: &RoleComponent| {
        let script = format!("race /store/a{ordinal} /store/b{ordinal}");
        bed.start_as_with(ordinal, program, &script, |spec| spec.preopens = host.preopens())
    };
    let mut started: Vec<_> =
        programs.iter().enumerate().map(|(ordinal, program)| start(ordinal, program)).collect();
    for program in &mut started {
        assert!(program.says().await.ends_with(" together"));
    }
    let files = fs::read_dir(host.at("store")).unwrap();
    let total: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert_eq!(total, QUOTA);
}

#[tokio::test]
async fn stores_have_quotas_of_their_own_and_do_not_mix() {
    each_guest_answers(&[
        ("write /store/a 10000", "ok 10000"),
        ("write /other/a 10000", "ok 10000"),
        ("rename /store/a /other/b", "cross-device"),
        ("link /store/a /other/b", "cross-device"),
        ("rename /store/a /approot/a", "cross-device"),
        ("link /approot/program /store/b", "cross-device"),
        ("read /approot/program", "program"),
        ("write /approot/new 1", "not-permitted"),
        ("remove /approot/program", "not-permitted"),
    ])
    .await;
}

#[tokio::test]
async fn what_is_there_when_an_instance_starts_counts() {
    for guest in GUESTS {
        let (bed, host) = (Bed::new(), Host::new());
        let component = bed.load(guest);
        fs::write(host.at("store/found"), vec![0; 3000]).unwrap();
        fs::hard_link(host.at("store/found"), host.at("store/again")).unwrap();
        check(&bed, &component, &host, &[("write /store/a 6000", "ok 6000")], guest).await;
        // The next incarnation, and one in another process.
        check(&bed, &component, &host, &[("append /store/a 2000", "quota 7000")], guest).await;
        fs::remove_file(host.at("store/a")).unwrap();
        check(&Bed::new(), &Bed::new().load(guest), &host, &[("write /store/b 8000", "quota 7000")], guest)
            .await;
    }
}

#[tokio::test]
async fn a_store_over_its_quota_can_shrink_and_not_grow() {
    for guest in GUESTS {
        let (bed, host) = (Bed::new(), Host::new());
        fs::write(host.at("store/a"), vec![0; 15_000]).unwrap();
        let script = [
            ("append /store/a 1", "quota 15000"),
            ("write-at /store/a 0 100", "ok 15000"),
            ("create /store/b", "ok"),
            ("set-size /store/a 9999", "ok 9999"),
            ("append /store/b 2", "quota 1"),
        ];
        check(&bed, &bed.load(guest), &host, &script, guest).await;
    }
}
