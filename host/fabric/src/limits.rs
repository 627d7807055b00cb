//! The limits of an instance, from the plan's words to those of the runtime and the network.
//!
//! The memory is the whole instance's: its programs and what the network buffers for it. The sockets are those of its interface. Everything else
//! holds for each program, the role's own and each start-up task.

use std::num::NonZeroU32;

use wasm_roles_role_runtime::Limits as ProgramLimits;
use wasm_roles_service_plan::Limits;
use wasm_roles_virtual_network::InterfaceLimits;

/// What each program of an instance may use.
pub(crate) fn of_programs(limits: &Limits) -> ProgramLimits {
    ProgramLimits {
        memory_bytes: limits.memory_bytes,
        cpu_weight: NonZeroU32::new(limits.cpu_weight).unwrap_or(NonZeroU32::MIN),
        table_elements: count(limits.table_elements),
        resources: count(limits.resources),
        ..ProgramLimits::default()
    }
}

/// What an instance may use of the network.
pub(crate) fn of_network(limits: &Limits) -> InterfaceLimits {
    let host_sockets = count(limits.host_sockets);
    InterfaceLimits::default().with_sockets(sockets(limits)).with_host_sockets(host_sockets)
}

/// Sockets of an instance at one time.
fn sockets(limits: &Limits) -> usize {
    count(limits.sockets)
}

/// How many of them all its start-up tasks together may have: a quarter, and one where that leaves the role another.
pub(crate) fn sockets_of_tasks(limits: &Limits) -> usize {
    match sockets(limits) {
        0 | 1 => 0,
        sockets => (sockets / 4).max(1),
    }
}

fn count(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::plan_of;

    /// The sockets of an instance, and those of its tasks.
    #[test]
    fn tasks_get_a_quarter_of_the_sockets_and_at_least_one_that_the_role_can_spare() {
        let plan = plan_of(r#"<WorkerRole name="W" />"#, r#"<Role name="W"><Instances count="1" /></Role>"#);
        let mut limits = plan.instances[0].limits;
        for (sockets, of_tasks) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 1), (7, 1), (8, 2), (1_024, 256)] {
            limits.sockets = sockets;
            assert_eq!(sockets_of_tasks(&limits), of_tasks, "{sockets}");
        }
    }

    #[test]
    fn every_limit_of_the_plan_reaches_the_runtime_and_the_network() {
        let plan = plan_of(
            r#"<WorkerRole name="W" vmsize="Large" />"#,
            r#"<Role name="W"><Instances count="1" /></Role>"#,
        );
        let of_size = of_programs(&plan.instances[0].limits);
        assert_eq!((of_size.memory_bytes, of_size.cpu_weight.get()), (7 << 30, 400));
        let overrides = ["memory=1MiB", "cpu=7", "sockets=8", "host-sockets=3", "resources=90", "tables=10"];
        let plan = plan.with_limits(&overrides.map(|text| text.parse().unwrap())).unwrap();
        let limits = &plan.instances[0].limits;
        let expected = ProgramLimits {
            memory_bytes: 1 << 20,
            cpu_weight: NonZeroU32::new(7).unwrap(),
            resources: 90,
            table_elements: 10,
            ..ProgramLimits::default()
        };
        assert_eq!(of_programs(limits), expected);
        let network = of_network(limits);
        assert_eq!((network.sockets, network.host_sockets), (8, 3));
    }
}
