//! What becomes of public ports in an upgrade. The module above has the rules.

use std::collections::BTreeSet;

use wasm_roles_service_plan::{
    Availability, InstanceId, Plan, PlannedInstance, Port, PublicPort, RoleName, Transport,
};

use crate::public_ports::PublicPorts;
use crate::publish::Bound;
use crate::starter::Starter;
use crate::version::Generation;

/// What is still to be done with the ports of the new plan.
pub(crate) struct PortWork {
    /// They listen, and nobody serves them yet.
    pub(crate) new: Bound,
    /// They are open, and another role or instance gets them.
    moved: Vec<PublicPort>,
    /// They are open for the same one, and are otherwise served.
    changed: Vec<PublicPort>,
    /// They are open, and are served as before.
    kept: Vec<PublicPort>,
}

/// The ports of the new plan, by what becomes of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sorted {
    pub(crate) new: Vec<PublicPort>,
    pub(crate) moved: Vec<PublicPort>,
    pub(crate) changed: Vec<PublicPort>,
    pub(crate) kept: Vec<PublicPort>,
}

impl Sorted {
    /// By what is open.
    pub(crate) fn of<'a>(open: impl Iterator<Item = &'a PublicPort> + Clone, new: &[PublicPort]) -> Self {
        let mut sorted = Self::default();
        for public in new {
            match open.clone().find(|open| key(open) == key(public)) {
                None => sorted.new.push(public.clone()),
                Some(open) if open.role != public.role || open.instance != public.instance => {
                    sorted.moved.push(public.clone());
                }
                Some(open) if is_served_as(open, public) => sorted.kept.push(public.clone()),
                Some(_) => sorted.changed.push(public.clone()),
            }
        }
        sorted
    }
}

/// Whether what serves one port can serve the other. Instances know themselves where it leads.
fn is_served_as(one: &PublicPort, other: &PublicPort) -> bool {
    let settings = |public: &PublicPort| (public.protocol, public.distribution, public.idle_timeout);
    let same_choice = match (&one.availability, &other.availability) {
        // Instances know themselves what is tried on them, too.
        (Availability::Probed(one), Availability::Probed(other)) => {
            (&one.name, one.interval, one.timeout) == (&other.name, other.interval, other.timeout)
        }
        (one, other) => one == other,
    };
    settings(one) == settings(other) && same_choice
}

fn key(public: &PublicPort) -> (Port, Transport) {
    (public.port, public.transport)
}

impl PortWork {
    /// `new` is bound.
    pub(crate) fn new(new: Bound, sorted: Sorted) -> Self {
        let Sorted { moved, changed, kept, .. } = sorted;
        Self { new, moved, changed, kept }
    }

    /// Opens the ports that one of these instances serves, behind whose gate the upgrade is.
    pub(crate) fn open_for<'a>(
        &mut self,
        instances: impl Iterator<Item = &'a PlannedInstance> + Clone,
        (plan, generation): (&Plan, &Generation),
        starter: &Starter,
        ports: &mut PublicPorts,
    ) {
        let roles: BTreeSet<&RoleName> = instances.clone().map(|instance| &instance.role).collect();
        let ids: BTreeSet<&InstanceId> = instances.map(|instance| &instance.id).collect();
        let serves = |public: &PublicPort| match &public.instance {
            Some(instance) => ids.contains(instance),
            None => roles.contains(&public.role),
        };
        let all = std::mem::take(&mut self.new);
        let (opens, rest): (Bound, Bound) =
            all.into_iter().partition(|(published, _)| serves(&published.public));
        self.new = rest;
        starter.open(plan, generation, opens, ports);
        let (moves, rest): (Vec<PublicPort>, Vec<PublicPort>) =
            std::mem::take(&mut self.moved).into_iter().partition(&serves);
        self.moved = rest;
        reopen(moves, (plan, generation), starter, ports);
    }

    /// The upgrade is behind its last gate: all that is left is opened, and what is otherwise served is so from now on.
    pub(crate) fn settle(
        &mut self,
        (plan, generation): (&Plan, &Generation),
        starter: &Starter,
        ports: &mut PublicPorts,
    ) {
        starter.open(plan, generation, std::mem::take(&mut self.new), ports);
        let anew = std::mem::take(&mut self.moved).into_iter().chain(std::mem::take(&mut self.changed));
        reopen(anew.collect(), (plan, generation), starter, ports);
        self.kept.drain(..).for_each(|public| ports.rename(&public));
    }

    /// From here on the ports are led back to the plan of before: those that it has are opened for its instances, and those that
    /// it does not have are to be closed.
    pub(crate) fn turn_back(&mut self, old: &Plan, ports: &PublicPorts) {
        let open: Vec<PublicPort> = ports.published().iter().map(|open| open.public.clone()).collect();
        *self = Self::new(Bound::new(), Sorted::of(open.iter(), &old.public));
    }
}

