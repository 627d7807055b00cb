//! Who comes, who stays and who goes between the instances that live and a plan. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use wasm_roles_service_plan::{InstanceId, Plan, PlannedInstance};

use super::ChangeError;

/// Who comes, who stays and who goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turnover {
    /// In the order of the plan.
    pub(crate) coming: Vec<PlannedInstance>,
    pub(crate) staying: BTreeSet<InstanceId>,
    /// By id.
    pub(crate) leaving: Vec<InstanceId>,
}

impl Turnover {
    /// # Errors
    ///
    /// [`ChangeError::Moved`] and [`ChangeError::AddressTaken`]: `new` was not planned after what lives.
    /// [`ChangeError::Limits`] and [`ChangeError::Definition`]: what stays would get other limits, endpoints or domains.
    pub(crate) fn between<'a>(
        living: impl Iterator<Item = &'a PlannedInstance>,
        new: &Plan,
    ) -> Result<Self, ChangeError> {
        Self::with(living, new, same_but_index)
    }

    /// The same for an upgrade: what stays may get other limits and endpoints.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Moved`] and [`ChangeError::AddressTaken`]: `new` was not planned after what lives.
    pub(crate) fn of_upgrade<'a>(
        living: impl Iterator<Item = &'a PlannedInstance>,
        new: &Plan,
    ) -> Result<Self, ChangeError> {
        Self::with(living, new, same_address)
    }

    fn with<'a>(
        living: impl Iterator<Item = &'a PlannedInstance>,
        new: &Plan,
        stays: fn(&PlannedInstance, &PlannedInstance) -> Result<(), ChangeError>,
    ) -> Result<Self, ChangeError> {
        let living: BTreeMap<&InstanceId, &PlannedInstance> =
            living.map(|instance| (&instance.id, instance)).collect();
        let mut turnover = Self::default();
        for after in &new.instances {
            match living.get(&after.id) {
                Some(before) => {
                    stays(before, after)?;
                    turnover.staying.insert(after.id.clone());
                }
                None => turnover.coming.push(after.clone()),
            }
        }
        let leaving = living.values().filter(|instance| !turnover.staying.contains(&instance.id));
        let leaving: BTreeMap<Ipv4Addr, &InstanceId> =
            leaving.map(|instance| (instance.address, &instance.id)).collect();
        for instance in &turnover.coming {
            if let Some(owner) = leaving.get(&instance.address) {
                let (instance, owner) = (instance.id.clone(), InstanceId::clone(owner));
                return Err(ChangeError::AddressTaken { instance, owner });
            }
        }
        turnover.leaving = leaving.into_values().cloned().collect();
        turnover.leaving.sort_unstable();
        Ok(turnover)
    }

    /// Whether everybody stays.
    pub(crate) fn is_empty(&self) -> bool {
        self.coming.is_empty() && self.leaving.is_empty()
    }
}

fn same_address(before: &PlannedInstance, after: &PlannedInstance) -> Result<(), ChangeError> {
    if before.address == after.address {
        Ok(())
    } else {
        Err(ChangeError::Moved { instance: after.id.clone() })
    }
}

/// The index is a number in the policy of its own plan.
fn same_but_index(before: &PlannedInstance, after: &PlannedInstance) -> Result<(), ChangeError> {
    same_address(before, after)?;
    if before.limits != after.limits {
        return Err(ChangeError::Limits { instance: after.id.clone() });
    }
    let mut same = after.clone();
    same.index = before.index;
    if same == *before { Ok(()) } else { Err(ChangeError::Definition) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::{model_with, plan_of};
    use wasm_roles_service_plan::plan_after;

    const ROLES: &str = r#"<WorkerRole name="A" /><WorkerRole name="B" />"#;

    fn configured([a, b]: [u32; 2]) -> String {
        format!(
            r#"<Role name="A"><Instances count="{a}" /></Role><Role name="B"><Instances count="{b}" /></Role>"#
        )
    }

    fn plan(counts: [u32; 2]) -> Plan {
        plan_of(ROLES, &configured(counts))
    }

    fn after(running: &Plan, counts: [u32; 2]) -> Plan {
        plan_after(running, &model_with("", ROLES, &configured(counts))).unwrap()
    }

    fn between(living: &Plan, new: &Plan) -> Result<[Vec<String>; 3], ChangeError> {
        let turnover = Turnover::between(living.instances.iter(), new)?;
        let coming = turnover.coming.iter().map(|instance| instance.id.to_string()).collect();
        let names = |ids: Vec<&InstanceId>| ids.into_iter().map(ToString::to_string).collect();
        let (staying, leaving) = (turnover.staying.iter().collect(), turnover.leaving.iter().collect());
        Ok([coming, names(staying), names(leaving)])
    }

    #[test]
    fn roles_that_grow_and_shrink_have_the_same_first_instances() {
        /// Counts before and after; who comes, stays and goes.
        type Case = ([u32; 2], [u32; 2], [&'static [&'static str]; 3]);
        let cases: &[Case] = &[
            ([1, 1], [1, 1], [&[], &["A_IN_0", "B_IN_0"], &[]]),
            ([1, 0], [3, 0], [&["A_IN_1", "A_IN_2"], &["A_IN_0"], &[]]),
            ([3, 0], [1, 0], [&[], &["A_IN_0"], &["A_IN_1", "A_IN_2"]]),
            ([2, 1], [1, 2], [&["B_IN_1"], &["A_IN_0", "B_IN_0"], &["A_IN_1"]]),
            ([1, 0], [0, 0], [&[], &[], &["A_IN_0"]]),
        ];
        for (counts, new, expected) in cases {
            let running = plan(*counts);
            let found = between(&running, &after(&running, *new)).unwrap();
            assert_eq!(
                found,
                expected.map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>()),
                "{counts:?} {new:?}"
            );
        }
    }

    #[test]
    fn nobody_moves_to_another_address() {
        let refused = between(&plan([1, 1]), &plan([2, 1])).unwrap_err();
        assert!(
            matches!(&refused, ChangeError::Moved { instance } if instance.as_str() == "B_IN_0"),
            "{refused}"
        );
    }

    #[test]
    fn nobody_gets_other_limits() {
        let running = plan([1, 1]);
        let mut next = after(&running, [1, 2]);
        next.instances[0].limits.memory_bytes += 1;
        let refused = between(&running, &next).unwrap_err();
        assert!(
            matches!(&refused, ChangeError::Limits { instance } if instance.as_str() == "A_IN_0"),
            "{refused}"
        );
    }

    #[test]
    fn nobody_gets_the_address_of_one_that_still_lives() {
        let first = plan([2, 0]);
        let second = after(&first, [1, 0]);
        // Planned after a change that is not finished: A_IN_1 still lives.
        let third = after(&second, [1, 1]);
        let refused = between(&first, &third).unwrap_err();
        let expected = "B_IN_0 would get the address of A_IN_1, which still runs";
        assert!(refused.to_string().starts_with(expected), "{refused}");
    }
}
