//! A real host, asked by the real commands.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::components::{IDLE_PROGRAM, SHORT_PROGRAM};
use crate::golden::assert_golden;
use crate::service::{Running, Service};

/// A configuration with another greeting.
const GREETED: &str = "<ServiceConfiguration serviceName=\"Svc\" xmlns=\"http://schemas.microsoft.com/ServiceHosting/2008/10/\
                       ServiceConfiguration\"><Role name=\"Worker\"><Instances count=\"2\" /><ConfigurationSettings>\
                       <Setting name=\"Greeting\" value=\"good day\" /></ConfigurationSettings></Role></ServiceConfiguration>";

const DEPLOY: &str = "deploy ServiceDefinition.csdef -d shop --publish 81=127.0.0.1:0";

fn serve(service: &Service, options: &str) -> Running {
    let mut host = service.start(&format!("serve {options}"));
    host.says("Ready on ");
    host
}

/// Without what is another time, and without the widths of columns.
fn lasting(service: &Service, transcript: &str) -> String {
    let text = transcript.replace(&service.path().display().to_string(), "HERE");
    let lines = text.lines().filter(|line| !is_progress(line)).map(|line| {
        let words: Vec<&str> = line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect();
        masked(&words.join("  "))
    });
    lines.map(|line| line + "\n").collect()
}

/// Progress is seen or not, as fast as the machine is.
fn is_progress(line: &str) -> bool {
    let is_of_shop = line.starts_with("shop: ") || line.starts_with("shop/staging: ");
    is_of_shop && line.split(": ").count() > 2 && !line.contains(" done in ")
}

fn masked(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let is_number =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let mut masked = Vec::new();
    for (number, word) in words.iter().enumerate() {
        let next = words.get(number + 1).copied().unwrap_or_default().trim_end_matches([':', ',']);
        let is_id = [16, 32].contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        masked.push(match word.split_once("127.0.0.1:") {
            Some((before, after)) => {
                let rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
                format!("{before}127.0.0.1:PORT{rest}")
            }
            None if is_id => "ID".to_owned(),
            None if is_number(word) && next == "s" => "N".to_owned(),
            None => (*word).to_owned(),
        });
    }
    masked.join(" ")
}

#[test]
fn a_host_says_where_it_listens_and_leaves_nothing_behind() {
    let service = Service::of_worker(IDLE_PROGRAM);
    let host = serve(&service, "");
    assert!(service.transcript(DEPLOY).contains("shop: deploy done in"));
    host.interrupt();
    let ended = host.ended();
    assert_golden("serve", &lasting(&service, &ended.transcript));
    assert_eq!((ended.code, service.left_behind()), (Some(0), 0), "{}", ended.transcript);
    assert!(!service.path().join(".run/wasm-roles/host.sock").exists());
}

#[test]
fn every_command_works_with_a_real_host() {
    let service = Service::of_worker(IDLE_PROGRAM).with("greeted.cscfg", GREETED);
    let _host = serve(&service, "--data-dir data");
    let mut said = String::new();
    for command in [
        DEPLOY,
        "ps",
        "status",
        "update --config greeted.cscfg",
        "scale Worker=3",
        "recycle Worker_IN_1",
        "stop Worker_IN_2",
        "status shop",
        "start Worker_IN_2",
        "rollback",
        "upgrade ServiceDefinition.csdef --health 60 --publish 81=127.0.0.1:0",
        "explain Worker Worker:Back",
        "deploy ServiceDefinition.csdef -d shop/staging --publish 81=127.0.0.1:0",
        "swap",
        "delete shop/staging",
        "delete shop",
        "ps",
    ] {
        let transcript = service.transcript(command);
        assert!(transcript.contains("--- exit code 0"), "{transcript}");
        said.push_str(&lasting(&service, &transcript));
        said.push('\n');
    }
    assert_golden("serve_session", &said);
}

#[test]
fn a_host_refuses_and_says_why() {
    let service = Service::of_worker(IDLE_PROGRAM).with("wrong.cscfg", GREETED.replace("Worker", "Wroker"));
    let _host = serve(&service, "--data-dir data");
    assert!(service.transcript(DEPLOY).contains("shop: deploy done in"));
    let mut said = String::new();
    for command in [
        DEPLOY,
        "update shop --config wrong.cscfg",
        "scale -d shop Wroker=3",
        "scale -d shop --remove Worker_IN_7",
        "recycle -d shop Worker_IN_7",
        "start -d shop Worker",
        "rollback shop",
        "swap shop",
        "upgrade walk -d shop 0",
        "status shop/staging",
        "status blog",
        "logs -d shop Wroker",
        "explain -d shop Worker Wroker",
        "upgrade ServiceDefinition.csdef -d shop --set @upgradeDomainCount=2",
    ] {
        let transcript = service.transcript(command);
        assert!(!transcript.contains("--- exit code 0"), "{transcript}");
        said.push_str(&lasting(&service, &transcript));
        said.push('\n');
    }
    assert_golden("serve_refusals", &said);
}

