//! The decision what becomes of a deployment, with records as they are on the disk.

use wasm_roles_control_interface::{OperationId, OperationKind, OperationState, Timestamp};
use wasm_roles_service_model::{Options, Source, load};
use wasm_roles_service_plan::{Placement, plan};

use super::bed::SERVICE;
use crate::record::decide::decide;
use crate::record::{Begun, DeploymentRecord, FORMAT, SeedBytes, Target};

fn target(revision: u64) -> Target {
    let source = |name: &str, text| Source { name: name.to_owned(), text };
    let definition = source("Svc.csdef", SERVICE.definition());
    let configuration = source("Svc.cscfg", SERVICE.configuration());
    let model = load(&definition, Some(&configuration), &Options::default()).model.unwrap();
    let placement = Placement::of(&plan(&model).unwrap());
    Target { revision, configuration: None, counts: [("Back".to_owned(), 2)].into(), placement }
}

fn record(begun: Option<(OperationKind, Option<Target>)>) -> DeploymentRecord {
    let begun = begun.map(|(kind, target)| Begun {
        id: OperationId(7),
        kind,
        at: Timestamp::default(),
        target,
        undoes: None,
    });
    DeploymentRecord {
        format: FORMAT,
        id: "0".repeat(32),
        seed: SeedBytes([3; 32]),
        created: Timestamp::default(),
        lives: 2,
        current: target(1),
        previous: None,
        held: ["Back_IN_1".to_owned()].into(),
        begun,
    }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deployment.json");
    let written = record(Some((OperationKind::Upgrade, Some(target(2)))));
    crate::record::file::write(&path, &written).unwrap();
    assert_eq!(crate::record::file::read::<DeploymentRecord>(&path).unwrap(), written);
}

#[test]
fn what_was_begun_decides_what_is_started() {
    use OperationKind::{Deploy, Recycle, Rollback, Scale, Start, Stop, Update, Upgrade};
    use OperationState::{Done, RolledBack};
    let cases = [
        (Deploy, None, 1, None, Done),
        (Update, Some(2), 2, Some(1), Done),
        (Scale, Some(2), 2, Some(1), Done),
        (Upgrade, Some(2), 1, None, RolledBack),
        // Its last gate was passed.
        (Upgrade, Some(1), 1, None, Done),
        (Rollback, Some(2), 2, None, Done),
        (Rollback, None, 1, None, Done),
        (Stop, None, 1, None, Done),
        (Start, None, 1, None, Done),
        (Recycle, None, 1, None, Done),
    ];
    for (kind, to, start, previous, state) in cases {
        let decision = decide(&record(Some((kind, to.map(target)))));
        assert_eq!(decision.start.revision, start, "{kind}");
        assert_eq!(decision.previous.map(|previous| previous.revision), previous, "{kind}");
        let ended = decision.ended.unwrap();
        assert_eq!((ended.id, ended.kind, ended.state), (OperationId(7), kind, state));
    }
    assert_eq!(decide(&record(None)).ended, None);
}
