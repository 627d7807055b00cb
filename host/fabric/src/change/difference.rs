//! What is different between two plans, and who is to be told of it, step by step. Pure.
//!
//! - A setting concerns the instances of its role.
//! - A change of the topology of a role concerns its own instances, and those of every role that can see it: all of them
//!   when it has an internal endpoint (facts: section 13, number 18).
//! - The walk takes one upgrade domain after the other. Under `topologyChangeDiscovery="Blast"` topology comes first, to
//!   everybody at once (facts: section 7.5).

use std::collections::{BTreeMap, BTreeSet};

use wasm_roles_role_runtime::Change;
use wasm_roles_service_plan::TopologyChangeDiscovery as Discovery;
use wasm_roles_service_plan::{InstanceId, Plan, PlannedInstance, PlannedRole, RoleName};

use super::ChangeError;

/// What is different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The settings that have another value, are new, or are gone; by role.
    settings: BTreeMap<RoleName, BTreeSet<String>>,
    /// The roles whose instances come or go, in the order of the definition.
    topology: Vec<RoleName>,
}

/// Instances that are told at the same time. The next step waits for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) how: How,
    pub(crate) notices: Vec<Notice>,
}

/// How instances are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// `changing`, which an instance may refuse, then `changed`.
    InTurn,
    /// `simultaneous-changing` to all, then `simultaneous-changed` to all. Settings stay as they are.
    AtOnce,
}

/// What one instance is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) instance: InstanceId,
    pub(crate) changes: Vec<Change>,
}

impl Difference {
    /// # Errors
    ///
    /// [`ChangeError::Definition`] when more than settings and instances are different.
    pub(crate) fn between(old: &Plan, new: &Plan) -> Result<Self, ChangeError> {
        if old.service != new.service || old.roles.len() != new.roles.len() || old.public != new.public {
            return Err(ChangeError::Definition);
        }
        let mut difference = Self::default();
        for (before, after) in old.roles.iter().zip(&new.roles) {
            if !same_but_settings(before, after) {
                return Err(ChangeError::Definition);
            }
            let names = before.settings.keys().chain(after.settings.keys());
            let changed: BTreeSet<String> = names
                .filter(|name| before.settings.get(*name) != after.settings.get(*name))
                .cloned()
                .collect();
            if !changed.is_empty() {
                difference.settings.insert(after.name.clone(), changed);
            }
            if !instances(old, &before.name).eq(instances(new, &after.name)) {
                difference.topology.push(after.name.clone());
            }
        }
        Ok(difference)
    }

    pub(crate) fn topology(&self) -> &[RoleName] {
        &self.topology
    }

    /// Who is told what, in which order. Only instances that both plans have are told.
    pub(crate) fn steps(&self, old: &Plan, new: &Plan) -> Vec<Step> {
        let staying: Vec<&PlannedInstance> =
            new.instances.iter().filter(|instance| old.instance(&instance.id).is_some()).collect();
        let blast = new.topology_change_discovery == Discovery::Blast;
        let at_once = Step {
            how: How::AtOnce,
            notices: notices(
                &staying,
                |instance| if blast { self.topology_for(new, instance) } else { vec![] },
            ),
        };
        let domains: BTreeSet<u32> = staying.iter().map(|instance| instance.update_domain).collect();
        let in_turn = domains.into_iter().map(|domain| {
            let of_domain: Vec<&PlannedInstance> =
                staying.iter().copied().filter(|instance| instance.update_domain == domain).collect();
            let changes = |instance: &PlannedInstance| {
                let mut changes = self.settings_for(instance);
                if !blast {
                    changes.extend(self.topology_for(new, instance));
                }
                changes
            };
            Step { how: How::InTurn, notices: notices(&of_domain, changes) }
        });
        std::iter::once(at_once).chain(in_turn).filter(|step| !step.notices.is_empty()).collect()
    }

    fn settings_for(&self, instance: &PlannedInstance) -> Vec<Change> {
        let names = self.settings.get(&instance.role).into_iter().flatten();
        names.cloned().map(Change::ConfigurationSetting).collect()
    }

    fn topology_for(&self, new: &Plan, instance: &PlannedInstance) -> Vec<Change> {
        let concerned = |role: &&RoleName| {
            **role == instance.role || new.role(role).is_some_and(|role| role.discoverable)
        };
        self.topology.iter().filter(concerned).map(|role| Change::Topology(role.to_string())).collect()
    }
}

fn notices(instances: &[&PlannedInstance], changes: impl Fn(&PlannedInstance) -> Vec<Change>) -> Vec<Notice> {
    let notice = |instance: &&PlannedInstance| {
        let changes = changes(instance);
        (!changes.is_empty()).then(|| Notice { instance: instance.id.clone(), changes })
    };
    instances.iter().filter_map(notice).collect()
}

fn same_but_settings(before: &PlannedRole, after: &PlannedRole) -> bool {
    let without = |role: &PlannedRole| {
        let mut role = role.clone();
        role.settings.clear();
        role
    };
    without(before) == without(after)
}