#[test]
fn an_upgrade_that_does_not_become_ready_is_taken_back() {
    let service = Service::of_worker(IDLE_PROGRAM).with("broken/Worker.wasm", SHORT_PROGRAM);
    let _host = serve(&service, "--data-dir data");
    assert!(service.transcript(DEPLOY).contains("shop: deploy done in"));
    // Its run returns at once, again and again.
    let upgrade = "upgrade ServiceDefinition.csdef -d shop --approot Worker=broken --health 5";
    let said = service.transcript(upgrade);
    assert!(said.contains("--- exit code 1"), "{said}");
    assert!(said.contains("upgrade of shop was taken back, and what ran before runs again"), "{said}");
    let status = service.json("status shop --format json");
    assert_eq!(status["revision"], 1, "{status:#}");
}

#[test]
fn a_data_folder_and_a_socket_belong_to_one_host() {
    let service = Service::new("", "").with("strange/file", "somebody's");
    let _host = serve(&service, "--data-dir data");
    let lasting = |transcript: String| lasting(&service, &transcript);
    assert_golden(
        "serve_data_in_use",
        &lasting(service.transcript("serve --data-dir data --control mine/host.sock")),
    );
    assert_golden("serve_socket_in_use", &lasting(service.transcript("serve --data-dir other")));
    assert_golden(
        "serve_data_not_ours",
        &lasting(service.transcript("serve --data-dir strange --control mine/host.sock")),
    );
    assert_golden("serve_open_folder", &lasting(service.transcript("serve --control strange/host.sock")));
}

#[test]
fn what_was_deployed_is_there_again_after_a_kill() {
    let service = Service::of_worker(IDLE_PROGRAM);
    let host = serve(&service, "--data-dir data");
    assert!(service.transcript(DEPLOY).contains("shop: deploy done in"));
    let before = service.json("status shop --format json");
    host.signal("KILL");
    assert_eq!(host.ended().code, None);
    assert_golden("serve_killed", &lasting(&service, &service.transcript("ps")));
    let mut host = service.start("serve --data-dir data");
    host.says("shop is running");
    host.says("Ready on ");
    let after = service.json("status shop --format json");
    for same in ["id", "revision", "addresses"] {
        assert_eq!(after[same], before[same], "{after:#}");
    }
    assert_eq!(after["instances"][1]["address"], before["instances"][1]["address"]);
}

