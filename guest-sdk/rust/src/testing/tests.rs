//! The double, with small roles.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::{DefinedRole, HttpRequest, TestEnvironment};
use crate::http::{BodyError, HttpHandler, Method, Request, Response};
use crate::{
    Change, EndpointKind, Protocol, Role, RoleEnvironment, RoleResult, Status, Verdict, sleep, spawn, timeout,
};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Writes down every event, with the value of `Depth` and the instances of `Store` that it sees at that moment.
#[derive(Default)]
struct Diary(RefCell<Vec<String>>);

impl Diary {
    fn notes(&self, event: &str) {
        let depth = RoleEnvironment::setting("Depth").unwrap();
        let store = RoleEnvironment::role("Store").map_or(0, |role| role.instances.len());
        self.0.borrow_mut().push(format!("{event} {depth} {store}"));
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

impl Role for Diary {
    async fn on_start(&self) -> RoleResult {
        self.notes("on-start");
        match RoleEnvironment::setting("Depth")?.as_str() {
            "many" => Err("too deep".into()),
            _ => Ok(()),
        }
    }

    async fn run(&self) -> RoleResult {
        self.notes("run");
        sleep(secs(3600)).await;
        Err("the hour is over".into())
    }

    async fn on_stop(&self) {
        self.notes("on-stop");
    }

    async fn changing(&self, changes: Vec<Change>) -> Verdict {
        self.notes("changing");
        match changes.first() {
            Some(Change::ConfigurationSetting(name)) if name == "Fixed" => Verdict::Recycle,
            _ => Verdict::Accept,
        }
    }

    async fn changed(&self, _: Vec<Change>) {
        self.notes("changed");
    }

    async fn status_check(&self) -> Status {
        Status::Busy
    }

    async fn stopping(&self) {
        self.notes("stopping");
    }

    async fn simultaneous_changing(&self, _: Vec<Change>) {
        self.notes("at-once-changing");
    }

    async fn simultaneous_changed(&self, _: Vec<Change>) {
        self.notes("at-once-changed");
    }
}

fn environment() -> TestEnvironment {
    TestEnvironment::new(DefinedRole::new("Worker").instances(3).input_endpoint("In", Protocol::Tcp, 80))
        .role(DefinedRole::new("Store").instances(2).internal_endpoint("Rows", Protocol::Udp, 7000))
        .role(DefinedRole::new("Hidden").instance_input_endpoint("Own", Protocol::Http, 81, 9000))
        .setting("Depth", "1")
        .setting("Fixed", "x")
}

#[test]
fn the_instance_sees_itself_and_the_roles_with_an_internal_endpoint() {
    let _environment = environment().as_instance(1).install();
    let current = RoleEnvironment::current_instance();
    assert_eq!((current.id.as_str(), current.role.as_str()), ("Worker_IN_1", "Worker"));
    assert_eq!((current.fault_domain, current.update_domain), (1, 1));
    let endpoint = current.endpoint("In").unwrap();
    assert_eq!(endpoint.address, Ipv4Addr::new(10, 0, 0, 5));
    assert_eq!((endpoint.kind, endpoint.port, endpoint.public_port), (EndpointKind::Input, 80, Some(80)));
    let seen: Vec<(String, Vec<String>)> = RoleEnvironment::roles()
        .into_iter()
        .map(|role| (role.name, role.instances.into_iter().map(|instance| instance.id).collect()))
        .collect();
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        seen,
        [
            ("Worker".to_owned(), ids(&["Worker_IN_1"])),
            ("Store".to_owned(), ids(&["Store_IN_0", "Store_IN_1"])),
            ("Hidden".to_owned(), ids(&[])),
        ]
    );
    assert_eq!(RoleEnvironment::role("Store").unwrap().instances[1].endpoints[0].protocol, Protocol::Udp);
}

#[test]
fn the_public_port_of_an_instance_input_endpoint_is_its_own() {
    let hidden =
        DefinedRole::new("Hidden").instances(3).instance_input_endpoint("Own", Protocol::Http, 81, 9000);
    let _environment = TestEnvironment::new(hidden).as_instance(2).install();
    let own = RoleEnvironment::current_instance().endpoint("Own").unwrap().clone();
    assert_eq!((own.port, own.public_port), (81, Some(9002)));
}

#[test]
fn names_that_are_not_there_are_errors_as_with_the_fabric() {
    let _environment = environment().local_resource("cache", "/tmp/cache", 10).install();
    assert_eq!(
        RoleEnvironment::setting("Dept").unwrap_err().to_string(),
        "the service definition has no setting named `Dept` for this role"
    );
    assert!(RoleEnvironment::local_resource("cash").is_err());
    let cache = RoleEnvironment::local_resource("cache").unwrap();
    assert_eq!((cache.path.to_str().unwrap(), cache.size_in_megabytes), ("/tmp/cache", 10));
    assert!(RoleEnvironment::role("Stor").is_none());
    assert!(RoleEnvironment::current_instance().endpoint("Out").is_err());
    assert_eq!(RoleEnvironment::deployment_id().len(), 32);
    assert!(RoleEnvironment::is_emulated());
}

#[test]
fn without_a_double_the_environment_says_what_is_missing() {
    assert!(!RoleEnvironment::is_available());
    let asked = std::panic::catch_unwind(|| RoleEnvironment::setting("Depth")).unwrap_err();
    let words = asked.downcast_ref::<String>().unwrap();
    assert!(words.starts_with("`RoleEnvironment::setting` was called outside a component"), "{words}");
    assert!(words.contains("install"), "{words}");
}

#[test]
fn doubles_of_other_threads_and_doubles_that_are_gone_do_not_answer() {
    let outer = environment().install();
    {
        let _inner = environment().setting("Depth", "2").install();
        assert_eq!(RoleEnvironment::setting("Depth").unwrap(), "2");
        let other = std::thread::spawn(|| {
            let _other = environment().setting("Depth", "3").install();
            RoleEnvironment::setting("Depth").unwrap()
        });
        assert_eq!(other.join().unwrap(), "3");
        let bare = std::thread::spawn(RoleEnvironment::deployment_id);
        assert!(bare.join().is_err(), "nothing is installed there");
    }
    assert_eq!(RoleEnvironment::setting("Depth").unwrap(), "1");
    assert!(RoleEnvironment::is_available());
    drop(outer);
    assert!(std::panic::catch_unwind(RoleEnvironment::deployment_id).is_err());
}

#[test]
fn a_role_lives_as_with_the_fabric() {
    let environment = environment().install();
    let role = environment.start::<Diary>().unwrap();
    let diary = role.role();
    assert_eq!(diary.take(), ["on-start 1 2", "run 1 2"]);
    assert_eq!(role.status_check(), Status::Busy);
    assert_eq!(role.change_settings(&[("Depth", "2")]), Verdict::Accept);
    assert_eq!(diary.take(), ["changing 1 2", "changed 2 2"]);
    assert_eq!(role.change_settings(&[("Fixed", "y")]), Verdict::Recycle);
    assert_eq!(diary.take(), ["changing 2 2"]);
    assert_eq!(RoleEnvironment::setting("Fixed").unwrap(), "y", "for the next one");
    environment.pass(secs(3599));
    assert_eq!(role.run_result(), None);
    environment.pass(secs(1));
    assert_eq!(role.run_result(), Some(Err("the hour is over".to_owned())));
    role.stop();
    assert_eq!(diary.take(), ["stopping 2 2", "on-stop 2 2"]);
}

#[test]
fn changes_of_topology_are_told_to_who_can_see_them() {
    let environment = environment().install();
    let role = environment.start::<Diary>().unwrap();
    role.role().take();
    assert_eq!(role.change_instances("Store", 5), Verdict::Accept);
    role.change_instances_at_once("Store", 1);
    let told = ["changing 1 2", "changed 1 5", "at-once-changing 1 5", "at-once-changed 1 1"];
    assert_eq!(role.role().take(), told);
    assert_eq!(role.change_instances("Hidden", 5), Verdict::Accept);
    assert_eq!(role.role().take(), [""; 0]);
    role.change_instances_at_once("Worker", 5);
    assert_eq!(role.role().take().len(), 2, "of its own role it hears, even if it cannot see it");
}

#[test]
fn what_is_as_it_was_is_told_to_nobody() {
    let environment = environment().install();
    let role = environment.start::<Diary>().unwrap();
    role.role().take();
    assert_eq!(role.change_settings(&[("Fixed", "x"), ("Depth", "1")]), Verdict::Accept);
    assert_eq!(role.change_settings(&[]), Verdict::Accept);
    assert_eq!(role.change_instances("Store", 2), Verdict::Accept);
    role.change_instances_at_once("Worker", 3);
    assert_eq!(role.role().take(), [""; 0]);
    // `Fixed` would be refused.
    assert_eq!(role.change_settings(&[("Fixed", "x"), ("Depth", "2")]), Verdict::Accept);
    assert_eq!(role.role().take(), ["changing 1 2", "changed 2 2"]);
}

#[test]
fn names_that_a_test_made_up_are_its_mistakes_before_the_role_hears_of_them() {
    let words = |change: fn(&super::StartedRole<Diary>)| {
        let environment = environment().as_instance(1).install();
        let role = environment.start::<Diary>().unwrap();
        role.role().take();
        let changing = std::panic::AssertUnwindSafe(|| change(&role));
        let mistake = std::panic::catch_unwind(changing).unwrap_err();
        assert_eq!(role.role().take(), [""; 0]);
        mistake.downcast_ref::<String>().unwrap().clone()
    };
    let setting =
        words(|role| assert_eq!(role.change_settings(&[("Depth", "2"), ("Dept", "2")]), Verdict::Recycle));
    assert_eq!(setting, "the test changes the setting `Dept`, which the role does not have");
    let unknown = words(|role| assert_eq!(role.change_instances("Stor", 2), Verdict::Recycle));
    assert_eq!(unknown, "the test changes the role `Stor`, which the deployment does not have");
    let gone = "the test leaves the role `Worker` 1 instances, so number 1 under test is gone: the fabric stops such an \
                instance and tells it of no change; call `stop`";
    assert_eq!(words(|role| assert_eq!(role.change_instances("Worker", 1), Verdict::Recycle)), gone);
    assert_eq!(words(|role| role.change_instances_at_once("Worker", 1)), gone);
}

#[test]
fn roles_have_the_order_of_the_definition() {
    let before = |name: &str| DefinedRole::new(name).internal_endpoint("In", Protocol::Tcp, 80);
    let environment = environment().role_before(before("Front")).role_before(before("Middle")).install();
    let names: Vec<String> = RoleEnvironment::roles().into_iter().map(|role| role.name).collect();
    assert_eq!(names, ["Front", "Middle", "Worker", "Store", "Hidden"]);
    let current = RoleEnvironment::current_instance();
    assert_eq!(current.id, "Worker_IN_0");
    assert_eq!(current.endpoint("In").unwrap().address, Ipv4Addr::new(10, 0, 0, 6));
    let role = environment.start::<Diary>().unwrap();
    role.role().take();
    role.change_instances("Worker", 4);
    assert_eq!(role.role().take().len(), 2, "it hears of its own role");
}

#[test]
fn instances_that_stay_keep_their_addresses() {
    let environment = environment().install();
    let role = environment.start::<Diary>().unwrap();
    let address =
        |number: usize| RoleEnvironment::role("Store").unwrap().instances[number].endpoints[0].address;
    let before = [address(0), address(1)];
    role.change_instances("Worker", 7);
    role.change_instances("Store", 3);
    assert_eq!([address(0), address(1)], before);
    assert!(!before.contains(&address(2)));
}

#[test]
fn a_role_that_does_not_start_says_why() {
    let environment = environment().setting("Depth", "many").install();
    assert_eq!(environment.start::<Diary>().unwrap_err(), "too deep");
}

#[test]
fn changes_that_nobody_was_told_of_can_be_read() {
    let environment = environment().install();
    environment.set("Depth", "7");
    assert_eq!(RoleEnvironment::setting("Depth").unwrap(), "7");
}

#[test]
fn recycles_that_were_asked_for_are_counted() {
    let environment = environment().install();
    RoleEnvironment::request_recycle();
    RoleEnvironment::request_recycle();
    assert_eq!(environment.recycle_requests(), 2);
}

#[test]
fn time_passes_when_everybody_waits() {
    let environment = environment().install();
    let order = environment.block_on(async {
        let late = spawn(async {
            sleep(secs(2)).await;
            "late"
        });
        let early = spawn(async {
            sleep(secs(1)).await;
            "early"
        });
        let mut cancelled = spawn(sleep(secs(100_000)));
        cancelled.cancel();
        let never = timeout(secs(5), std::future::pending::<()>()).await;
        assert!(never.is_err());
        assert!(cancelled.await.is_none());
        [early.await.unwrap(), late.await.unwrap()]
    });
    assert_eq!((order, environment.now()), (["early", "late"], secs(5)));
}

/// Works for as long as `Work` says in each of its functions.
#[derive(Default)]
struct Slow;

impl Slow {
    async fn work(&self) {
        sleep(secs(RoleEnvironment::setting("Work").unwrap().parse().unwrap())).await;
    }
}

impl Role for Slow {
    async fn changed(&self, _: Vec<Change>) {
        self.work().await;
    }

