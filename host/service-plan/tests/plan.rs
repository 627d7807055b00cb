//! What a plan decides: ids, addresses, ports, domains, limits.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod services;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use services::{instance, model_of, plan_of, scenario};
use wasm_roles_service_plan::{
    Availability, Distribution, EndpointKind, EntryPoint, PlanError, PlannedEndpoint, PlannedProbe, Protocol,
    PublicPort, Reach, RoleKind, Transport, plan,
};

const EVERY_ENDPOINT: &str = r#"
    <WebRole name="Front" vmsize="ExtraSmall">
      <Sites><Site name="Web"><Bindings><Binding name="B" endpointName="HttpIn" /></Bindings></Site></Sites>
      <Endpoints>
        <InputEndpoint name="HttpIn" protocol="http" port="80" localPort="8080" />
        <InputEndpoint name="Stream" protocol="tcp" port="5000" localPort="*" />
        <InputEndpoint name="Datagrams" protocol="udp" port="5000" />
        <InstanceInputEndpoint name="Direct" protocol="tcp" localPort="20000">
          <AllocatePublicPortFrom><FixedPortRange min="10105" max="10109" /></AllocatePublicPortFrom>
        </InstanceInputEndpoint>
      </Endpoints>
    </WebRole>
    <WorkerRole name="Back">
      <Endpoints>
        <InternalEndpoint name="First" protocol="tcp" />
        <InternalEndpoint name="Taken" protocol="tcp"><FixedPortRange min="20001" max="20002" /></InternalEndpoint>
        <InternalEndpoint name="Second" protocol="http" port="*" />
        <InternalEndpoint name="All" protocol="any" />
      </Endpoints>
    </WorkerRole>"#;

#[test]
fn ids_addresses_and_ordinals_follow_the_definition() {
    let plan = plan_of(EVERY_ENDPOINT, &[("Back", 2), ("Front", 3)]);
    let found: Vec<_> = plan.instances.iter().map(|one| (one.id.as_str(), one.address)).collect();
    let address = |last| Ipv4Addr::new(10, 0, 0, last);
    let expected = [
        ("Front_IN_0", address(4)),
        ("Front_IN_1", address(5)),
        ("Front_IN_2", address(6)),
        ("Back_IN_0", address(7)),
        ("Back_IN_1", address(8)),
    ];
    assert_eq!(found, expected);
    assert_eq!(plan.instances.iter().map(|one| one.ordinal).collect::<Vec<_>>(), [0, 1, 2, 0, 1]);
}

#[test]
fn domains_go_round() {
    let plan = plan_of(EVERY_ENDPOINT, &[("Front", 1), ("Back", 7)]);
    let of_back: Vec<_> = plan.instances.iter().filter(|one| one.role.as_str() == "Back").collect();
    let updates: Vec<u32> = of_back.iter().map(|one| one.update_domain).collect();
    let faults: Vec<u32> = of_back.iter().map(|one| one.fault_domain).collect();
    assert_eq!(updates, [0, 1, 2, 3, 4, 0, 1], "five upgrade domains, the default");
    assert_eq!(faults, [0, 1, 0, 1, 0, 1, 0]);
}

#[test]
fn ports_are_the_declared_ones_or_free_ones_from_20000_up() {
    let plan = plan_of(EVERY_ENDPOINT, &[("Front", 1), ("Back", 1)]);
    let ports = |id: &str| {
        let of = |endpoint: &PlannedEndpoint| (endpoint.name.clone(), endpoint.port, endpoint.port_max);
        instance(&plan, id).endpoints.iter().map(of).collect::<Vec<_>>()
    };
    let named = |name: &str, port, max| (name.to_owned(), port, max);
    let front = [
        named("HttpIn", 8080, None),
        named("Stream", 20_001, None),
        named("Datagrams", 5000, None),
        named("Direct", 20_000, None),
    ];
    assert_eq!(ports("Front_IN_0"), front);
    let back = [
        named("First", 20_000, None),
        named("Taken", 20_001, Some(20_002)),
        named("Second", 20_003, None),
        named("All", 0, None),
    ];
    assert_eq!(ports("Back_IN_0"), back);
}

#[test]
fn public_ports_are_sorted_and_know_who_answers() {
    let plan = plan_of(EVERY_ENDPOINT, &[("Front", 2), ("Back", 1)]);
    let found: Vec<_> = plan
        .public
        .iter()
        .map(|public| {
            let instance = public.instance.as_ref().map(|id| id.as_str());
            (public.port.get(), public.transport, public.endpoint.as_str(), public.local_port.get(), instance)
        })
        .collect();
    let expected = [
        (80, Transport::Tcp, "HttpIn", 8080, None),
        (5000, Transport::Tcp, "Stream", 20_001, None),
        (5000, Transport::Udp, "Datagrams", 5000, None),
        (10_105, Transport::Tcp, "Direct", 20_000, Some("Front_IN_0")),
        (10_106, Transport::Tcp, "Direct", 20_000, Some("Front_IN_1")),
    ];
    assert_eq!(found, expected);
    let direct = &instance(&plan, "Front_IN_1").endpoints[3];
    assert_eq!((direct.kind, direct.public_port), (EndpointKind::InstanceInput, Some(10_106)));
    assert_eq!(instance(&plan, "Front_IN_1").endpoints[0].public_port, Some(80));
    assert_eq!(plan.public[0].protocol, Protocol::Http);
}

