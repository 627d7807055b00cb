//! Where local storage lives: in a folder for the run, or in one that the user names.

use std::fs;
use std::path::{Path, PathBuf};

use crate::components::IDLE_PROGRAM;
use crate::golden::assert_golden;
use crate::service::{Running, Service};

const ROLES: &str = r#"
  <WorkerRole name="Worker">
    <LocalResources>
      <LocalStorage name="Kept" sizeInMB="1" cleanOnRoleRecycle="false" />
      <LocalStorage name="Scratch" sizeInMB="1" />
    </LocalResources>
  </WorkerRole>"#;

const COUNTS: &str = r#"<Role name="Worker"><Instances count="1" /></Role>"#;

const RUN: &str = "run ServiceDefinition.csdef --seed 7";

fn service() -> Service {
    Service::new(ROLES, COUNTS).with("Worker/Worker.wasm", IDLE_PROGRAM)
}

/// Starts the service, and waits until its stores are there.
fn running(service: &Service, options: &str) -> Running {
    let mut running = service.start(&format!("{RUN} {options}"));
    running.says("The instance is Ready");
    running
}

fn ends(running: Running) -> String {
    running.interrupt();
    let ended = running.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.transcript);
    ended.transcript
}

fn stores(data: &Path) -> [PathBuf; 2] {
    ["Kept", "Scratch"].map(|store| data.join("Worker_IN_0").join(store))
}

#[test]
fn without_a_word_local_storage_is_the_users_alone_and_removed_at_the_end() {
    let service = service();
    let running = running(&service, "");
    let [data] = &service.temporary_files()[..] else { panic!("{:?}", service.temporary_files()) };
    let [kept, _] = stores(data);
    #[cfg(unix)]
    for folder in [data, &kept] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
    fs::write(kept.join("file"), "words").unwrap();
    let transcript = ends(running);
    assert!(!transcript.contains("Local storage"), "{transcript}");
    assert_eq!(service.left_behind(), 0);
}

#[test]
fn with_keep_data_it_is_said_where_local_storage_is_and_it_stays() {
    let service = service();
    let running = running(&service, "--keep-data");
    let [data] = &service.temporary_files()[..] else { panic!("{:?}", service.temporary_files()) };
    let [kept, _] = stores(data);
    fs::write(kept.join("file"), "words").unwrap();
    let transcript = ends(running);
    assert!(transcript.contains(&format!("Local storage in {}\n", data.display())), "{transcript}");
    assert_eq!(fs::read_to_string(kept.join("file")).unwrap(), "words");
    // What was kept by accident can be used again.
    ends(self::running(&service, &format!("--data-dir {}", data.display())));
}

#[test]
fn a_named_folder_is_made_and_the_next_run_finds_local_storage_again() {
    let service = service();
    let data = service.path().join("var/data");
    let first = running(&service, "--data-dir var/data");
    for store in stores(&data) {
        fs::write(store.join("file"), "words").unwrap();
    }
    ends(first);
    let mut names: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["Worker_IN_0", "wasm-roles.lock"]);
    assert_eq!(service.left_behind(), 0);

    let second = running(&service, "--data-dir var/data");
    let [kept, scratch] = stores(&data);
    assert_eq!(fs::read_to_string(kept.join("file")).unwrap(), "words");
    // Its run is a recycle too.
    assert!(!scratch.join("file").exists());
    ends(second);
}

#[test]
fn programs_are_told_the_folder_too() {
    let service = service();
    let mut running = service.start(&format!("{RUN} --data-dir data --log-format json"));
    let objects = running.objects_until("started");
    assert_eq!(objects[0]["data_dir"], service.path().join("data").to_str().unwrap());
    running.interrupt();
    running.ended();
}

#[test]
fn two_services_cannot_have_one_folder_at_the_same_time() {
    let service = service();
    let first = running(&service, "--data-dir data");
    assert_golden("data_in_use", &service.transcript(&format!("{RUN} --data-dir data")));
    // The first one notices nothing.
    ends(first);
}

#[test]
fn a_folder_that_cannot_be_used_is_refused_and_left_as_it_is() {
    let service = service();
    assert_golden("data_not_ours", &service.transcript(&format!("{RUN} --data-dir .")));
    assert_golden("data_no_folder", &service.transcript(&format!("{RUN} --data-dir Worker/Worker.wasm")));
    assert!(!service.path().join("wasm-roles.lock").exists());
}

#[test]
fn a_named_folder_is_kept_anyway_so_both_flags_make_no_sense() {
    let transcript = service().transcript(&format!("{RUN} --data-dir data --keep-data"));
    assert!(transcript.contains("--- exit code 2"), "{transcript}");
}

/// Everything that a run said which did not start, with `HERE` for the service's folder.
fn refused(service: &Service, options: &str) -> String {
    let here = service.path().display().to_string();
    service.transcript(&format!("{RUN} {options}")).replace(&here, "HERE")
}

#[test]
fn a_folder_that_a_role_could_read_is_refused() {
    let own = service().with("Worker/certs/readme.txt", "keys");
    assert_golden("data_in_role", &refused(&own, "--data-dir Worker/data"));
    assert_golden("certificates_in_role", &refused(&own, "--certificates Worker/certs"));
}

#[test]
fn a_component_beside_the_definition_shows_its_role_no_folder_there() {
    let flat = Service::new(ROLES, COUNTS).with("Worker.wasm", IDLE_PROGRAM);
    ends(running(&flat, "--data-dir var/data"));
    assert_golden("data_in_approot", &refused(&flat, "--data-dir var/data --approot Worker=."));
    // The folder of the role's name would be the role's.
    assert_golden("data_is_role", &refused(&flat, "--data-dir Worker"));
}

#[test]
fn a_folder_of_another_service_is_refused() {
    let service = service();
    ends(running(&service, "--data-dir data"));
    let definition = fs::read_to_string(service.path().join("ServiceDefinition.csdef")).unwrap();
    let configuration = fs::read_to_string(service.path().join("ServiceConfiguration.cscfg")).unwrap();
    let service = service
        .with("ServiceDefinition.csdef", definition.replace("\"Svc\"", "\"Bank\""))
        .with("ServiceConfiguration.cscfg", configuration.replace("\"Svc\"", "\"Bank\""));
    assert_golden("data_of_another", &service.transcript(&format!("{RUN} --data-dir data")));
}
