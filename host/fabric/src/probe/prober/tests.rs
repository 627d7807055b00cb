//! A prober with patients that answer as the test says. Time is paused.

use std::convert::Infallible;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tokio::time::sleep;
use wasm_roles_role_runtime::Clock;

use super::*;
use crate::events::Events;
use crate::test_plans::{plan_of, probe_of};

/// An instance: how it answers, and when it was asked.
#[derive(Clone, Default)]
struct Patient(Arc<Mutex<Chart>>);

#[derive(Default)]
struct Chart {
    answers: Answers,
    asked_at: Vec<u64>,
}

#[derive(Clone, Copy, Default)]
enum Answers {
    #[default]
    Well,
    With(ProbeFailure),
    Never,
}

impl Patient {
    fn answers_with(&self, answers: Answers) {
        self.0.lock().unwrap().answers = answers;
    }

    fn asked_at(&self) -> Vec<u64> {
        self.0.lock().unwrap().asked_at.clone()
    }
}

thread_local! {
    /// When the test began; each has a thread of its own.
    static BEGUN: Instant = Instant::now();
}

fn seconds() -> u64 {
    BEGUN.with(Instant::elapsed).as_secs()
}

impl crate::entry::Leads for Patient {}

impl Probed for Patient {
    async fn answers(&self, _: &PlannedProbe, _: NonZeroU16) -> Result<(), ProbeFailure> {
        let answers = {
            let mut chart = self.0.lock().unwrap();
            chart.asked_at.push(seconds());
            chart.answers
        };
        match answers {
            Answers::Well => Ok(()),
            Answers::With(failure) => Err(failure),
            Answers::Never => pending().await,
        }
    }
}

struct Ward {
    running: watch::Sender<Rotation<Patient>>,
    healthy: watch::Receiver<Healthy>,
    proved: watch::Receiver<Healthy>,
    events: Events,
    _herald_alive: oneshot::Sender<Infallible>,
}

