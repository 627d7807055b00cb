//! Ways out of a store, and past its quota, that guests have tried: each of them fails, over WASI 0.2 and 0.3.

use std::fs;
use std::path::Path;

use super::{GUESTS, Host, QUOTA, each_guest_answers};
use crate::bed::{Bed, Started};

#[tokio::test]
async fn no_path_leads_out_of_a_store() {
    /// None of these may be said to have worked, and nothing of it may be seen outside.
    const ATTACKS: [&str; 26] = [
        "read ../secret",
        "read /store/../secret",
        "read /store/d/../../secret",
        "read OUTSIDE/secret",
        "write /store/../planted 10",
        "write OUTSIDE/planted 10",
        "remove /store/../secret",
        "rename /store/f /store/../planted",
        "rename /store/../secret /store/got",
        "link /store/../secret /store/got",
        "link OUTSIDE/secret /store/got",
        "mkdir /store/../planted",
        "symlink OUTSIDE/secret /store/absolute",
        "read /store/f/../../secret",
        "read /store//../secret",
        "read /store/./d/./../.././secret",
        r"read /store/..\..\secret",
        "read /store/d/../../store/../secret",
        "list /store/..",
        "list ..",
        "list /",
        "list OUTSIDE",
        "symlink OUTSIDE /store/d/outside",
        "set-size /store/../secret 0",
        "truncate /store/../secret",
        "rmdir /store/../approot",
    ];
    for guest in GUESTS {
        let (bed, host) = (Bed::new(), Host::new());
        let component = bed.load(guest);
        let outside = host.at("");
        let outside = outside.to_str().unwrap().trim_end_matches('/');
        let attacks: Vec<String> = ATTACKS.iter().map(|attack| attack.replace("OUTSIDE", outside)).collect();
        let preparation = ["create /store/f", "mkdir /store/d"];
        let commands: Vec<&str> = preparation.into_iter().chain(attacks.iter().map(String::as_str)).collect();
        let answers = host.answers(&bed, &component, &commands).await;
        assert_eq!(answers[..2], ["ok", "ok"]);
        assert_eq!(answers.len(), commands.len());
        for (attack, answer) in commands.iter().zip(&answers).skip(2) {
            assert!(!answer.starts_with("ok") && !answer.contains("secret"), "{guest}: {attack}: {answer}");
        }
        untouched(&host);
    }
}

/// A link may say whatever it likes: it leads nowhere outside.
#[tokio::test]
async fn symbolic_links_do_not_lead_out_of_a_store() {
    for guest in GUESTS {
        let (bed, host) = (Bed::new(), Host::new());
        let component = bed.load(guest);
        // Some are made by the guest, some were there, as an archive that was unpacked might have left them.
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(host.at("secret"), host.at("store/absolute")).unwrap();
            std::os::unix::fs::symlink("..", host.at("store/up")).unwrap();
        }
        let commands = [
            "symlink ../secret /store/relative",
            "symlink .. /store/parent",
            "read /store/relative",
            "read /store/parent/secret",
            "read /store/absolute",
            "read /store/up/secret",
            "write /store/relative 10",
            "write /store/absolute 10",
            "append /store/absolute 10",
            "truncate /store/absolute",
            "write /store/up/planted 10",
            "mkdir /store/up/planted",
            "remove /store/up/secret",
            "link /store/up/secret /store/got",
            "rename /store/up/secret /store/got",
        ];
        let answers = host.answers(&bed, &component, &commands).await;
        assert_eq!(answers.len(), commands.len());
        for (command, answer) in commands.iter().zip(&answers).skip(2) {
            assert!(!answer.starts_with("ok") && !answer.contains("secret"), "{guest}: {command}: {answer}");
        }
        untouched(&host);
    }
}

/// Links to links, links in the middle of a path, a link that is moved to where it leads elsewhere, hard links to links.
#[tokio::test]
async fn chains_of_links_do_not_lead_out_of_a_store() {
    const ATTACKS: [&str; 15] = [
        "symlink .. /store/d/top",   // the store itself
        "symlink d/top /store/one",  // the store again
        "symlink one/.. /store/two", // one above
        "symlink two /store/three",
        "read /store/two/secret",
        "read /store/three/secret",
        "list /store/three",
        "symlink ../.. /store/d/e/high", // the store, from where it is
        "rename /store/d/e /store/e",    // and two above it from here
        "read /store/e/high/secret",
        "write /store/e/high/planted 10",
        "link /store/two /store/hard",
        "read /store/hard/secret",
        "symlink ../other /store/sideways",
        "rename /store/f /store/sideways/f",
    ];
    for guest in GUESTS {
        let (bed, host) = (Bed::new(), Host::new());
        let component = bed.load(guest);
        let preparation = ["create /store/f", "mkdir /store/d", "mkdir /store/d/e", "write /store/d/x 7"];
        let commands: Vec<&str> = preparation.into_iter().chain(ATTACKS).collect();
        let answers = host.answers(&bed, &component, &commands).await;
        assert_eq!(answers.len(), commands.len());
        for (command, answer) in commands.iter().zip(&answers).skip(preparation.len()) {
            let harmless =
                ["symlink", "link", "rename /store/d/e"].iter().any(|verb| command.starts_with(verb));
            assert!(harmless || !answer.starts_with("ok"), "{guest}: {command}: {answer}");
            assert!(!answer.contains("secret"), "{guest}: {command}: {answer}");
        }
        assert_eq!(names(&host.at("other")), [""; 0]);
        untouched(&host);
    }
}

