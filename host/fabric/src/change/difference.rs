//! What is different between two plans, and who is to be told of it, step by step. Pure.
//!
//! - A setting concerns the instances of its role.
//! - A change of the topology of a role concerns its own instances, and those of every role that can see it: all of them
//!   when it has an internal endpoint (facts: section 13, number 18).
//! - Another certificate concerns the instances of its role. They hear nothing of it and are recycled (facts: section 7.1),
//!   and what else is different they find when they start again.
//! - The walk takes one upgrade domain after the other. Under `topologyChangeDiscovery="Blast"` topology comes first, to
//!   everybody at once (facts: section 7.5).

use std::collections::{BTreeMap, BTreeSet};

use wasm_roles_role_runtime::Change;
use wasm_roles_service_plan::TopologyChangeDiscovery as Discovery;
use wasm_roles_service_plan::{InstanceId, Plan, PlannedInstance, PlannedRole, PublicPort, RoleName};

use super::ChangeError;

/// What is different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The settings that have another value, are new, or are gone; by role.
    settings: BTreeMap<RoleName, BTreeSet<String>>,
    /// The roles whose instances come or go, in the order of the definition.
    topology: Vec<RoleName>,
    /// The roles that have other certificates, or more, or fewer.
    certificates: BTreeSet<RoleName>,
}

/// Instances that are told at the same time. The next step waits for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) how: How,
    /// The upgrade domain of all of them; none where it does not matter.
    pub(crate) domain: Option<u32>,
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

/// What becomes of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) instance: InstanceId,
    pub(crate) news: News,
}

/// How an instance gets what is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It is told of these changes; at least one.
    Told(Vec<Change>),
    /// It is recycled without a word, and starts again with all that is new.
    Recycle,
}

impl News {
    /// None when there is nothing to tell.
    fn told(changes: Vec<Change>) -> Option<Self> {
        (!changes.is_empty()).then_some(Self::Told(changes))
    }
}

