//! Records as files.

use super::*;

fn record() -> ServiceRecord {
    let published = serde_json::from_str(r#"{"80":"127.0.0.1:8080"}"#).unwrap();
    let slot = |id: &str, published| Some(SlotRecord { deployment: id.repeat(32), published });
    ServiceRecord {
        production: slot("a", published),
        staging: slot("b", Places::default()),
        ..ServiceRecord::empty("Shop".parse().unwrap())
    }
}

#[test]
fn a_replacement_is_whole_whatever_was_left_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.json");
    file::write(&path, &record()).unwrap();
    // A host that was killed while it wrote the next one.
    std::fs::write(folder.path().join("service.json.new"), "{\"format\": 1, \"serv").unwrap();
    assert_eq!(file::read::<ServiceRecord>(&path).unwrap(), record());
    let mut swapped = record();
    swapped.swap();
    file::write(&path, &swapped).unwrap();
    assert_eq!(file::read::<ServiceRecord>(&path).unwrap(), swapped);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    file::remove(&path).unwrap();
    file::remove(&path).unwrap();
    assert!(matches!(file::read::<ServiceRecord>(&path), Err(file::RecordError::Missing(_))));
}

#[test]
fn a_swap_exchanges_deployments_and_no_addresses() {
    let mut swapped = record();
    swapped.swap();
    let production = swapped.slot(Slot::Production).as_ref().unwrap();
    assert_eq!(
        (production.deployment.as_str(), production.published == Places::default()),
        ("b".repeat(32).as_str(), false)
    );
    assert_eq!(swapped.slot(Slot::Staging).as_ref().unwrap().published, Places::default());
}

#[test]
fn what_is_no_record_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.json");
    let good = serde_json::to_string(&record()).unwrap();
    for (text, says) in [
        (String::new(), "is damaged: EOF"),
        (good[..good.len() - 1].to_owned(), "is damaged: EOF"),
        (good.replace("\"Shop\"", "\"../x\""), "is no name of a service"),
        (good.replace("production", "productino"), "unknown field `productino`"),
        (good.replace("\"format\":1", "\"format\":2"), "has format 2, and this version reads format 1"),
        ("{\"format\": 2, \"colour\": \"red\"}".to_owned(), "has format 2"),
        ("\u{1b}[2J".to_owned(), "is damaged: expected value at line 1 column 1"),
    ] {
        std::fs::write(&path, &text).unwrap();
        let error = file::read::<ServiceRecord>(&path).unwrap_err();
        assert!(error.to_string().contains(says), "{text}: {error}");
        assert!(!error.to_string().contains('\u{1b}') && !error.hint().is_empty());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_seed_is_hexadecimal_both_ways() {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip((0..=255).step_by(8)).for_each(|(byte, number)| *byte = number);
    let seed = SeedBytes(bytes);
    let text = String::from(seed);
    assert_eq!((text.len(), SeedBytes::try_from(text.clone())), (64, Ok(seed)));
    for wrong in [text[1..].to_owned(), text.to_uppercase(), text.replace('0', "+"), "ä".repeat(32)] {
        assert!(SeedBytes::try_from(wrong).is_err());
    }
}