#[test]
fn tenants_with_tokens_see_their_own_and_have_their_caps() {
    let token = "a-token-of-acme-that-is-long-enough";
    let service = Service::of_worker(IDLE_PROGRAM)
        .with("token", token)
        .with("stranger", "a-token-of-nobody-that-is-long-enough")
        .with("tenants.toml", "[tenants.acme]\ninstances = 2\n");
    let digest = sha256(&service, "token");
    let service = service.with("tokens", format!("acme {digest}\n"));
    fs::set_permissions(service.path().join("tokens"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    let mut host =
        service.start("serve --data-dir data --listen 127.0.0.1:0 --tokens tokens --tenants tenants.toml");
    let line = host.line_of("Ready on http://");
    let (_, url) = line.split_once("Ready on ").unwrap();
    let url = url.split(' ').next().unwrap();
    let acme = format!("--control {url} --token-file token");
    assert!(service.transcript(DEPLOY).contains("shop: deploy done in"), "the owner");
    assert!(service.transcript(&format!("ps {acme}")).contains("Nothing is deployed."));
    let deployed = service.transcript(&format!("{DEPLOY} {acme}"));
    assert!(deployed.contains("shop: deploy done in"), "{deployed}");
    let over = service.transcript(&format!("scale -d shop Worker=3 {acme}"));
    assert!(over.contains("--- exit code 1") && over.contains("2 are all that you may have"), "{over}");
    let outbound =
        service.transcript(&format!("upgrade ServiceDefinition.csdef -d shop --policy log {acme}"));
    assert!(outbound.contains("--- exit code 1") && outbound.contains("this tenant may not"), "{outbound}");
    let of_owner = service.transcript("ps --tenant acme");
    assert!(of_owner.contains("shop"), "{of_owner}");
    let stranger = service.transcript(&format!("ps --control {url} --token-file stranger"));
    assert!(stranger.contains("--- exit code 1"), "{stranger}");
}

/// The digest as the help of `serve` says.
fn sha256(service: &Service, file: &str) -> String {
    let command = format!("tr -d '\\n' < {file} | sha256sum | cut -d ' ' -f 1");
    let output = std::process::Command::new("sh").args(["-c", &command]).current_dir(service.path()).output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn a_collector_hears_what_instances_write_and_which_operations_there_were() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (to, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let request = request(&mut BufReader::new(stream.unwrap()));
            if to.send(request).is_err() {
                return;
            }
        }
    });
    let service = Service::of_worker(IDLE_PROGRAM);
    let mut host = serve(&service, &format!("--data-dir data --otlp {url}"));
    assert!(service.transcript(DEPLOY).contains("shop: deploy done in"));
    let parts = [r#""name":"deploy""#, r#""wasm_roles.status""#, r#""stringValue":"Worker_IN_1""#];
    let mut all = String::new();
    while !parts.iter().all(|part| all.contains(part)) {
        let next = heard.recv_timeout(Duration::from_secs(60));
        all.push_str(&next.unwrap_or_else(|_| panic!("nothing more came than {all}")));
    }
    host.signal("TERM");
    host.says("Stopped");
}

#[test]
fn metrics_can_be_read_at_an_address_of_their_own() {
    let service = Service::of_worker(IDLE_PROGRAM);
    let mut host = service.start("serve --data-dir data --metrics 127.0.0.1:0");
    let line = host.line_of("Metrics are at http://");
    assert!(service.transcript(DEPLOY).contains("shop: deploy done in"));
    let (address, path) = line.split_once("http://").unwrap().1.trim_end().split_once('/').unwrap();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /{path} HTTP/1.0\r\nhost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let metrics = get(path);
    assert!(metrics.contains("role=\"Worker\",state=\"Ready\"} 2\n"), "{metrics}");
    assert!(get("v1/services").starts_with("HTTP/1.0 404 "), "nothing else is answered there");
}

#[test]
fn a_host_for_programs_says_everything_in_objects_with_whose_they_are() {
    let service = Service::of_worker(IDLE_PROGRAM);
    let mut host = service.start("serve --data-dir data --log-format json");
    let ready = host.objects_until("host").pop().unwrap();
    assert!(ready["message"].as_str().unwrap().starts_with("Ready on "), "{ready:#}");
    assert!(service.transcript(DEPLOY).contains("shop: deploy done in"));
    let objects = host.objects_until("operation");
    assert!(objects.iter().all(|object| object["time"].is_string() && object["kind"].is_string()));
    let mut status = host.objects_until("status").pop().unwrap();
    while status["fields"]["status"] != "Ready" || status["instance"] != "Worker_IN_1" {
        status = host.objects_until("status").pop().unwrap();
    }
    for (name, value) in
        [("tenant", "default"), ("service", "shop"), ("slot", "production"), ("role", "Worker")]
    {
        assert_eq!(status[name], value, "{status:#}");
    }
}

/// The body of a request, which is answered.
fn request(stream: &mut BufReader<TcpStream>) -> String {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some(("content-length", given)) => length = given.parse().unwrap(),
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
    String::from_utf8(body).unwrap()
}

#[test]
fn files_of_tenants_and_tokens_that_are_wrong_keep_a_host_from_starting() {
    let service = Service::new("", "").with("tenants.toml", "[tenants.acme]\nmemory = \"2GB\"\n");
    assert_golden(
        "serve_bad_tenants",
        &lasting(&service, &service.transcript("serve --tenants tenants.toml")),
    );
    let service = service.with("tokens", "acme abc\n").with("nobody.toml", "");
    fs::set_permissions(service.path().join("tokens"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    let said = service.transcript("serve --listen 127.0.0.1:0 --tokens tokens --tenants nobody.toml");
    assert_golden("serve_bad_tokens", &lasting(&service, &said));
    assert_golden("serve_bad_collector", &service.transcript("serve --otlp https://collector.example"));
    assert_golden("serve_no_tokens", &service.transcript("serve --listen 127.0.0.1:0"));
    assert_eq!(service.left_behind(), 0);
}

#[test]
fn a_run_can_be_operated_too_and_ends_when_it_is_deleted() {
    let service = Service::of_worker(IDLE_PROGRAM);
    let mut running = service.start("run ServiceDefinition.csdef --publish 81=127.0.0.1:0");
    running.says("All 2 instances are Ready");
    let ps = service.transcript("ps");
    assert!(ps.contains("Svc") && ps.contains("running") && ps.contains("2/2"), "{ps}");
    let scaled = service.transcript("scale Worker=3");
    assert!(scaled.contains("--- exit code 0"), "{scaled}");
    assert_eq!(service.json("status --format json")["instances"].as_array().unwrap().len(), 3);
    let deleted = service.transcript("delete Svc");
    assert!(deleted.contains("--- exit code 0"), "{deleted}");
    let ended = running.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.transcript);
    assert_eq!(service.left_behind(), 0);
    assert_eq!(fs::read_dir(service.path().join(".run/wasm-roles")).unwrap().count(), 0);
}

#[test]
fn a_manual_upgrade_is_walked_domain_by_domain() {
    let service = Service::of_worker(IDLE_PROGRAM);
    let _host = serve(&service, "--data-dir data");
    assert!(service.transcript(DEPLOY).contains("shop: deploy done in"));
    let mut said = String::new();
    for command in [
        "upgrade ServiceDefinition.csdef --manual --limit memory=64MiB",
        "scale Worker=3",
        "upgrade walk 1",
        "status",
        "upgrade walk 0",
        "upgrade walk 0",
    ] {
        said.push_str(&lasting(&service, &service.transcript(command)));
        said.push('\n');
    }
    assert_golden("serve_manual", &said);
}

#[test]
fn who_follows_sees_what_happens_until_the_host_stops() {
    let service = Service::of_worker(IDLE_PROGRAM);
    let host = serve(&service, "--data-dir data");
    assert!(service.transcript(DEPLOY).contains("shop: deploy done in"));
    let mut events = service.start("events shop -f");
    events.line_with("deploy is done");
    service.transcript("recycle -d shop Worker_IN_1");
    events.line_with("recycle is done");
    let mut other = service.start("events shop -f");
    other.line_with("deploy is done");
    let top = service.transcript("top shop");
    assert!(top.contains("Worker_IN_1  Ready") && top.contains("MEMORY"), "{top}");
    other.interrupt();
    assert_eq!(other.ended().code, Some(0), "who has seen enough");
    host.interrupt();
    let ended = events.ended();
    assert!(
        ended.code == Some(0) && ended.transcript.contains("note: the host stops"),
        "{}",
        ended.transcript
    );
    assert_eq!(host.ended().code, Some(0));
}

#[test]
fn a_damaged_record_is_told_of_and_left_alone() {
    let service = Service::of_worker(IDLE_PROGRAM);
    let host = serve(&service, "--data-dir data");
    assert!(service.transcript(DEPLOY).contains("shop: deploy done in"));
    assert!(service.transcript(&DEPLOY.replace("shop", "blog")).contains("blog: deploy done in"));
    let id = service.json("status shop --format json")["id"].as_str().unwrap().to_owned();
    host.interrupt();
    assert_eq!(host.ended().code, Some(0));
    let record = format!("data/tenants/default/services/shop/deployments/{id}/deployment.json");
    let record = service.path().join(record);
    fs::write(&record, "{\"format\": 1, ").unwrap();
    let host = serve(&service, "--data-dir data");
    let ps = lasting(&service, &service.transcript("ps")).replace(&id, "ID");
    assert!(service.transcript("status shop").contains("problem: "));
    host.interrupt();
    let said = lasting(&service, &host.ended().transcript).replace(&id, "ID");
    assert_golden("serve_damaged", &format!("{said}\n{ps}"));
    assert_eq!(fs::read_to_string(&record).unwrap(), "{\"format\": 1, ");
}

#[test]
fn a_deploy_that_is_refused_leaves_nothing_behind() {
    let service = Service::of_worker(IDLE_PROGRAM);
    let _host = serve(&service, "--data-dir data");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let deploy = DEPLOY.replace("127.0.0.1:0", &taken.local_addr().unwrap().to_string());
    let said = service.transcript(&deploy);
    assert!(said.contains("--- exit code 1"), "{said}");
    // It goes a moment later.
    let services = service.path().join("data/tenants/default/services");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while fs::read_dir(&services).unwrap().count() > 0 {
        assert!(
            std::time::Instant::now() < deadline,
            "{:?}",
            fs::read_dir(&services).unwrap().collect::<Vec<_>>()
        );
        std::thread::yield_now();
    }
    assert!(service.transcript(DEPLOY).contains("shop: deploy done in"));
}
