//! Single values put over what the files say: `--set` and `--setting`, in the order in which they were typed.
//!
//! clap's derive keeps the order of each option for itself only. Of two overlays for one value the later one counts, so
//! the order between the two options matters too.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use wasm_roles_control_interface::package::OverlayOption;
use wasm_roles_service_model::Overlay;

const SET: &str = "set";
const SETTING: &str = "setting";

#[derive(Clone, Debug)]
pub struct Overlays {
    overlays: Vec<Overlay>,
    typed: Vec<OverlayOption>,
}

impl Overlays {
    pub fn as_slice(&self) -> &[Overlay] {
        &self.overlays
    }

    /// The same for a host, which has to read them again.
    pub fn as_typed(&self) -> Vec<OverlayOption> {
        self.typed.clone()
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
        let of = |option: &str, typed: fn(String) -> OverlayOption| {
            let places = matches.indices_of(option).into_iter().flatten();
            let overlays = matches.get_many::<Overlay>(option).into_iter().flatten();
            let both = overlays.map(|overlay| (overlay.clone(), typed(overlay.to_string())));
            places.zip(both).collect::<Vec<(usize, (Overlay, OverlayOption))>>()
        };
        let mut placed = [of(SET, OverlayOption::Set), of(SETTING, OverlayOption::Setting)].concat();
        placed.sort_by_key(|(place, _)| *place);
        let (overlays, typed) = placed.into_iter().map(|(_, both)| both).unzip();
        Ok(Self { overlays, typed })
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
        assert_eq!(overlays.as_typed()[1], OverlayOption::Set("A/@vmsize=Small".to_owned()));
        assert_eq!(overlays.as_typed()[2], OverlayOption::Setting("A.x=2".to_owned()));
    }
}