/// What others can see of a role's instances.
fn instances<'a>(plan: &'a Plan, role: &'a RoleName) -> impl Iterator<Item = impl PartialEq + 'a> {
    let of_role = plan.instances.iter().filter(move |instance| instance.role == *role);
    of_role.map(|instance| (&instance.id, instance.address, &instance.endpoints))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::plan_with;

    /// Two roles with an internal endpoint and without one, with a setting each.
    fn plan(attributes: &str, counts: [u32; 2], depths: [&str; 2]) -> Plan {
        let setting = r#"<ConfigurationSettings><Setting name="Depth" /></ConfigurationSettings>"#;
        let roles = format!(
            r#"<WorkerRole name="Hidden">{setting}</WorkerRole>
               <WorkerRole name="Seen">{setting}<Endpoints>
                   <InternalEndpoint name="Rpc" protocol="tcp" port="1000" />
               </Endpoints></WorkerRole>"#
        );
        let role = |(name, (count, depth)): (&str, (u32, &str))| {
            format!(
                r#"<Role name="{name}"><Instances count="{count}" /><ConfigurationSettings>
                   <Setting name="Depth" value="{depth}" /></ConfigurationSettings></Role>"#
            )
        };
        let configured: String =
            ["Hidden", "Seen"].into_iter().zip(counts.into_iter().zip(depths)).map(role).collect();
        plan_with(attributes, &roles, &configured)
    }

    /// Each step as `how: instance changes, …`.
    fn told(old: &Plan, new: &Plan) -> Vec<String> {
        let change = |change: &Change| match change {
            Change::ConfigurationSetting(name) => name.clone(),
            Change::Topology(role) => format!("+-{role}"),
        };
        let notice = |notice: &Notice| {
            let changes: Vec<String> = notice.changes.iter().map(change).collect();
            format!("{} {}", notice.instance, changes.join(" "))
        };
        let step = |step: &Step| {
            let notices: Vec<String> = step.notices.iter().map(notice).collect();
            format!("{:?}: {}", step.how, notices.join(", "))
        };
        Difference::between(old, new).unwrap().steps(old, new).iter().map(step).collect()
    }

    const WALK: &str = "";
    const BLAST: &str = r#"topologyChangeDiscovery="Blast""#;

    #[test]
    fn the_same_configuration_concerns_nobody() {
        let same = || plan(WALK, [2, 2], ["1", "1"]);
        assert_eq!(told(&same(), &same()), [""; 0]);
    }

    #[test]
    fn a_setting_concerns_its_role_one_upgrade_domain_after_the_other() {
        let (old, new) = (plan(WALK, [2, 2], ["1", "1"]), plan(WALK, [2, 2], ["1", "2"]));
        assert_eq!(told(&old, &new), ["InTurn: Seen_IN_0 Depth", "InTurn: Seen_IN_1 Depth"]);
    }

    #[test]
    fn instances_beyond_the_number_of_domains_share_the_first_ones() {
        let two = r#"upgradeDomainCount="2""#;
        let (old, new) = (plan(two, [3, 0], ["1", "1"]), plan(two, [3, 0], ["2", "1"]));
        assert_eq!(
            told(&old, &new),
            ["InTurn: Hidden_IN_0 Depth, Hidden_IN_2 Depth", "InTurn: Hidden_IN_1 Depth"]
        );
    }

    #[test]
    fn the_topology_of_a_role_that_others_see_concerns_everybody() {
        let (old, new) = (plan(WALK, [1, 1], ["1", "1"]), plan(WALK, [1, 2], ["1", "1"]));
        assert_eq!(told(&old, &new), ["InTurn: Hidden_IN_0 +-Seen, Seen_IN_0 +-Seen"]);
    }

    #[test]
    fn the_topology_of_a_role_that_nobody_sees_concerns_that_role() {
        // Hidden comes first: with another instance of it, Seen's addresses would change too.
        let shifted = |counts| plan(WALK, counts, ["1", "1"]);
        let difference =
            Difference { topology: vec![RoleName::new("Hidden").unwrap()], ..Difference::default() };
        let (old, new) = (shifted([2, 1]), shifted([1, 1]));
        let steps = difference.steps(&old, &new);
        let told: Vec<&str> =
            steps.iter().flat_map(|step| &step.notices).map(|notice| notice.instance.as_str()).collect();
        assert_eq!(told, ["Hidden_IN_0"]);
    }

    #[test]
    fn under_blast_topology_goes_to_everybody_at_once_and_settings_still_walk() {
        let (old, new) = (plan(BLAST, [1, 2], ["1", "1"]), plan(BLAST, [1, 3], ["1", "2"]));
        assert_eq!(
            told(&old, &new),
            [
                "AtOnce: Hidden_IN_0 +-Seen, Seen_IN_0 +-Seen, Seen_IN_1 +-Seen",
                "InTurn: Seen_IN_0 Depth",
                "InTurn: Seen_IN_1 Depth",
            ]
        );
    }

    #[test]
    fn another_definition_is_no_change_of_the_configuration() {
        let old = plan(WALK, [1, 1], ["1", "1"]);
        let other = plan_with(
            WALK,
            r#"<WorkerRole name="Hidden" /><WorkerRole name="Other" />"#,
            r#"<Role name="Hidden"><Instances count="1" /></Role><Role name="Other"><Instances count="1" /></Role>"#,
        );
        assert!(matches!(Difference::between(&old, &other), Err(ChangeError::Definition)));
    }
}