#[tokio::test]
async fn links_that_lead_nowhere_end() {
    for guest in GUESTS {
        let (bed, host) = (Bed::new(), Host::new());
        let commands = [
            "symlink b /store/a",
            "symlink a /store/b",
            "read /store/a",
            "write /store/a 1",
            "list /store/b",
        ];
        let answers = host.answers(&bed, &bed.load(guest), &commands).await;
        assert_eq!(answers[..2], ["ok", "ok"]);
        assert!(answers[2..].iter().all(|answer| !answer.starts_with("ok")), "{guest}: {answers:?}");
    }
}

/// One program puts a link in the place of a directory and takes it away again, while another one goes through that name: whatever
/// it finds at each moment, it does not get out.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_directory_that_is_swapped_for_a_link_meanwhile_does_not_lead_out_of_a_store() {
    for (swapper, pryer) in [("storage-p2", "storage-p3"), ("storage-p3", "storage-p2")] {
        let (bed, host) = (Bed::new(), Host::new());
        fs::create_dir(host.at("store/d")).unwrap();
        fs::write(host.at("store/d/inside"), "inside").unwrap();
        let start = |ordinal: usize, guest: &str, script: &str| {
            let component = bed.load(guest);
            bed.start_as_with(ordinal, &component, script, |spec| spec.preopens = host.preopens())
        };
        let swapping = start(0, swapper, "again 150 swap .. /store/d");
        let prying = start(
            1,
            pryer,
            "again 100 read /store/d/secret ; again 100 list /store/d ; again 100 write /store/d/planted 10 ; \
             again 100 remove /store/d/secret ; again 100 rename /store/d/secret /store/got",
        );
        let (swapped, pried) = tokio::join!(answers(swapping), answers(prying));
        assert_eq!(swapped, ["ok"], "{swapper} did what it should");
        assert_eq!(pried.len(), 5, "{pried:?}");
        assert!(
            !pried.iter().any(|answer| answer.contains("secret") || answer.contains("approot")),
            "{pried:?}"
        );
        assert!(!host.at("store/got").exists());
        untouched(&host);
    }
}

/// All that a program says until its end.
async fn answers(mut started: Started) -> Vec<String> {
    let mut answers = Vec::new();
    while let Some(line) = started.stdout.next_line().await {
        answers.push(String::from_utf8(line.bytes).unwrap());
    }
    answers
}

#[tokio::test]
async fn two_descriptors_cannot_pass_the_quota_together() {
    each_guest_answers(&[("race /store/a /store/b", "10000 together")]).await;
}

/// What one descriptor does to the file is booked with what the other one does: the rest is exactly the rest.
#[tokio::test]
async fn two_descriptors_of_one_file_cannot_pass_the_quota_or_lose_any_of_it() {
    for guest in GUESTS {
        let (bed, host) = (Bed::new(), Host::new());
        let script = ["tangle /store/t", "create /store/rest", "append /store/rest 20000"];
        let answers = host.answers(&bed, &bed.load(guest), &script).await;
        assert!(answers[0].starts_with("tangled "), "{guest}: {answers:?}");
        assert_eq!(total(&host), QUOTA, "{guest}: {answers:?}");
    }
}

/// As a role and its start-up tasks do: two stores of the engine, on two threads, with the same files.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_programs_at_once_cannot_pass_the_quota_or_lose_any_of_it() {
    for script in ["tangle /store/t", "race /store/a /store/b", "race /store/a /store/a"] {
        let (bed, host) = (Bed::new(), Host::new());
        let programs = GUESTS.into_iter().enumerate().map(|(ordinal, guest)| {
            let component = bed.load(guest);
            // Who comes last takes all that is left.
            let script = format!("{script} ; create /store/{guest} ; append /store/{guest} 20000");
            answers(bed.start_as_with(ordinal, &component, &script, |spec| spec.preopens = host.preopens()))
        });
        let answers = futures_util::future::join_all(programs).await;
        assert_eq!(total(&host), QUOTA, "{script}: {answers:?}");
    }
}

/// The lengths of all files in the store.
fn total(host: &Host) -> u64 {
    fs::read_dir(host.at("store")).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

fn untouched(host: &Host) {
    assert_eq!(fs::read_to_string(host.at("secret")).unwrap(), "secret");
    assert_eq!(names(host.folder.path()), ["approot", "other", "secret", "store"]);
    assert_eq!(names(&host.at("approot")), ["program"]);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
