//! The commands that look at what runs on a host, and how a host is found.

use std::path::Path;
use std::sync::Arc;

use wasm_roles_control_interface::{
    DeploymentState, Detail, EndOfStream, EventLine, ExplainedEndpoint, Explanation, HostInfo, InstanceState,
    LogLine, LogStream, OperationKind, OperationState, Refusal, RefusalCode, Streamed, TenantName,
    TenantUsage, TopRow, TopTable, Usage,
};

use crate::answers::{ago, failed, list, now, operation, status, summary, unhealthy, upgrade};
use crate::fake_host::{Answer, FakeHost};
use crate::golden::assert_golden;
use crate::service::{COUNTS, ROLES, Service};

/// A host in an empty folder.
fn host(answer: impl Fn(usize) -> Answer + Send + 'static) -> (Service, FakeHost) {
    let service = Service::new("", "");
    let host = FakeHost::listen(&service.path().join("host.sock"), move |number, _| answer(number));
    (service, host)
}

#[test]
fn ps_has_a_line_for_each_deployment() {
    let both = || {
        let mut changing = summary("shop", DeploymentState::Changing, "127.0.0.1:80");
        changing.operation = Some(upgrade(OperationState::Running));
        list(vec![changing, summary("shop/staging", DeploymentState::Running, "127.0.0.1:8081")])
    };
    let (service, _host) = host(move |_| Answer::ok(&both()));
    assert_golden("ps", &service.transcript("ps --control host.sock"));
    assert_golden("ps_json", &service.transcript("ps --control host.sock --format json"));
    let narrow = service.transcript_with("ps --control host.sock", &[("COLUMNS", Path::new("60"))]);
    assert_golden("ps_narrow", &narrow);
}

#[test]
fn ps_of_a_host_with_nothing() {
    let (service, _host) = host(|_| Answer::ok(&list(vec![])));
    assert_golden("ps_nothing", &service.transcript("ps --control host.sock"));
}

#[test]
fn host_says_what_its_tenants_use_and_what_somebody_should_look_at() {
    let usage = |tenant: &str, cap| TenantUsage {
        tenant: tenant.parse().unwrap(),
        deployments: 2,
        instances: Usage { used: 5, cap },
        memory_bytes: Usage { used: 1_792 << 20, cap: cap.map(|cap| cap << 30) },
        public_ports: Usage { used: 1, cap },
    };
    let info = move |recovering| HostInfo {
        version: "0.1.0".to_owned(),
        now: now(),
        since: ago(7_200),
        tenant: TenantName::usual(),
        persistent: true,
        recovering,
        tenants: vec![usage("owner", None), usage("acme", Some(20))],
        problems: vec![
            Detail::new("the record of it cannot be read").subject("shop").hint("put it back from a copy"),
        ],
    };
    let (service, _host) = host(move |_| Answer::ok(&info(false)));
    assert_golden("host", &service.transcript("host --control host.sock"));
    assert_golden("host_json", &service.transcript("host --control host.sock --format json"));
    let (service, _host) = host(move |_| Answer::ok(&HostInfo { problems: vec![], ..info(true) }));
    assert_golden("host_recovering", &service.transcript("host --control host.sock"));
}

#[test]
fn ps_watches_until_nobody_wants_it_any_more() {
    let (service, _host) =
        host(|_| Answer::ok(&list(vec![summary("shop", DeploymentState::Running, "127.0.0.1:80")])));
    let mut running = service.start("ps --control host.sock --watch --interval 0.1 --format json");
    for _ in 0..3 {
        assert_eq!(running.object()["deployments"][0]["deployment"], "shop");
    }
    running.interrupt();
    assert_eq!(running.ended().code, Some(0));
    let mut running = service.start("ps --control host.sock --watch --interval 0.1");
    running.stop_reading();
    assert_eq!(running.ended().code, Some(0), "a reader that has read enough");
}

#[test]
fn status_shows_the_walk_of_an_operation() {
    let shown = || {
        let operations = vec![
            upgrade(OperationState::Running),
            failed(OperationKind::Upgrade, OperationState::RolledBack, unhealthy()),
            operation(OperationKind::Scale, OperationState::Done, "Web has 2 instances"),
        ];
        status(summary("shop", DeploymentState::Changing, "127.0.0.1:8080"), operations)
    };
    let (service, _host) = host(move |_| Answer::ok(&shown()));
    assert_golden("status", &service.transcript("status shop --control host.sock"));
    assert_golden("status_json", &service.transcript("status shop --control host.sock --format json"));
}