#[test]
fn public_ports_carry_what_the_balancer_has_to_know() {
    let plan = plan_of(
        r#"<LoadBalancerProbes>
             <LoadBalancerProbe name="Page" protocol="http" path="Probe.aspx" port="8080" intervalInSeconds="5" timeoutInSeconds="11" />
             <LoadBalancerProbe name="Connection" protocol="tcp" />
           </LoadBalancerProbes>
           <WorkerRole name="Front"><Endpoints>
             <InputEndpoint name="Http" protocol="http" port="80" loadBalancerProbe="Page" loadBalancerDistribution="sourceIP" idleTimeoutInMinutes="30" />
             <InputEndpoint name="Stream" protocol="tcp" port="81" localPort="*" loadBalancerProbe="Connection" loadBalancerDistribution="sourceIPProtocol" />
             <InputEndpoint name="Desktop" protocol="tcp" port="82" loadBalancerDistribution="none" ignoreRoleInstanceStatus="true" />
             <InputEndpoint name="Both" protocol="tcp" port="83" loadBalancerProbe="Page" ignoreRoleInstanceStatus="true" />
             <InstanceInputEndpoint name="Direct" protocol="tcp" localPort="9000" idleTimeoutInMinutes="4">
               <AllocatePublicPortFrom><FixedPortRange min="10000" max="10004" /></AllocatePublicPortFrom>
             </InstanceInputEndpoint>
           </Endpoints></WorkerRole>"#,
        &[("Front", 1)],
    );
    let how = |public: &PublicPort| {
        let availability = match &public.availability {
            Availability::Ready => "ready".to_owned(),
            Availability::Running => "running".to_owned(),
            Availability::Probed(PlannedProbe { name, check, port, interval, timeout, .. }) => {
                format!("{name} {check:?} on {port} every {interval:?}, at most {timeout:?}")
            }
        };
        (public.port.get(), availability, public.distribution, public.idle_timeout.map(|time| time.as_secs()))
    };
    let (page, any) =
        (r#"Page Http { path: "/Probe.aspx" } on 8080 every 5s, at most 11s"#, Distribution::FiveTuple);
    let expected = [
        (80, page.to_owned(), Distribution::SourceIp, Some(1800)),
        (
            81,
            "Connection Tcp on 20000 every 15s, at most 31s".to_owned(),
            Distribution::SourceIpProtocol,
            None,
        ),
        (82, "running".to_owned(), any, None),
        (83, page.to_owned(), any, None),
        (10_000, "ready".to_owned(), any, Some(240)),
    ];
    assert_eq!(plan.public.iter().map(how).collect::<Vec<_>>(), expected);
}

#[test]
fn roles_carry_what_their_instances_share() {
    let plan = scenario(4);
    let web = &plan.roles[0];
    assert_eq!((web.kind, web.name.as_str(), web.discoverable), (RoleKind::Web, "WebRole1", true));
    assert_eq!(plan.instances[0].limits.memory_bytes, 3_584 << 20, "Medium has 3.5 GB");
    assert_eq!(web.entry, EntryPoint::Default);
    assert_eq!(web.endpoints[0].reach, Reach::Public);
    assert_eq!(web.endpoints[1].reach, Reach::Deployment { rule: None });
    let Reach::Only { roles, rules } = &plan.roles[2].endpoints[0].reach else { panic!("it has a rule") };
    assert_eq!(roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(), ["WorkerRole1"]);
    assert_eq!(rules[0].span.to_string(), "scenario-4.csdef:38:5");
    let hidden = plan_of(EVERY_ENDPOINT, &[("Front", 1), ("Back", 1)]);
    assert_eq!(hidden.roles.iter().map(|role| role.discoverable).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn the_same_model_gives_the_same_plan() {
    let model = model_of(EVERY_ENDPOINT, &[("Front", 5), ("Back", 50)]);
    let (first, second) = (plan(&model).unwrap(), plan(&model).unwrap());
    assert_eq!(first.instances, second.instances);
    assert_eq!(first.roles, second.roles);
    assert_eq!(first.public, second.public);
}

#[test]
fn a_role_without_instances_is_planned() {
    let plan = plan_of(EVERY_ENDPOINT, &[("Front", 0), ("Back", 0)]);
    assert_eq!((plan.roles.len(), plan.instances.len()), (2, 0));
}

#[test]
fn ten_thousand_instances_have_addresses_of_their_own() {
    let plan = plan_of(EVERY_ENDPOINT, &[("Front", 5), ("Back", 9_995)]);
    let addresses: BTreeSet<Ipv4Addr> = plan.instances.iter().map(|one| one.address).collect();
    assert_eq!(addresses.len(), 10_000);
}

#[test]
fn more_instances_than_addresses_are_refused() {
    let model = model_of(EVERY_ENDPOINT, &[("Front", 1), ("Back", 65_531)]);
    let error = plan(&model).unwrap_err();
    assert!(matches!(error, PlanError::TooManyInstances { wanted: 65_532, capacity: 65_531 }), "{error}");
}

#[test]
fn a_role_that_takes_every_port_leaves_none() {
    let body = r#"<WorkerRole name="Greedy"><Endpoints>
        <InternalEndpoint name="Most" protocol="tcp"><FixedPortRange min="20000" max="65535" /></InternalEndpoint>
        <InternalEndpoint name="Last" protocol="tcp" />
    </Endpoints></WorkerRole>"#;
    let error = plan(&model_of(body, &[("Greedy", 1)])).unwrap_err();
    assert!(matches!(&error, PlanError::NoPortLeft { endpoint, .. } if endpoint == "Last"), "{error}");
}

#[test]
fn limits_come_from_the_machine_size() {
    let plan = plan_of(EVERY_ENDPOINT, &[("Front", 1), ("Back", 1)]);
    let limits = |id: &str| {
        let limits = instance(&plan, id).limits;
        (limits.memory_bytes >> 20, limits.cpu_weight, limits.disk_bytes >> 30)
    };
    assert_eq!(limits("Front_IN_0"), (768, 50, 19), "ExtraSmall has a shared core");
    assert_eq!(limits("Back_IN_0"), (1_792, 100, 224), "Small is the default");
}

#[test]
fn all_ranges_of_an_endpoint_are_planned_in_ascending_order_and_joined() {
    let plan = plan_of(
        r#"<WorkerRole name="A"><Endpoints>
             <InternalEndpoint name="Ranges" protocol="udp">
               <FixedPortRange min="7100" max="7109" /><FixedPort port="7000" />
               <FixedPortRange min="7105" max="7110" /><FixedPortRange min="8001" max="8002" />
             </InternalEndpoint>
             <InternalEndpoint name="Any" protocol="any"><FixedPortRange min="9000" max="9001" /></InternalEndpoint>
             <InternalEndpoint name="All" protocol="any" />
           </Endpoints></WorkerRole>"#,
        &[("A", 1)],
    );
    let ranges = |position: usize| {
        let endpoint = &plan.roles[0].endpoints[position];
        endpoint.ranges.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(ranges(0), ["7000", "7100-7110", "8001-8002"]);
    let first = &plan.roles[0].endpoints[0];
    assert_eq!((first.port, first.port_max), (7_100, Some(7_109)), "the first that is declared");
    assert_eq!(ranges(1), ["9000-9001"]);
    assert_eq!(ranges(2), ["1-65535"]);
    assert_eq!((plan.roles[0].endpoints[2].port, plan.roles[0].endpoints[2].port_max), (0, None));
}

#[test]
fn ports_that_no_one_names_avoid_every_declared_range() {
    let plan = plan_of(
        r#"<WorkerRole name="A"><Endpoints>
             <InternalEndpoint name="Free1" protocol="tcp" />
             <InternalEndpoint name="Fixed" protocol="udp">
               <FixedPortRange min="20002" max="20003" /><FixedPort port="20000" /><FixedPortRange min="19000" max="20000" />
             </InternalEndpoint>
             <InputEndpoint name="Free2" protocol="udp" port="53" localPort="*" />
             <InternalEndpoint name="Free3" protocol="udp" />
             <InstanceInputEndpoint name="Direct" protocol="udp" localPort="20005">
               <AllocatePublicPortFrom><FixedPortRange min="10000" max="10000" /></AllocatePublicPortFrom>
             </InstanceInputEndpoint>
           </Endpoints></WorkerRole>"#,
        &[("A", 1)],
    );
    let ports: Vec<u16> = plan.roles[0].endpoints.iter().map(|endpoint| endpoint.port).collect();
    assert_eq!(ports, [20_001, 20_002, 20_004, 20_006, 20_005]);
    let direct = plan.public.iter().find(|public| public.endpoint == "Direct").unwrap();
    assert_eq!((direct.transport, direct.port.get()), (Transport::Udp, 10_000));
}

/// Every port of the endpoint that has none of its own would be asked against every range otherwise.
#[test]
fn a_hundred_thousand_ranges_are_planned_at_once() {
    let ranges = "<FixedPort port=\"1\" /><FixedPortRange min=\"2\" max=\"60000\" />".repeat(50_000);
    let dynamic: String =
        (0..4).map(|n| format!("<InternalEndpoint name=\"D{n}\" protocol=\"udp\" />")).collect();
    let body = format!(
        "<WorkerRole name=\"A\"><Endpoints><InternalEndpoint name=\"Many\" protocol=\"tcp\">{ranges}</InternalEndpoint>{dynamic}</Endpoints></WorkerRole>"
    );
    let model = model_of(&body, &[("A", 1)]);
    let started = std::time::Instant::now();
    let plan = plan(&model).unwrap();
    assert_eq!(plan.roles[0].endpoints[4].port, 60_004);
    assert_eq!(plan.traffic().filter(|entry| entry.allowed).count(), 5);
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}