/// Serves open ports anew, with their sockets.
fn reopen(
    anew: Vec<PublicPort>,
    (plan, generation): (&Plan, &Generation),
    starter: &Starter,
    ports: &mut PublicPorts,
) {
    let bound: Bound = anew.iter().filter_map(|public| ports.reopened(public)).collect();
    starter.open(plan, generation, bound, ports);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::plan_of;

    fn public(roles: &str) -> Vec<PublicPort> {
        let probe =
            r#"<LoadBalancerProbes><LoadBalancerProbe name="P" protocol="tcp" /></LoadBalancerProbes>"#;
        let configured =
            r#"<Role name="A"><Instances count="2" /></Role><Role name="B"><Instances count="1" /></Role>"#;
        plan_of(&format!("{probe}{roles}"), configured).public
    }

    fn input(attributes: &str) -> String {
        format!(r#"<InputEndpoint name="In" protocol="tcp" port="80" {attributes} />"#)
    }

    fn roles(a: &str, b: &str) -> Vec<PublicPort> {
        let role = |name: &str, endpoints: &str| {
            format!(r#"<WorkerRole name="{name}"><Endpoints>{endpoints}</Endpoints></WorkerRole>"#)
        };
        public(&(role("A", a) + &role("B", b)))
    }

    #[test]
    fn a_port_is_new_or_moves_or_is_otherwise_served_or_stays() {
        let other = r#"<InputEndpoint name="X" protocol="tcp" port="81" />"#;
        let udp = r#"<InputEndpoint name="U" protocol="udp" port="80" />"#;
        let direct = |min: u16| {
            format!(
                r#"<InstanceInputEndpoint name="D" protocol="tcp" localPort="7">
                    <AllocatePublicPortFrom><FixedPortRange min="{min}" max="9009" /></AllocatePublicPortFrom>
                </InstanceInputEndpoint>"#
            )
        };
        /// The endpoints of both roles before and after; the numbers that are new, moved, changed, kept.
        type Case = ([String; 2], [String; 2], [&'static [u16]; 4]);
        let plain = || [input(""), String::new()];
        let cases: Vec<Case> = vec![
            (plain(), plain(), [&[], &[], &[], &[80]]),
            (plain(), [input("") + other, String::new()], [&[81], &[], &[], &[80]]),
            (plain(), [input(""), udp.to_owned()], [&[80], &[], &[], &[80]]),
            // elsewhere on the instance, or by another name: the instances know
            (plain(), [input(r#"localPort="8080""#), String::new()], [&[], &[], &[], &[80]]),
            (
                plain(),
                [input("").replace("In", "Out").replace("Output", "Input"), String::new()],
                [&[], &[], &[], &[80]],
            ),
            (plain(), [String::new(), input("")], [&[], &[80], &[], &[]]),
            (plain(), [input(r#"loadBalancerProbe="P""#), String::new()], [&[], &[], &[80], &[]]),
            (plain(), [input(r#"idleTimeoutInMinutes="7""#), String::new()], [&[], &[], &[80], &[]]),
            (plain(), [input("").replace(r#""tcp""#, r#""http""#), String::new()], [&[], &[], &[80], &[]]),
            // each instance gets the port of its neighbour
            ([direct(9000), String::new()], [direct(9001), String::new()], [&[9002], &[9001], &[], &[]]),
        ];
        for (old, new, expected) in cases {
            let (old, new) = (roles(&old[0], &old[1]), roles(&new[0], &new[1]));
            let Sorted { new, moved, changed, kept } = Sorted::of(old.iter(), &new);
            let numbers = |ports: Vec<PublicPort>| -> Vec<u16> {
                ports.iter().map(|public| public.port.get()).collect()
            };
            let found = [new, moved, changed, kept].map(numbers);
            assert_eq!(found.each_ref().map(Vec::as_slice), expected, "{old:?}");
        }
    }
}
