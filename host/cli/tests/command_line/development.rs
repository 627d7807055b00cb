//! Certificates for development.

use std::fs;

use crate::components::IDLE_PROGRAM;
use crate::golden::assert_golden;
use crate::service::Service;

const ROLES: &str = r#"
  <WorkerRole name="Worker">
    <Endpoints>
      <InputEndpoint name="Front" protocol="https" port="443" localPort="8443" certificate="Tls" />
    </Endpoints>
    <Certificates>
      <Certificate name="Tls" storeLocation="LocalMachine" storeName="My" />
    </Certificates>
  </WorkerRole>"#;

const COUNTS: &str = r#"
  <Role name="Worker">
    <Instances count="1" />
    <Certificates>
      <Certificate name="Tls" thumbprint="A909502DD82AE41433E6F83886B00D4277A32A7B" thumbprintAlgorithm="sha1" />
    </Certificates>
  </Role>"#;

const RUN: &str = "run ServiceDefinition.csdef --publish 443=127.0.0.1:0 --seed 7";

fn service() -> Service {
    Service::new(ROLES, COUNTS).with("Worker/Worker.wasm", IDLE_PROGRAM)
}

/// Everything that a run says until it is Ready and was stopped.
fn ran(service: &Service, options: &str) -> String {
    let mut running = service.start(&format!("{RUN} {options}"));
    running.says("is Ready");
    running.interrupt();
    let ended = running.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.transcript);
    assert!(!ended.transcript.contains("PRIVATE KEY"), "{}", ended.transcript);
    ended.transcript.replace(&service.path().display().to_string(), "HERE")
}

/// The line about the certificate, and its thumbprint.
fn told(transcript: &str) -> (&str, &str) {
    let line = transcript.lines().find(|line| line.contains("is self-signed"));
    let line = line.unwrap_or_else(|| panic!("nothing about a certificate:\n{transcript}"));
    let (_, rest) = line.split_once("thumbprint ").unwrap();
    let thumbprint = &rest[..40];
    assert!(thumbprint.chars().all(|digit| digit.is_ascii_hexdigit()), "{line}");
    (line, thumbprint)
}

#[test]
fn one_is_made_and_said_to_be_of_this_run_alone() {
    let service = service();
    let (first, second) = (ran(&service, "--dev-certificates"), ran(&service, "--dev-certificates"));
    let ((line, one), (_, other)) = (told(&first), told(&second));
    assert_ne!(one, other);
    assert_golden("development", &format!("{}\n", line.replace(one, "THUMBPRINT")));
    assert_eq!(service.left_behind(), 0);
}

#[test]
fn with_a_data_folder_it_is_the_same_the_next_time_and_its_key_is_the_users_alone() {
    let service = service();
    let options = "--dev-certificates --data-dir data";
    let (first, second) = (ran(&service, options), ran(&service, options));
    let ((line, one), (_, other)) = (told(&first), told(&second));
    assert_eq!(one, other);
    assert_golden("development_kept", &format!("{}\n", line.replace(one, "THUMBPRINT")));
    let file = |name: &str| service.path().join("data/wasm-roles-development").join(name);
    assert!(!fs::read_to_string(file("Worker/Tls.pem")).unwrap().contains("PRIVATE KEY"));
    let key = file("Worker/Tls.key");
    assert!(fs::read_to_string(&key).unwrap().contains("PRIVATE KEY"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    }
    fs::write(&key, "").unwrap();
    assert_ne!(told(&ran(&service, options)).1, one, "half of one is made anew");
}

#[test]
fn what_clients_shall_trust_is_written_without_its_key() {
    let service = service();
    let transcript = ran(&service, "--dev-certificates --dev-certificates-pem trust.pem");
    assert!(told(&transcript).0.ends_with("unless they are given trust.pem"), "{transcript}");
    let trust = fs::read_to_string(service.path().join("trust.pem")).unwrap();
    assert!(trust.starts_with("-----BEGIN CERTIFICATE-----") && !trust.contains("PRIVATE"), "{trust}");
}

#[test]
fn without_the_flag_the_error_names_it() {
    let service = service().with("certs/readme.txt", "nothing yet");
    assert_golden("development_not_asked", &service.transcript(&format!("{RUN} --certificates certs")));
    let alone = service.transcript(&format!("{RUN} --dev-certificates-pem trust.pem"));
    assert!(alone.contains("--- exit code 2"), "{alone}");
}

#[test]
fn a_file_that_cannot_be_written_keeps_the_service_from_starting() {
    let said =
        service().transcript(&format!("{RUN} --dev-certificates --dev-certificates-pem no/such/trust.pem"));
    assert!(said.contains("no certificate can be made for public port 443"), "{said}");
    assert!(said.contains("no/such/trust.pem") && said.contains("--- exit code"), "{said}");
}