    async fn on_stop(&self) {
        self.work().await;
    }
}

#[test]
fn a_handler_that_takes_too_long_fails_the_test() {
    for (work, changed, stopped) in
        [("10", true, true), ("11", false, true), ("30", false, true), ("31", false, false)]
    {
        let told = |test: fn(super::StartedRole<Slow>)| {
            let test = std::panic::AssertUnwindSafe(|| {
                let environment =
                    TestEnvironment::new(DefinedRole::new("Slow")).setting("Work", work).install();
                test(environment.start().unwrap());
            });
            std::panic::catch_unwind(test).is_ok()
        };
        assert_eq!(told(|role| role.changed(Vec::new())), changed, "{work}");
        assert_eq!(told(super::StartedRole::stop), stopped, "{work}");
    }
}

/// Never waits for anything, but yields.
#[derive(Default)]
struct Restless;

impl Role for Restless {
    async fn run(&self) -> RoleResult {
        loop {
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                std::task::Poll::<()>::Pending
            })
            .await;
        }
    }
}

#[test]
#[should_panic(expected = "no time passes")]
fn a_role_that_never_waits_fails_the_test_instead_of_hanging_it() {
    let environment = environment().install();
    let _ = environment.start::<Restless>();
}

/// Sleeps, but for no time.
#[derive(Default)]
struct Sleepless;

