//! The tutorial, `examples/lifecycle/README.md`: what it shows is what is printed. Each scenario of it is played, and each of its blocks
//! of output must be part of one of them. The lines of the command line itself, with a star, are left to its own tests.

use std::pin::pin;
use std::sync::Arc;

use wasm_roles_fabric::{EventKind, Events, Status};
use wasm_roles_service_plan::Plan;

use super::{CAPACITY, GREETING, Running, folder, planned, planned_of};

const COUNT: (&str, &str) = (r#"count="2""#, r#"count="3""#);

fn edited(text: String, (old, new): (&str, &str)) -> String {
    assert!(text.contains(old), "{old}");
    text.replace(old, new)
}

/// The example, and all that its instances have printed.
struct Scenario {
    running: Running,
    transcript: Vec<String>,
}

impl Scenario {
    async fn start(plan: Arc<Plan>) -> Self {
        Self { running: Running::start_with(plan).await, transcript: Vec::new() }
    }

    /// As the example is, and all are Ready.
    async fn ready() -> Self {
        let mut scenario = Self::start(planned(|configuration| configuration)).await;
        scenario.listens_for("run: I am Ready", 2).await;
        scenario
    }

    /// Listens until these words were printed so many times.
    async fn listens_for(&mut self, words: &str, times: usize) {
        while self.transcript.iter().filter(|line| line.contains(words)).count() < times {
            assert!(
                listen(&mut self.running.events, &mut self.transcript).await,
                "{words}: {:#?}",
                self.transcript
            );
        }
    }

    async fn changes_to(&mut self, plan: Arc<Plan>) {
        let Running { deployment, events, .. } = &mut self.running;
        let mut changing = pin!(deployment.change(plan));
        loop {
            tokio::select! {
                biased;
                _ = listen(events, &mut self.transcript) => {}
                changed = &mut changing => break drop(changed.unwrap()),
            }
        }
    }

    /// Stops it and gives what was printed.
    async fn printed(mut self) -> Vec<String> {
        let Running { deployment, mut events, _data } = self.running;
        deployment.stop().await;
        while listen(&mut events, &mut self.transcript).await {}
        self.transcript
    }
}

/// Writes the next event down, if it is output. False when there are no more.
async fn listen(events: &mut Events, transcript: &mut Vec<String>) -> bool {
    let Some(event) = events.next().await else { return false };
    if let EventKind::Output { instance, line, .. } = event.kind {
        transcript.push(format!("{instance} | {}", String::from_utf8(line.bytes).unwrap()));
    }
    true
}

async fn a_start_two_status_checks_and_a_stop() -> Vec<String> {
    let mut scenario = Scenario::ready().await;
    scenario.listens_for("status-check 2: Ready", 2).await;
    scenario.printed().await
}

async fn a_recycle_that_it_asks_for() -> Vec<String> {
    let setting = (r#""RecycleAfterSeconds" value="0""#, r#""RecycleAfterSeconds" value="5""#);
    let mut scenario = Scenario::start(planned(|configuration| edited(configuration, setting))).await;
    scenario.listens_for("run: I am Ready", 6).await;
    scenario.printed().await
}

async fn a_change(change: (&str, &str)) -> Vec<String> {
    let mut scenario = Scenario::ready().await;
    scenario.changes_to(planned(|configuration| edited(configuration, change))).await;
    scenario.printed().await
}

async fn a_change_of_topology_told_to_all_at_once() -> Vec<String> {
    let blast = (r#"name="Lifecycle""#, r#"name="Lifecycle" topologyChangeDiscovery="Blast""#);
    let define = |definition| edited(definition, blast);
    let mut scenario = Scenario::start(planned_of(define, |configuration| configuration)).await;
    scenario.listens_for("run: I am Ready", 2).await;
    scenario.changes_to(planned_of(define, |configuration| edited(configuration, COUNT))).await;
    scenario.printed().await
}

/// The blocks of output in the tutorial, without the lines that the command line adds.
fn blocks() -> Vec<Vec<String>> {
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let blocks = readme.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("text\n"));
    let lines = |block: &str| block.lines().filter(|line| line.contains(" | ")).map(str::to_owned).collect();
    blocks.map(lines).collect()
}

/// Whether all lines were printed, in this order, with whatever in between.
fn shows(transcript: &[String], block: &[String]) -> bool {
    let mut transcript = transcript.iter();
    block.iter().all(|line| transcript.any(|printed| printed == line))
}

#[tokio::test(start_paused = true)]
async fn what_the_tutorial_shows_is_what_is_printed() {
    let transcripts = [
        a_start_two_status_checks_and_a_stop().await,
        a_recycle_that_it_asks_for().await,
        a_change(GREETING).await,
        a_change(CAPACITY).await,
        a_change(COUNT).await,
        a_change_of_topology_told_to_all_at_once().await,
    ];
    for block in blocks() {
        let shown = transcripts.iter().any(|transcript| shows(transcript, &block));
        assert!(shown, "no scenario prints {block:#?}: {transcripts:#?}");
    }
    // Nothing is missing in the tutorial: every kind of line that the role prints is somewhere in it.
    let blocks = blocks().concat();
    for line in transcripts.concat() {
        let (_, said) = line.split_once(" | ").unwrap();
        let event = said.split(':').next().unwrap().split(' ').next().unwrap();
        assert!(
            blocks.iter().any(|shown| shown.contains(&format!("| {event}"))),
            "{event} is not in the tutorial"
        );
    }
}

/// Facts: section 7.3. The words are those of the status that everybody sees, always; the last lines of stderr come with them.
#[tokio::test(start_paused = true)]
async fn recycled_so_many_times_because_of_the_last_error() {
    let setting = (r#""Capacity" value="10""#, r#""Capacity" value="many""#);
    let mut running = Running::start_with(planned(|configuration| edited(configuration, setting))).await;
    let mut waits = Vec::new();
    while waits.len() < 8 {
        let event = running.events.next().await.unwrap();
        let EventKind::Recycling { instance, delay, recycled } = event.kind else { continue };
        if instance.as_str() == "Worker_IN_0" {
            waits.push((recycled.times, delay.as_secs()));
        }
    }
    assert_eq!(waits, [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60)]);
    let status = running.deployment.statuses().now().remove(0);
    assert_eq!(status.status, Status::Recycling);
    assert_eq!(
        status.recycled.unwrap().to_string(),
        "recycled 8 times, because could not start: on-start returned an error: invalid digit found in string"
    );
}