impl Difference {
    /// # Errors
    ///
    /// [`ChangeError::Definition`] when more than settings, thumbprints of certificates and instances are different.
    pub(crate) fn between(old: &Plan, new: &Plan) -> Result<Self, ChangeError> {
        let same = old.service == new.service
            && old.roles.len() == new.roles.len()
            && old.topology_change_discovery == new.topology_change_discovery
            && same_public_ports(old, new);
        if !same {
            return Err(ChangeError::Definition);
        }
        let mut difference = Self::default();
        for (before, after) in old.roles.iter().zip(&new.roles) {
            if without_configuration(before) != without_configuration(after) {
                return Err(ChangeError::Definition);
            }
            if before.certificates != after.certificates {
                difference.certificates.insert(after.name.clone());
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

    /// As much as both say, for instances that may have heard of either plan.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for (role, names) in other.settings {
            self.settings.entry(role).or_default().extend(names);
        }
        for role in other.topology {
            if !self.topology.contains(&role) {
                self.topology.push(role);
            }
        }
        self.certificates.extend(other.certificates);
        self
    }

    /// Whether any role has other certificates.
    pub(crate) fn has_certificates(&self) -> bool {
        !self.certificates.is_empty()
    }

    /// Who is told what and who is recycled, in which order. Only those who stay are: who comes starts with the new plan, and
    /// who goes is told to stop.
    ///
    /// Who is recycled hears nothing in its turn, since one recycle brings all that is new. It does hear what is told at
    /// once, because it may run for long until its turn comes.
    pub(crate) fn steps(&self, new: &Plan, staying: &BTreeSet<InstanceId>) -> Vec<Step> {
        let staying: Vec<&PlannedInstance> =
            new.instances.iter().filter(|instance| staying.contains(&instance.id)).collect();
        let blast = new.topology_change_discovery == Discovery::Blast;
        let at_once = Step {
            how: How::AtOnce,
            domain: None,
            notices: notices(&staying, |instance| {
                if blast { News::told(self.topology_for(new, instance)) } else { None }
            }),
        };
        let domains: BTreeSet<u32> = staying.iter().map(|instance| instance.update_domain).collect();
        let in_turn = domains.into_iter().map(|domain| {
            let of_domain: Vec<&PlannedInstance> =
                staying.iter().copied().filter(|instance| instance.update_domain == domain).collect();
            let news = |instance: &PlannedInstance| {
                if self.certificates.contains(&instance.role) {
                    return Some(News::Recycle);
                }
                let mut changes = self.settings_for(instance);
                if !blast {
                    changes.extend(self.topology_for(new, instance));
                }
                News::told(changes)
            };
            Step { how: How::InTurn, domain: Some(domain), notices: notices(&of_domain, news) }
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

fn notices(instances: &[&PlannedInstance], news: impl Fn(&PlannedInstance) -> Option<News>) -> Vec<Notice> {
    let notice = |instance: &&PlannedInstance| {
        let news = news(instance)?;
        Some(Notice { instance: instance.id.clone(), news })
    };
    instances.iter().filter_map(notice).collect()
}

/// Whether the public ports are the same. Those of single instances come and go with them.
fn same_public_ports(old: &Plan, new: &Plan) -> bool {
    let ids = |plan: &Plan| -> BTreeSet<InstanceId> {
        plan.instances.iter().map(|instance| instance.id.clone()).collect()
    };
    let (before, after) = (ids(old), ids(new));
    let lasting = |port: &&PublicPort| {
        port.instance.as_ref().is_none_or(|instance| before.contains(instance) && after.contains(instance))
    };
    old.public.iter().filter(lasting).eq(new.public.iter().filter(lasting))
}

/// What the definition alone says of a role.
fn without_configuration(role: &PlannedRole) -> PlannedRole {
    let mut role = role.clone();
    role.settings.clear();
    for certificate in &mut role.certificates {
        certificate.thumbprint = None;
    }
    role
}

/// What others can see of a role's instances.
fn instances<'a>(plan: &'a Plan, role: &'a RoleName) -> impl Iterator<Item = impl PartialEq + 'a> {
    let of_role = plan.instances.iter().filter(move |instance| instance.role == *role);
    of_role.map(|instance| (&instance.id, instance.address, &instance.endpoints))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::{model_with, plan_with};
    use wasm_roles_service_plan::{ServiceModel, plan_after};

    /// Two roles with an internal endpoint and without one, with a setting each.
    fn plan(attributes: &str, counts: [u32; 2], depths: [&str; 2]) -> Plan {
        wasm_roles_service_plan::plan(&model(attributes, counts, depths)).unwrap()
    }

    fn after(running: &Plan, attributes: &str, counts: [u32; 2]) -> Plan {
        plan_after(running, &model(attributes, counts, ["1", "1"])).unwrap()
    }

    fn model(attributes: &str, counts: [u32; 2], depths: [&str; 2]) -> ServiceModel {
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
        model_with(attributes, &roles, &configured)
    }

    /// Each step as `how: instance changes, …`.
    fn told(old: &Plan, new: &Plan) -> Vec<String> {
        let change = |change: &Change| match change {
            Change::ConfigurationSetting(name) => name.clone(),
            Change::Topology(role) => format!("+-{role}"),
        };
        let notice = |Notice { instance, news }: &Notice| match news {
            News::Told(changes) => {
                let changes: Vec<String> = changes.iter().map(change).collect();
                format!("{instance} {}", changes.join(" "))
            }
            News::Recycle => format!("{instance} recycles"),
        };
        let step = |step: &Step| {
            let notices: Vec<String> = step.notices.iter().map(notice).collect();
            format!("{:?}: {}", step.how, notices.join(", "))
        };
        Difference::between(old, new).unwrap().steps(new, &ids(old)).iter().map(step).collect()
    }

    fn ids(plan: &Plan) -> BTreeSet<InstanceId> {
        plan.instances.iter().map(|instance| instance.id.clone()).collect()
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
        let (old, new) =
            (plan(WALK, [1, 1], ["1", "1"]), after(&plan(WALK, [1, 1], ["1", "1"]), WALK, [2, 1]));
        assert_eq!(told(&old, &new), ["InTurn: Hidden_IN_0 +-Hidden"]);
        assert_eq!(told(&new, &old), ["InTurn: Hidden_IN_0 +-Hidden"], "and not the one that goes");
    }

    #[test]
    fn a_role_that_others_see_concerns_them_to_its_last_instance_and_from_its_first() {
        let none = plan(WALK, [2, 0], ["1", "1"]);
        let one = after(&none, WALK, [2, 1]);
        let everybody_else = ["InTurn: Hidden_IN_0 +-Seen", "InTurn: Hidden_IN_1 +-Seen"];
        assert_eq!(told(&none, &one), everybody_else);
        assert_eq!(told(&one, &none), everybody_else);
    }

    #[test]
    fn who_hears_of_settings_and_topology_hears_of_both_at_once() {
        let old = plan(WALK, [1, 1], ["1", "1"]);
        let new = plan_after(&old, &model(WALK, [2, 2], ["2", "1"])).unwrap();
        assert_eq!(told(&old, &new), ["InTurn: Hidden_IN_0 Depth +-Hidden +-Seen, Seen_IN_0 +-Seen"]);
    }

    #[test]
    fn whoever_may_have_heard_of_a_change_that_was_not_finished_hears_of_its_end() {
        let old = plan(WALK, [1, 1], ["1", "1"]);
        let begun = plan_after(&old, &model(WALK, [1, 1], ["1", "2"])).unwrap();
        let back = Difference::between(&old, &old).unwrap().and(Difference::between(&begun, &old).unwrap());
        let steps = back.steps(&old, &ids(&old));
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].notices[0].instance.as_str(), "Seen_IN_0");
    }

    /// What the configuration says of the two roles: the thumbprint's digit, and `Depth`.
    type Certified = [(Option<char>, &'static str); 2];

    /// Two roles with two instances, a setting and a certificate each, of which the second one is seen by both.
    fn certified(attributes: &str, count: u32, configured: Certified) -> ServiceModel {
        let common = r#"<ConfigurationSettings><Setting name="Depth" /></ConfigurationSettings><Certificates>
            <Certificate name="C" storeLocation="LocalMachine" storeName="My" /></Certificates>"#;
        let roles = format!(
            r#"<WorkerRole name="A">{common}</WorkerRole><WorkerRole name="B">{common}<Endpoints>
                <InternalEndpoint name="Rpc" protocol="tcp" port="1000" /></Endpoints></WorkerRole>"#
        );
        let role = |(name, (digit, depth)): (&str, (Option<char>, &str))| {
            let thumbprint = |digit: char| digit.to_string().repeat(40);
            let certificate = digit.map_or(String::new(), |digit| {
                format!(
                    r#"<Certificates><Certificate name="C" thumbprint="{}" thumbprintAlgorithm="sha1" /></Certificates>"#,
                    thumbprint(digit)
                )
            });
            format!(
                r#"<Role name="{name}"><Instances count="{count}" /><ConfigurationSettings>
                   <Setting name="Depth" value="{depth}" /></ConfigurationSettings>{certificate}</Role>"#
            )
        };
        model_with(attributes, &roles, &["A", "B"].into_iter().zip(configured).map(role).collect::<String>())
    }

    #[test]
    fn another_certificate_recycles_its_role_one_upgrade_domain_after_the_other_and_tells_it_nothing() {
        /// What is configured before and after; how many instances there are after; what comes of it.
        type Case = (Certified, Certified, u32, &'static [&'static str]);
        let first: Certified = [(Some('1'), "1"), (Some('1'), "1")];
        let cases: &[Case] = &[
            (first, first, 2, &[]),
            // changed
            (
                first,
                [(Some('2'), "1"), (Some('1'), "1")],
                2,
                &["InTurn: A_IN_0 recycles", "InTurn: A_IN_1 recycles"],
            ),
            // of two roles, with a setting of both
            (
                first,
                [(Some('1'), "2"), (Some('2'), "2")],
                2,
                &["InTurn: A_IN_0 Depth, B_IN_0 recycles", "InTurn: A_IN_1 Depth, B_IN_1 recycles"],
            ),
            // with topology: those that are told hear of it, one recycle serves all
            (
                first,
                [(Some('1'), "1"), (Some('2'), "2")],
                3,
                &["InTurn: A_IN_0 +-A +-B, B_IN_0 recycles", "InTurn: A_IN_1 +-A +-B, B_IN_1 recycles"],
            ),
        ];
        for (before, after, count, expected) in cases {
            let old = wasm_roles_service_plan::plan(&certified(WALK, 2, *before)).unwrap();
            let new = plan_after(&old, &certified(WALK, *count, *after)).unwrap();
            assert_eq!(told(&old, &new), *expected, "{after:?}");
        }
    }

    #[test]
    fn a_certificate_that_is_added_or_removed_recycles_as_one_that_changes() {
        let with = wasm_roles_service_plan::plan(&certified(WALK, 1, [(Some('1'), "1"); 2])).unwrap();
        let mut without = with.clone();
        without.roles[0].certificates[0].thumbprint = None;
        for (old, new) in [(&with, &without), (&without, &with)] {
            assert_eq!(told(old, new), ["InTurn: A_IN_0 recycles"]);
        }
    }

    #[test]
    fn under_blast_who_is_recycled_for_a_certificate_hears_of_topology_with_all_others() {
        let old = wasm_roles_service_plan::plan(&certified(BLAST, 1, [(Some('1'), "1"); 2])).unwrap();
        let after = certified(BLAST, 2, [(Some('1'), "1"), (Some('2'), "1")]);
        let new = plan_after(&old, &after).unwrap();
        assert_eq!(told(&old, &new), ["AtOnce: A_IN_0 +-A +-B, B_IN_0 +-B", "InTurn: B_IN_0 recycles"]);
    }

    #[test]
    fn a_certificate_that_may_have_been_taken_back_recycles_once_more() {
        let old = wasm_roles_service_plan::plan(&certified(WALK, 1, [(Some('1'), "1"); 2])).unwrap();
        let begun = wasm_roles_service_plan::plan(&certified(WALK, 1, [(Some('2'), "1"), (Some('1'), "1")]));
        let back =
            Difference::between(&old, &old).unwrap().and(Difference::between(&begun.unwrap(), &old).unwrap());
        assert!(back.has_certificates());
        assert_eq!(back.steps(&old, &ids(&old))[0].notices[0].news, News::Recycle);
    }

    #[test]
    fn public_ports_of_instances_come_and_go_with_them_and_others_stay() {
        let plan = |count: u32, port: u16| {
            plan_with(
                "",
                &format!(
                    r#"<WorkerRole name="W"><Endpoints>
                        <InputEndpoint name="In" protocol="tcp" port="{port}" />
                        <InstanceInputEndpoint name="Direct" protocol="tcp" localPort="8000">
                            <AllocatePublicPortFrom><FixedPortRange min="9000" max="9009" /></AllocatePublicPortFrom>
                        </InstanceInputEndpoint>
                    </Endpoints></WorkerRole>"#
                ),
                &format!(r#"<Role name="W"><Instances count="{count}" /></Role>"#),
            )
        };
        for (count, port, same) in [(3, 80, true), (1, 80, true), (2, 81, false)] {
            assert_eq!(same_public_ports(&plan(2, 80), &plan(count, port)), same, "{count} {port}");
        }
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