impl Ward {
    /// A probe every 15 seconds with a time-out of 31.
    fn open() -> Self {
        seconds();
        let plan = plan_of(
            r#"<WorkerRole name="W"><Endpoints><InputEndpoint name="A" protocol="tcp" port="81" /></Endpoints></WorkerRole>"#,
            r#"<Role name="W"><Instances count="2" /></Role>"#,
        );
        let public = plan.public[0].clone();
        let (sender, events) = Events::channel();
        let (_herald_alive, alive) = oneshot::channel();
        let (herald, carry) = Herald::new(Arc::new(plan), Clock::new(SystemTime::UNIX_EPOCH), sender, alive);
        tokio::spawn(carry);
        let running = watch::Sender::new(Rotation::new());
        let prober = Prober::new(public, probe_of(r#"protocol="tcp""#), running.subscribe(), herald);
        let (healthy, proved) = (prober.healthy(), prober.proved());
        tokio::spawn(prober.run());
        Self { running, healthy, proved, events, _herald_alive }
    }

    /// An incarnation of this instance begins.
    fn begin(&self, ordinal: u32, patient: &Patient) {
        self.running.send_modify(|running| running.enter(ordinal, patient.clone()));
    }

    fn end(&self, ordinal: u32) {
        self.running.send_modify(|running| {
            running.leave(ordinal);
        });
    }

    fn healthy(&self) -> Vec<u32> {
        self.healthy.borrow().iter().copied().collect()
    }

    fn proved(&self) -> Vec<u32> {
        self.proved.borrow().iter().copied().collect()
    }

    /// What is told next, and when.
    async fn told(&mut self) -> (u64, String) {
        let kind = self.events.next().await.unwrap().kind;
        let said = match kind {
            EventKind::ProbeSucceeds { instance, probe, port } => format!("{instance} {probe} {port} up"),
            EventKind::ProbeFails { instance, probe, port, silence, failure } => {
                format!("{instance} {probe} {port} down for {} s: {failure}", silence.as_secs())
            }
            other => panic!("{other:?}"),
        };
        (seconds(), said)
    }
}

async fn until(second: u64) {
    sleep(Duration::from_secs(second.saturating_sub(seconds()))).await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_stops_to_answer_goes_out_after_the_time_out_and_comes_back_with_the_first_success()
{
    let mut ward = Ward::open();
    let patient = Patient::default();
    ward.begin(0, &patient);
    assert_eq!(ward.told().await, (0, "W_IN_0 Page 81 up".to_owned()));
    assert_eq!(ward.healthy(), [0]);

    until(20).await;
    patient.answers_with(Answers::With(ProbeFailure::Status(500)));
    let down = "W_IN_0 Page 81 down for 31 s: status 500, only 200 is healthy".to_owned();
    assert_eq!(ward.told().await, (15 + 31, down), "its last success was at 15 s");
    assert_eq!(ward.healthy(), []);

    patient.answers_with(Answers::Well);
    assert_eq!(ward.told().await, (60, "W_IN_0 Page 81 up".to_owned()));
    assert_eq!(ward.healthy(), [0]);
    assert_eq!(patient.asked_at(), [0, 15, 30, 45, 60]);
}

#[tokio::test(start_paused = true)]
async fn each_instance_is_tried_by_itself_also_while_another_one_does_not_answer() {
    let mut ward = Ward::open();
    let (silent, well) = (Patient::default(), Patient::default());
    silent.answers_with(Answers::Never);
    ward.begin(0, &silent);
    ward.begin(1, &well);
    assert_eq!(ward.told().await.1, "W_IN_1 Page 81 up");
    assert_eq!(ward.told().await, (31, "W_IN_0 Page 81 down for 31 s: no answer in time".to_owned()));
    assert_eq!((ward.healthy(), well.asked_at()), (vec![1], vec![0, 15, 30]));
    assert_eq!(silent.asked_at(), [0, 15, 30], "a try has until the next one is due");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_has_just_begun_is_tried_every_second_until_it_answers() {
    let mut ward = Ward::open();
    let patient = Patient::default();
    patient.answers_with(Answers::With(ProbeFailure::NotHttp));
    ward.begin(0, &patient);
    sleep(Duration::from_millis(2500)).await;
    patient.answers_with(Answers::Well);
    assert_eq!(ward.told().await.0, 3);
    until(20).await;
    assert_eq!(patient.asked_at(), [0, 1, 2, 3, 18]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_recycled_quickly_stays_healthy_and_one_that_stays_away_does_not() {
    let mut ward = Ward::open();
    let (first, second, third) = (Patient::default(), Patient::default(), Patient::default());
    ward.begin(0, &first);
    assert_eq!(ward.told().await.0, 0);
    until(10).await;
    ward.end(0);
    until(12).await;
    ward.begin(0, &second);
    until(16).await;
    assert_eq!((ward.healthy(), second.asked_at()), (vec![0], vec![12]), "it is tried when it comes back");

    ward.end(0);
    until(47).await;
    assert_eq!(ward.healthy(), []);
    until(200).await;
    ward.begin(0, &third);
    // That it was Down is not told: it did not run. It is new when it comes back.
    assert_eq!(ward.told().await, (200, "W_IN_0 Page 81 up".to_owned()));
    assert_eq!(third.asked_at(), [200]);
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_back_is_tried_every_second_and_is_proved_anew() {
    let mut ward = Ward::open();
    let (first, second) = (Patient::default(), Patient::default());
    ward.begin(0, &first);
    assert_eq!(ward.told().await.0, 0);
    assert_eq!(ward.proved(), [0]);
    until(3).await;
    ward.end(0);
    until(5).await;
    second.answers_with(Answers::With(ProbeFailure::NotHttp));
    ward.begin(0, &second);
    until(7).await;
    assert_eq!((ward.healthy(), ward.proved()), (vec![0], vec![]), "the opinion stays for its time");
    second.answers_with(Answers::Well);
    until(20).await;
    assert_eq!((ward.proved(), second.asked_at()), (vec![0], vec![5, 6, 7]));
}