#[test]
fn status_of_what_is_at_rest() {
    let (service, _host) =
        host(|_| Answer::ok(&status(summary("shop", DeploymentState::Running, "127.0.0.1:8080"), vec![])));
    assert_golden("status_at_rest", &service.transcript("status shop --control host.sock"));
}

#[test]
fn status_of_a_deployment_that_is_not_there() {
    let refusal = Refusal::new(RefusalCode::NotFound, "there is no deployment shop/staging")
        .hint("`wasm-roles ps` lists those that there are");
    let (service, _host) = host(move |_| Answer::refused(&refusal));
    assert_golden("status_unknown", &service.transcript("status shop/staging --control host.sock"));
    assert_golden("status_no_name", &service.transcript("status shop/test --control host.sock"));
}

fn log(sequence: u64, instance: &str, message: &str, stream: LogStream) -> Streamed<LogLine> {
    let (role, _) = instance.split_once("_IN_").unwrap();
    Streamed::Line(LogLine {
        sequence,
        time: ago(60 - sequence),
        instance: instance.to_owned(),
        role: role.to_owned(),
        task: None,
        stream,
        message: message.to_owned(),
        cut: false,
    })
}

#[test]
fn logs_have_the_instance_in_front_and_cannot_move_the_cursor() {
    let lines = || {
        Answer::lines(&[
            Streamed::Gap { missed: 12 },
            log(13, "Web_IN_0", "GET / 200", LogStream::AccessLog),
            log(14, "Orders_IN_0", "\u{1b}[2Jforged", LogStream::Stdout),
            Streamed::End { reason: EndOfStream::Complete },
        ])
    };
    let (service, asked) = host(move |number| match number % 2 {
        0 => Answer::ok(&status(summary("shop", DeploymentState::Running, "127.0.0.1:80"), vec![])),
        _ => lines(),
    });
    assert_golden("logs", &service.transcript("logs -d shop -n 2 -f Web_IN_0 --control host.sock"));
    assert_eq!(asked.paths()[1], "GET /v1/services/shop/production/logs?follow=true&last=2&of=Web_IN_0");
    let (service, asked) = host(move |_| lines());
    assert_golden("logs_no_prefix", &service.transcript("logs -d shop --no-prefix --control host.sock"));
    assert_eq!(asked.paths(), ["GET /v1/services/shop/production/logs"]);
}

#[test]
fn logs_for_programs_are_objects_line_by_line() {
    let (service, _host) = host(|number| match number {
        0 => Answer::ok(&status(summary("shop", DeploymentState::Running, "127.0.0.1:80"), vec![])),
        _ => Answer::lines(&[
            log(13, "Web_IN_0", "hello", LogStream::Stdout),
            Streamed::End { reason: EndOfStream::Complete },
        ]),
    });
    assert_golden("logs_json", &service.transcript("logs -d shop --format json --control host.sock"));
}

#[test]
fn a_stream_that_breaks_off_is_a_failure() {
    let (service, _host) = host(|number| match number {
        0 => Answer::ok(&status(summary("shop", DeploymentState::Running, "127.0.0.1:80"), vec![])),
        _ => Answer::lines(&[log(1, "Web_IN_0", "hello", LogStream::Stdout)]),
    });
    let said = service.transcript("logs -d shop -f --control host.sock");
    assert!(said.contains("--- exit code 1") && said.contains("broke off"), "{said}");
    assert!(said.contains("Web_IN_0    | hello"), "{said}");
}

#[test]
fn events_are_lines_with_their_time() {
    let event = |sequence, kind: &str, instance: Option<&str>, message: &str| {
        Streamed::Line(EventLine {
            sequence,
            time: ago(100 - sequence),
            kind: kind.to_owned(),
            instance: instance.map(str::to_owned),
            role: None,
            message: message.to_owned(),
            fields: Default::default(),
        })
    };
    let (service, asked) = host(move |_| {
        Answer::lines(&[
            event(1, "operation", None, "deploy is done"),
            event(2, "recycling", Some("Web_IN_0"), "run returned an error: \u{1b}[2J; starts again in 1 s"),
            event(3, "denied", Some("Web_IN_0"), "denied: connect 10.0.0.6:1\nno endpoint has this port"),
            Streamed::End { reason: EndOfStream::Deleted },
        ])
    });
    assert_golden("events", &service.transcript("events shop --follow --after 7 --control host.sock"));
    assert_eq!(asked.paths(), ["GET /v1/services/shop/production/events?after=7&follow=true"]);
}

