//! A role that panics, spins, floods its log or eats memory disturbs nobody but itself.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::host_process::{Host, free_port, get, guest, wait_until_answered};

/// A service of one worker role, and optionally a web role beside it, in a folder of its own.
pub struct Service(tempfile::TempDir);

impl Service {
    /// Two instances of `role`, with the setting `mode`.
    pub fn of(component: &Path, role: &str, mode: Option<&str>) -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        this.add_component(component, role);
        let (setting, value) = match mode {
            Some(mode) => (
                r#"<ConfigurationSettings><Setting name="mode" /></ConfigurationSettings>"#.to_owned(),
                format!(
                    r#"<ConfigurationSettings><Setting name="mode" value="{mode}" /></ConfigurationSettings>"#
                ),
            ),
            None => Default::default(),
        };
        this.write(
            &format!(r#"<WorkerRole name="{role}">{setting}</WorkerRole>"#),
            &format!(r#"<Role name="{role}"><Instances count="2" />{value}</Role>"#),
        );
        this
    }

    /// As [`of`](Self::of) with a program that gets `argument`, and a web role beside it.
    fn of_program_beside_web(program: &Path, argument: &str) -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        this.add_component(program, "Bad");
        this.add_component(&guest("hello-http-p3"), "Web");
        this.write(
            &format!(
                r#"<WebRole name="Web">
    <Sites><Site name="Web"><Bindings><Binding name="In" endpointName="In" /></Bindings></Site></Sites>
    <Endpoints><InputEndpoint name="In" protocol="http" port="80" /></Endpoints>
  </WebRole>
  <WorkerRole name="Bad">
    <Runtime><EntryPoint>
      <ProgramEntryPoint commandLine="Bad.wasm {argument}" setReadyOnProcessStart="true" />
    </EntryPoint></Runtime>
  </WorkerRole>"#
            ),
            r#"<Role name="Web"><Instances count="1" /></Role>
  <Role name="Bad"><Instances count="2" /></Role>"#,
        );
        this
    }

    pub fn definition(&self) -> PathBuf {
        self.0.path().join("ServiceDefinition.csdef")
    }

    fn add_component(&self, component: &Path, role: &str) {
        let folder = self.0.path().join(role);
        fs::create_dir(&folder).unwrap();
        fs::copy(component, folder.join(role).with_extension("wasm")).unwrap();
    }

    fn write(&self, roles: &str, configuration: &str) {
        let namespace = "http://schemas.microsoft.com/ServiceHosting/2008/10/Service";
        let definition = format!(
            "<ServiceDefinition name=\"Test\" xmlns=\"{namespace}Definition\">\n  {roles}\n</ServiceDefinition>\n"
        );
        let configuration = format!(
            "<ServiceConfiguration serviceName=\"Test\" xmlns=\"{namespace}Configuration\">\n  {configuration}\n\
             </ServiceConfiguration>\n"
        );
        fs::write(self.definition(), definition).unwrap();
        fs::write(self.0.path().join("ServiceConfiguration.cscfg"), configuration).unwrap();
    }
}

#[test]
fn a_guest_that_misbehaves_does_not_disturb_the_others() {
    let cases = [
        ("panic", "recycl"),
        ("spin", "mode spin"),
        ("flood", "a line of a flood"),
        ("eat-memory", "memory limit"),
    ];
    for (mode, sign) in cases {
        let service = Service::of_program_beside_web(&guest("misbehave"), mode);
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut host = Host::run(&service.definition(), &["--publish", &format!("80={address}")]);
        host.wait_for(sign);
        wait_until_answered(address);
        for _ in 0..20 {
            let (status, body) = get(address, "*/*").unwrap_or_else(|error| panic!("{mode}: {error}"));
            assert_eq!((status, body.as_str()), (200, "Hello, world!"), "{mode}");
        }
        host.signal("INT");
        assert_eq!(host.ended().code(), Some(0), "{mode}");
    }
}

/// What the guest does, a limit of its role, and what is said of it.
#[test]
fn a_limit_that_a_guest_reaches_is_said_with_its_instance() {
    let cases: [(&str, &str, &[&str]); 5] = [
        (
            "eat-memory",
            "Bad.memory=16MiB",
            &[
                "Bad_IN_0 * hit its memory limit (16 MiB)",
                "; it had hit its memory limit (16 MiB); starts again",
            ],
        ),
        (
            "eat-sockets",
            "Bad.sockets=5",
            &["Bad_IN_0 * hit its limit of 5 sockets", "; it had hit its limit of 5 sockets; starts again"],
        ),
        (
            "eat-sockets",
            "Bad.resources=64",
            &[
                "Bad_IN_0 * hit its limit of 64 resources",
                "; it had hit its limit of 64 resources; starts again",
            ],
        ),
        (
            // Its own table of functions is larger.
            "return",
            "Bad.tables=10",
            &[
                "Bad_IN_0 * hit its limit of 10 table elements",
                "; it had hit its limit of 10 table elements; starts again",
            ],
        ),
        ("flood", "log-rate=1KiB", &[" lines dropped: it writes more to stdout than its log rate"]),
    ];
    for (mode, limit, signs) in cases {
        let service = Service::of_program_beside_web(&guest("misbehave"), mode);
        let publish = format!("80=127.0.0.1:{}", free_port());
        let mut host = Host::run(&service.definition(), &["--publish", &publish, "--limit", limit]);
        for sign in signs {
            host.wait_for(sign);
        }
        host.signal("INT");
        assert_eq!(host.ended().code(), Some(0), "{mode}");
    }
}
