//! Checker: says whether a draft may go into the book. It keeps nothing, so any number of instances will do.
//!
//! | setting | meaning |
//! |---|---|
//! | `BlockedWords` | words with commas between them; a draft with one of them is refused, in capitals or not |
//! | `MaxLinks` | how many links a draft may have |
//!
//! Both are read for each draft, so that a change of the configuration holds from the next draft on.

use guestbook_wire::check::{self, Verdict};
use guestbook_wire::{Draft, LineServer};
use wasm_roles_sdk::{Role, RoleEnvironment, RoleResult, export_role};

#[derive(Default)]
struct Checker {
    server: LineServer,
}

impl Role for Checker {
    async fn on_start(&self) -> RoleResult {
        Rules::configured()?;
        Ok(self.server.bind("Check")?)
    }

    async fn run(&self) -> RoleResult {
        Ok(self.server.serve(answer).await?)
    }
}

fn answer(line: &str) -> Option<String> {
    let draft = check::draft_of(line)?;
    let rules =
        Rules::configured().inspect_err(|error| eprintln!("the rules cannot be read: {error}")).ok()?;
    Some(rules.verdict(&draft).to_line())
}

/// What is refused.
#[derive(Debug)]
struct Rules {
    blocked: Vec<String>,
    max_links: usize,
}

impl Rules {
    fn configured() -> Result<Self, Box<dyn std::error::Error>> {
        let blocked = RoleEnvironment::setting("BlockedWords")?;
        let blocked = blocked.split(',').map(|word| word.trim().to_lowercase());
        let max_links = RoleEnvironment::setting("MaxLinks")?;
        let max_links =
            max_links.trim().parse().map_err(|error| format!("MaxLinks is `{max_links}`: {error}"))?;
        Ok(Self { blocked: blocked.filter(|word| !word.is_empty()).collect(), max_links })
    }

    fn verdict(&self, draft: &Draft) -> Verdict {
        let written = format!("{} {}", draft.name(), draft.text()).to_lowercase();
        let mut words = written.split(|character: char| !character.is_alphanumeric());
        if let Some(word) = words.find(|word| self.blocked.iter().any(|blocked| blocked == word)) {
            return Verdict::Refused(format!("The word “{word}” is not welcome here."));
        }
        if written.matches("://").count() > self.max_links {
            return Verdict::Refused("There are too many links in it.".to_owned());
        }
        Verdict::Fine
    }
}

export_role!(Checker);

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_roles_sdk::Protocol;
    use wasm_roles_sdk::testing::{DefinedRole, Installed, TestEnvironment};

    fn environment(max_links: &str) -> Installed {
        let checker = DefinedRole::new("Checker").internal_endpoint("Check", Protocol::Tcp, 20000);
        let environment = TestEnvironment::new(checker).setting("BlockedWords", "casino, Lottery");
        environment.setting("MaxLinks", max_links).install()
    }

    fn verdict(name: &str, text: &str) -> Verdict {
        let answer = answer(&check::question(&Draft::new(name, text).unwrap())).unwrap();
        Verdict::from_line(&answer).unwrap()
    }

    #[test]
    fn a_blocked_word_is_refused_as_a_whole_word_and_in_any_case() {
        let _environment = environment("1");
        assert_eq!(verdict("Ada", "Occasionally a casinova"), Verdict::Fine);
        let refused = Verdict::Refused("The word “casino” is not welcome here.".to_owned());
        assert_eq!(verdict("Ada", "Win, at the CASINO!"), refused);
        assert_eq!(verdict("Casino", "hello"), refused);
        assert_ne!(verdict("Ada", "lottery"), Verdict::Fine);
    }

    #[test]
    fn a_link_is_welcome_and_many_are_not() {
        let environment = environment("1");
        assert_eq!(verdict("Ada", "see https://example.com"), Verdict::Fine);
        assert_ne!(verdict("Ada", "https://a.example http://b.example"), Verdict::Fine);
        environment.set("MaxLinks", "2");
        assert_eq!(verdict("Ada", "https://a.example http://b.example"), Verdict::Fine);
    }

    #[test]
    fn a_setting_that_is_no_number_keeps_it_from_starting() {
        let error = environment("few").start::<Checker>().unwrap_err();
        assert_eq!(error, "MaxLinks is `few`: invalid digit found in string");
    }
}