#[test]
fn top_shows_what_instances_use() {
    let table = |seconds_ago: u64, cpu_millis: u64| {
        let row = |instance: &str, cpu_millis| TopRow {
            instance: instance.to_owned(),
            role: "Web".to_owned(),
            state: InstanceState::Ready,
            cpu_millis,
            memory_bytes: 3 << 20,
            memory_limit_bytes: 1_879_048_192,
            connections: 1_234,
            bytes_in: 300,
            bytes_out: 70_000,
            restarts: 1,
        };
        let mut now = now();
        if seconds_ago > 0 {
            now = ago(seconds_ago);
        }
        TopTable { now, rows: vec![row("Web_IN_0", cpu_millis), row("Web_IN_1", 0)] }
    };
    let (service, _host) = host(move |number| match number {
        0..2 => Answer::ok(&table(10, 4_321)),
        _ => Answer::ok(&table(0, 9_321)),
    });
    assert_golden("top", &service.transcript("top shop --control host.sock"));
    let mut running = service.start("top shop --watch --interval 0.1 --control host.sock");
    let first = running.line_with("Web_IN_0");
    assert!(first.contains("4.32 s"), "{first}");
    let second = running.line_with("Web_IN_0");
    assert!(second.contains("50.0 %"), "{second}");
    running.interrupt();
    assert_eq!(running.ended().code, Some(0));
}

#[test]
fn explain_asks_what_runs_when_no_definition_is_named() {
    let answer = |allowed, text: &str| Explanation {
        from: "Web".to_owned(),
        to: "Orders".to_owned(),
        allowed,
        answers: vec![ExplainedEndpoint { allowed, text: text.to_owned() }],
    };
    let text = "Orders:Book tcp 20000: denied\n  by OnlyAllowTrafficTo at ServiceDefinition.csdef:40:5";
    let denied = answer(false, text);
    let (service, asked) = host(move |_| Answer::ok(&denied));
    assert_golden(
        "explain_running",
        &service.transcript("explain -d shop Web Orders:Book --control host.sock"),
    );
    assert_eq!(asked.paths(), ["GET /v1/services/shop/production/explain?endpoint=Book&from=Web&to=Orders"]);
    let allowed = answer(true, "Orders:Book tcp 20000: allowed");
    let (service, _host) = host(move |_| Answer::ok(&allowed));
    let said = service.transcript("explain -d shop Web Orders --control host.sock --format json");
    assert!(said.contains("--- exit code 0") && said.contains("\"allowed\": true"), "{said}");
}

#[test]
fn explain_is_either_about_files_or_about_what_runs() {
    let service = Service::new(ROLES, COUNTS);
    let both = service.transcript("explain ServiceDefinition.csdef Worker Worker -d shop");
    assert_golden("explain_both", &both);
    assert_golden("explain_no_definition", &service.transcript("explain Worker Worker --strict"));
}

#[test]
fn the_one_host_that_runs_is_found_and_of_several_one_has_to_be_named() {
    let service = Service::new("", "");
    let here = service.path().display().to_string();
    let sockets = service.path().join(".run/wasm-roles");
    assert_golden("no_host", &service.transcript("ps").replace(&here, "HERE"));
    let nothing = || Answer::ok(&list(vec![]));
    let first = FakeHost::listen(&sockets.join("host.sock"), move |_, _| nothing());
    assert!(service.transcript("ps").contains("Nothing is deployed."));
    assert_eq!(first.paths(), ["GET /v1/services"]);
    let _second = FakeHost::listen(&sockets.join("run-17.sock"), move |_, _| nothing());
    assert_golden("several_hosts", &service.transcript("ps").replace(&here, "HERE"));
}

#[test]
fn a_host_that_is_named_and_not_there() {
    let service = Service::new("", "");
    assert_golden("host_not_there", &service.transcript("ps --control nowhere.sock"));
    assert_golden("host_no_token", &service.transcript("ps --control http://127.0.0.1:1"));
    let service = service.with("token", "short");
    assert_golden(
        "host_bad_token",
        &service.transcript("ps --control http://127.0.0.1:1 --token-file token"),
    );
    assert_golden(
        "host_bad_url",
        &service.with("long", "x".repeat(40)).transcript("ps --control ftp://a --token-file long"),
    );
}

#[test]
fn an_answer_that_is_none_is_not_taken_for_one() {
    let body: Arc<[u8]> = Arc::from(*b"{\"deployments\": 7}");
    let (service, _host) = host(move |_| Answer::Json(200, body.to_vec()));
    let said = service.transcript("ps --control host.sock");
    assert!(said.contains("--- exit code 1") && said.contains("cannot be understood"), "{said}");
    let (service, _host) = host(|_| Answer::Nothing);
    let said = service.transcript("ps --control host.sock");
    assert!(said.contains("--- exit code 1") && said.contains("broke off"), "{said}");
}
