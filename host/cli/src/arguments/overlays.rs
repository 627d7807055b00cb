//! Single values put over what the files say: `--set` and `--setting`, in the order in which they were typed.
//!
//! clap's derive keeps the order of each option for itself only. Of two overlays for one value the later one counts, so
//! the order between the two options matters too.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use wasm_roles_service_model::Overlay;

const SET: &str = "set";
const SETTING: &str = "setting";

#[derive(Debug)]
pub struct Overlays(Vec<Overlay>);

impl Overlays {
    pub fn as_slice(&self) -> &[Overlay] {
        &self.0
    }
}

impl Args for Overlays {
    fn augment_args(command: Command) -> Command {
        let set = Arg::new(SET)
            .long(SET)
            .value_name("PATH=VALUE")
            .value_parser(Overlay::set)
            .action(ArgAction::Append)
            .help(
                "Replace a value of the files, for example 'WorkerRole1/@vmsize=Small', \
                 'WorkerRole1/Instances/@count=3' or \
                 'WebRole1/Endpoints/InputEndpoint[@name=\"Http\"]/@port=8080'; may be given several times",
            );
        let setting = Arg::new(SETTING)
            .long(SETTING)
            .value_name("ROLE.NAME=VALUE")
            .value_parser(Overlay::setting)
            .action(ArgAction::Append)
            .help(
                "Replace the value of a role's setting, for example WorkerRole1.Greeting=hello; may be given \
                 several times",
            );
        command.arg(set).arg(setting)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Overlays {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let of = |option: &str| {
            let places = matches.indices_of(option).into_iter().flatten();
            let overlays = matches.get_many::<Overlay>(option).into_iter().flatten();
            places.zip(overlays.cloned()).collect::<Vec<(usize, Overlay)>>()
        };
        let mut placed = [of(SET), of(SETTING)].concat();
        placed.sort_by_key(|(place, _)| *place);
        Ok(Self(placed.into_iter().map(|(_, overlay)| overlay).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlays_come_in_the_order_of_the_command_line() {
        let command = Overlays::augment_args(Command::new("test"));
        let typed = ["test", "--setting", "A.x=1", "--set", "A/@vmsize=Small", "--setting", "A.x=2"];
        let overlays = Overlays::from_arg_matches(&command.get_matches_from(typed)).unwrap();
        let texts: Vec<String> = overlays.as_slice().iter().map(Overlay::to_string).collect();
        assert_eq!(texts, ["A.x=1", "A/@vmsize=Small", "A.x=2"]);
    }
}