impl Role for Sleepless {
    async fn run(&self) -> RoleResult {
        loop {
            sleep(Duration::ZERO).await;
        }
    }
}

#[test]
#[should_panic(expected = "no time passes")]
fn a_role_that_sleeps_for_no_time_fails_the_test_instead_of_hanging_it() {
    let environment = environment().install();
    let _ = environment.start::<Sleepless>();
}

#[test]
fn a_role_may_sleep_for_as_many_moments_as_there_are() {
    let environment = environment().install();
    environment.block_on(async {
        for _ in 0..1_100_000 {
            sleep(Duration::from_nanos(1)).await;
        }
    });
    assert_eq!(environment.now(), Duration::from_nanos(1_100_000));
}

#[derive(Default)]
struct Echo;

impl Role for Echo {}

impl HttpHandler for Echo {
    async fn handle(&'static self, request: Request) -> Response {
        let head = format!("{} {} {:?}", request.method(), request.path(), request.query());
        let header = request.header("x-name").unwrap_or_default();
        match request.body(5).await {
            Ok(body) => Response::text(head).with_header("x-name", header).with_body(body),
            Err(BodyError::TooLong { .. }) => Response::new(413),
            Err(BodyError::Broken(_)) => Response::new(400),
        }
    }
}

#[test]
fn a_web_role_answers_requests_that_a_test_makes_up() {
    let environment = environment().install();
    let echo = environment.start::<Echo>().unwrap();
    let post = |body: &str| {
        echo.handle(HttpRequest::new(Method::Post, "/a?b=c").with_header("X-Name", "n").with_body(body))
    };
    let answer = post("12345");
    assert_eq!((answer.status(), answer.body()), (200, b"12345".as_slice()));
    assert!(answer.headers().contains(&("x-name".to_owned(), b"n".to_vec())));
    assert_eq!(post("123456").status(), 413);
}

#[test]
fn there_is_no_network() {
    let error = crate::net::TcpListener::bind(([127, 0, 0, 1], 0)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
}
