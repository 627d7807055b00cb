//! A host that is killed at any point of any operation, and started again: nothing is ever mixed.
//!
//! Rounds are chosen by a seeded generator, which also chooses after how many looks at the operation the host is killed. 20 rounds are
//! run; `cargo xtask nightly` runs 200, by the variables `KILL_ROUNDS` and `KILL_SEED`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wasm_roles_control_interface::{
    Client, DeploymentRef, DeploymentState, DeploymentStatus, InstanceState, Operation, RefusalCode,
};

use crate::host_process::{Host, free_port, root};
use crate::http_exchange::exchange;

/// Far longer than anything here takes: it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most looks at an operation before the host is killed: most operations are over by then.
const LOOKS: u64 = 60;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A deployment as somebody outside sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    id: String,
    /// Of the page, which every instance of the web role has made alike.
    title: String,
    at: SocketAddr,
    revision: u64,
    /// With their addresses.
    instances: BTreeMap<String, String>,
    /// Instances that were stopped by order.
    held: BTreeSet<String>,
    book_is_kept: bool,
}

/// What may be there after an operation that was killed.
struct Wanted {
    command: Vec<String>,
    on: &'static str,
    /// The titles that are right.
    titles: BTreeSet<String>,
}

struct Bed {
    folder: TempDir,
    host: Option<Host>,
    runtime: tokio::runtime::Runtime,
    ports: [u16; 2],
    /// Every title that there ever was.
    titles: BTreeSet<String>,
    round: u64,
}

/// The instance that is stopped and started by order.
const STOPPED: &str = "Checker_IN_1";

const SLOTS: [&str; 2] = ["shop", "shop/staging"];

impl Bed {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            host: None,
            runtime: runtime.expect("a runtime"),
            ports: [free_port(), free_port()],
            titles: BTreeSet::new(),
            round: 0,
        }
    }

    fn serve(&mut self) {
        let mut host = Host::serve(self.folder.path());
        host.wait_for("Ready on ");
        self.host = Some(host);
    }

    fn client(&self) -> Client {
        Client::unix(self.folder.path().join("wasm-roles/host.sock"))
    }

    fn status(&self, deployment: &str) -> Option<DeploymentStatus> {
        let deployment: DeploymentRef = deployment.parse().expect("a name");
        match self.runtime.block_on(self.client().status(&deployment)) {
            Ok(status) => Some(status),
            Err(error) if error.refusal().is_some_and(|refusal| refusal.code == RefusalCode::NotFound) => {
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A copy of the example with this title, and an endpoint of its own.
    fn version(&self, title: &str) -> PathBuf {
        let folder = self.folder.path().join(format!("v{}", self.round));
        let example = root().join("examples/guestbook");
        let copied = Command::new("cp").arg("-r").arg(&example).arg(&folder).status();
        assert!(copied.expect("cp runs").success());
        let edit = |file: &str, from: &str, to: String| {
            let path = folder.join(file);
            let text = fs::read_to_string(&path).expect("a file");
            assert!(text.contains(from), "{file} has no {from}");
            fs::write(&path, text.replacen(from, &to, 1)).expect("a file");
        };
        // The web role is the first: its instances come and go with an upgrade too.
        let count = 1 + self.round % 4;
        edit("ServiceConfiguration.cscfg", "count=\"2\"", format!("count=\"{count}\""));
        edit("ServiceConfiguration.cscfg", "value=\"Guestbook\"", format!("value=\"{title}\""));
        let check = "<InternalEndpoint name=\"Check\" protocol=\"tcp\" />";
        let more = format!("{check}<InternalEndpoint name=\"Of{}\" protocol=\"tcp\" />", self.round);
        edit("ServiceDefinition.csdef", check, more);
        folder
    }

    /// Runs the program to its end; its standard output.
    fn tell(&self, arguments: &[String]) -> Result<String, String> {
        let output = Command::new(env!("CARGO_BIN_EXE_wasm-roles"))
            .args(arguments)
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .output()
            .expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Waits until a deployment is at rest and all instances run that shall, and looks at it.
    fn seen(&self, deployment: &str) -> Option<Seen> {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            let status = self.status(deployment)?;
            let at_rest = matches!(status.summary.state, DeploymentState::Running | DeploymentState::Stopped);
            let settled = |row: &wasm_roles_control_interface::InstanceRow| match row.held {
                true => row.state == InstanceState::Stopped,
                false => row.state == InstanceState::Ready,
            };
            if at_rest && status.instances.iter().all(settled) {
                break status;
            }
            assert_ne!(status.summary.state, DeploymentState::Failed, "{status:#?}");
            assert!(
                Instant::now() < deadline,
                "it does not come to rest: {status:#?}\n{:#?}",
                self.host.as_ref().map(|host| &host.said)
            );
            std::thread::yield_now();
        };
        assert!(status.problems.is_empty(), "{:#?}", status.problems);
        let revisions: BTreeSet<u64> = status.instances.iter().map(|row| row.revision).collect();
        assert_eq!(revisions, BTreeSet::from([status.summary.revision]), "mixed revisions: {status:#?}");
        let at = status.summary.addresses.first().expect("a public port").at;
        let held = status.instances.iter().filter(|row| row.held).map(|row| row.instance.clone()).collect();
        let (title, book_is_kept) = self.page(&status, at);
        Some(Seen {
            id: status.summary.id,
            title,
            at,
            revision: status.summary.revision,
            instances: status
                .instances
                .iter()
                .map(|row| (row.instance.clone(), row.address.to_string()))
                .collect(),
            held,
            book_is_kept,
        })
    }

    /// Asks until every running instance of the web role has answered: they have to agree.
    fn page(&self, status: &DeploymentStatus, at: SocketAddr) -> (String, bool) {
        let web = status.instances.iter().filter(|row| row.role == "Web" && !row.held);
        let mut missing: BTreeSet<&str> = web.map(|row| row.instance.as_str()).collect();
        let mut titles = BTreeSet::new();
        let mut book_is_kept = true;
        let deadline = Instant::now() + PATIENCE;
        while !missing.is_empty() {
            assert!(Instant::now() < deadline, "{missing:?} never answered");
            let Ok(answer) = exchange(at, "GET", "/", &[], "") else { continue };
            let between = |before: &str, after: &str| -> Option<String> {
                let (_, rest) = answer.text().split_once(before)?;
                Some(rest.split_once(after)?.0.to_owned())
            };
            // Entries is there a moment later than Web, perhaps.
            if answer.status != 200 {
                continue;
            }
            let instance = between("<b id=\"instance\">", "<").expect("an instance");
            missing.remove(instance.as_str());
            titles.insert(between("<title>", "<").expect("a title"));
            book_is_kept &= answer.text().contains("<bdi>Ada</bdi>");
        }
        assert_eq!(titles.len(), 1, "instances do not agree: {titles:?}");
        (titles.pop_first().expect("one"), book_is_kept)
    }

    /// As [`seen`](Self::seen), with Ada in its book.
    fn signed(&self, deployment: &str) -> Option<Seen> {
        let seen = self.seen(deployment)?;
        if seen.book_is_kept {
            return Some(seen);
        }
        self.sign(seen.at);
        Some(Seen { book_is_kept: true, ..seen })
    }

    fn sign(&self, at: SocketAddr) {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = exchange(at, "POST", "/entries", &form, "name=Ada&text=Good+day");
            if answer.as_ref().is_ok_and(|answer| answer.status == 303) {
                return;
            }
            assert!(Instant::now() < deadline, "{answer:?}");
        }
    }

    fn deploy(&self, slot: usize, title: &str) -> Vec<String> {
        let version = self.version(title);
        words(&[
            "deploy",
            &version.join("ServiceDefinition.csdef").display().to_string(),
            "-d",
            SLOTS[slot],
            "--publish",
            &format!("80=127.0.0.1:{}", self.ports[slot]),
        ])
    }

    /// Chooses what is done next to what there is.
    fn choose(&mut self, dice: &mut Dice, before: &[Option<Seen>; 2]) -> Wanted {
        let new = format!("Round {}", self.round);
        let [Some(shop), staging] = before else { panic!("shop is gone") };
        let old = BTreeSet::from([shop.title.clone()]);
        let either = BTreeSet::from([shop.title.clone(), new.clone()]);
        let on_shop = |command: &[&str], titles: BTreeSet<String>| Wanted {
            command: words(command),
            on: SLOTS[0],
            titles,
        };
        let kind = dice.below(9);
        self.titles.insert(new.clone());
        match (kind, staging) {
            (0, _) => {
                let file = self.version(&new).join("ServiceConfiguration.cscfg").display().to_string();
                on_shop(&["update", "shop", "--config", &file], either)
            }
            (1, _) => {
                let count = 1 + dice.below(5);
                on_shop(&["scale", "-d", "shop", &format!("Web={count}")], old)
            }
            (2 | 3, _) => {
                let file = self.version(&new).join("ServiceDefinition.csdef").display().to_string();
                on_shop(&["upgrade", &file, "-d", "shop", "--health", "60"], either)
            }
            (4, _) if self.status(SLOTS[0]).is_some_and(|status| status.can_roll_back) => {
                on_shop(&["rollback", "shop"], self.titles.clone())
            }
            // Nobody recycles what was stopped.
            (4 | 5, _) if shop.held.is_empty() => on_shop(&["recycle", "-d", "shop", "--all"], old),
            (4 | 5 | 8, _) if !shop.held.is_empty() => on_shop(&["start", "-d", "shop", STOPPED], old),
            (8, _) => on_shop(&["stop", "-d", "shop", STOPPED], old),
            (6, Some(staging)) => {
                let titles = BTreeSet::from([shop.title.clone(), staging.title.clone()]);
                on_shop(&["swap", "shop"], titles)
            }
            (7, Some(_)) => {
                Wanted { command: words(&["delete", SLOTS[1]]), on: SLOTS[1], titles: self.titles.clone() }
            }
            (_, None) => {
                Wanted { command: self.deploy(1, &new), on: SLOTS[1], titles: BTreeSet::from([new]) }
            }
            _ => panic!("there is no operation {kind}"),
        }
    }

    /// Begins an operation, kills the host in the middle of it or soon after, and starts it again. Whether it was in the middle.
    fn killed(&mut self, wanted: &Wanted, looks: u64, twice: bool) -> bool {
        let command = [wanted.command.as_slice(), &words(&["--no-wait", "--format", "json"])].concat();
        let begun = self.tell(&command).unwrap_or_else(|error| panic!("{error}"));
        let begun: Operation = serde_json::from_str(&begun).expect("an operation");
        let mut is_over = false;
        for _ in 0..looks {
            let asking = self.client();
            let asked = asking.operation(&begun.deployment.service, begun.id, Duration::ZERO);
            is_over = self.runtime.block_on(asked).is_ok_and(|operation| operation.state.is_over());
            if is_over {
                break;
            }
        }
        self.host.take().expect("it runs").kill();
        if twice {
            self.killed_again();
        }
        self.serve();
        !is_over
    }

    /// Starts the host and kills it while it brings back what it finds: as soon as it writes to a record.
    fn killed_again(&self) {
        let deployments = self.folder.path().join("data/tenants/default/services/shop/deployments");
        let records = || -> Vec<Vec<u8>> {
            let entries = fs::read_dir(&deployments).into_iter().flatten().flatten();
            entries.filter_map(|entry| fs::read(entry.path().join("deployment.json")).ok()).collect()
        };
        let before = records();
        let host = Host::serve(self.folder.path());
        let deadline = Instant::now() + PATIENCE;
        while records() == before {
            assert!(Instant::now() < deadline, "it writes nothing");
            std::thread::yield_now();
        }
        host.kill();
    }

    /// Everything that has to be true whatever was killed.
    fn check(&self, wanted: &Wanted, before: &[Option<Seen>; 2], after: &[Option<Seen>; 2]) {
        let is_swap = wanted.command.first().is_some_and(|command| command == "swap");
        for (number, slot) in SLOTS.iter().enumerate() {
            let (before, after) = (&before[number], &after[number]);
            let (before, after) = match (before, after) {
                (Some(before), Some(after)) => (before, after),
                (None, None) => continue,
                _ => {
                    assert_eq!(*slot, SLOTS[1], "production came or went");
                    assert_eq!(wanted.on, SLOTS[1], "staging came or went by itself");
                    continue;
                }
            };
            assert_eq!(after.at, before.at, "the public port of {slot} has moved");
            if *slot == wanted.on || is_swap {
                assert!(wanted.titles.contains(&after.title), "{slot} has the title {}", after.title);
            } else {
                assert_eq!(after.title, before.title, "{slot} has nothing to do with it");
            }
            assert!(is_swap || after.id == before.id, "{slot} has another id");
            if after.id == before.id {
                for (instance, address) in &after.instances {
                    let was = before.instances.get(instance);
                    assert!(was.is_none_or(|was| was == address), "{instance} has moved to {address}");
                }
            }
        }
        let ids = |seen: &[Option<Seen>; 2]| -> BTreeSet<String> {
            seen.iter().flatten().map(|seen| seen.id.clone()).collect()
        };
        if is_swap {
            assert_eq!(ids(before), ids(after));
        }
        for after in after.iter().flatten() {
            let was_signed =
                before.iter().flatten().any(|before| before.id == after.id && before.book_is_kept);
            assert!(after.book_is_kept || !was_signed, "the book of {} is lost", after.id);
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn a_host_that_is_killed_at_any_point_comes_back_with_nothing_mixed() {
    let (rounds, seed) = (number("KILL_ROUNDS", 20), number("KILL_SEED", 1));
    let mut dice = Dice(seed);
    let mut bed = Bed::new();
    bed.serve();
    bed.titles.insert("Round 0".to_owned());
    let deploy = bed.deploy(0, "Round 0");
    bed.tell(&deploy).unwrap_or_else(|error| panic!("{error}"));
    let mut in_the_middle = 0;
    for round in 1..=rounds {
        bed.round = round;
        let before = SLOTS.map(|slot| bed.signed(slot));
        let wanted = bed.choose(&mut dice, &before);
        let looks = dice.below(LOOKS);
        println!("round {round} of seed {seed}: {} is killed after {looks} looks", wanted.command.join(" "));
        let twice = dice.below(4) == 0;
        in_the_middle += u64::from(bed.killed(&wanted, looks, twice));
        let after = SLOTS.map(|slot| bed.seen(slot));
        bed.check(&wanted, &before, &after);
    }
    println!("{in_the_middle} of {rounds} operations were in the middle");
    assert!(in_the_middle > 0, "no operation was in the middle when the host was killed");
}
