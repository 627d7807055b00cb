//! The vocabulary of `.csdef` files (facts: sections 1 to 4).

use super::{ChildRule, ElementRule, element, later, meaningless, often, once, read};

pub(crate) static SERVICE_DEFINITION: ElementRule = element(
    "ServiceDefinition",
    &[
        read("name"),
        read("upgradeDomainCount"),
        // Tells packaging tools which SDK wrote the file; a running service never saw it.
        read("schemaVersion"),
        read("topologyChangeDiscovery"),
    ],
    &[
        once(&LOAD_BALANCER_PROBES),
        often(&WEB_ROLE),
        often(&WORKER_ROLE),
        often(&VIRTUAL_MACHINE_ROLE),
        often(&NETWORK_TRAFFIC_RULES),
    ],
);

static LOAD_BALANCER_PROBES: ElementRule = element("LoadBalancerProbes", &[], &[often(&LOAD_BALANCER_PROBE)]);
static LOAD_BALANCER_PROBE: ElementRule = element(
    "LoadBalancerProbe",
    &[
        read("name"),
        read("protocol"),
        read("path"),
        read("port"),
        read("intervalInSeconds"),
        read("timeoutInSeconds"),
    ],
    &[],
);

static WEB_ROLE: ElementRule = element(
    "WebRole",
    ROLE_ATTRIBUTES,
    &[
        once(&IMPORTS),
        once(&START_UP),
        often(&LOCAL_STORAGE),
        once(&LOCAL_RESOURCES),
        once(&CONFIGURATION_SETTINGS),
        once(&LEGACY_INPUT_ENDPOINTS),
        once(&INTERNAL_ENDPOINT),
        once(&ENDPOINTS),
        CERTIFICATES,
        once(&SITES),
        once(&RUNTIME),
        once(&CONTENT_LIST),
    ],
);

static WORKER_ROLE: ElementRule = element(
    "WorkerRole",
    ROLE_ATTRIBUTES,
    &[
        once(&IMPORTS),
        once(&START_UP),
        often(&LOCAL_STORAGE),
        once(&LOCAL_RESOURCES),
        once(&CONFIGURATION_SETTINGS),
        once(&ENDPOINTS),
        CERTIFICATES,
        once(&RUNTIME),
        once(&CONTENT_LIST),
    ],
);

// In no schema of the versions that real files name; as the documentation of 2012 has it.
static VIRTUAL_MACHINE_ROLE: ElementRule = element(
    "VirtualMachineRole",
    &[read("name"), read("vmsize")],
    &[once(&IMPORTS), once(&LOCAL_RESOURCES), once(&CONFIGURATION_SETTINGS), once(&ENDPOINTS), CERTIFICATES],
);

const ROLE_ATTRIBUTES: &[super::AttributeRule] = &[
    read("name"),
    read("vmsize"),
    meaningless("enableNativeCodeExecution", "components are sandboxed, whatever it says"),
];

const CERTIFICATES: ChildRule = once(&CERTIFICATE_LIST);

static START_UP: ElementRule =
    element("Startup", &[meaningless("priority", "a role has one list of tasks")], &[often(&TASK)]);
static TASK: ElementRule = element(
    "Task",
    &[read("commandLine"), read("taskType"), meaningless("executionContext", NO_RIGHTS)],
    &[once(&ENVIRONMENT)],
);
static ENVIRONMENT: ElementRule = element("Environment", &[], &[often(&VARIABLE)]);
static VARIABLE: ElementRule =
    element("Variable", &[read("name"), read("value")], &[once(&ROLE_INSTANCE_VALUE)]);
static ROLE_INSTANCE_VALUE: ElementRule = element("RoleInstanceValue", &[read("xpath")], &[]);

static CONTENT_LIST: ElementRule = element("Contents", &[], &[often(&CONTENT)]);
static CONTENT: ElementRule = element("Content", &[read("destination")], &[once(&SOURCE_DIRECTORY)]);
static SOURCE_DIRECTORY: ElementRule = element("SourceDirectory", &[read("path")], &[]);

static CERTIFICATE_LIST: ElementRule = element("Certificates", &[], &[often(&CERTIFICATE)]);
static CERTIFICATE: ElementRule = element(
    "Certificate",
    &[read("name"), read("storeLocation"), read("storeName"), read("permissionLevel")],
    &[],
);

static IMPORTS: ElementRule = element("Imports", &[], &[often(&IMPORT)]);
static IMPORT: ElementRule = element("Import", &[read("moduleName")], &[]);

static LOCAL_RESOURCES: ElementRule = element("LocalResources", &[], &[often(&LOCAL_STORAGE)]);
static LOCAL_STORAGE: ElementRule =
    element("LocalStorage", &[read("name"), read("sizeInMB"), read("cleanOnRoleRecycle")], &[]);

static CONFIGURATION_SETTINGS: ElementRule = element("ConfigurationSettings", &[], &[often(&SETTING)]);
static SETTING: ElementRule = element("Setting", &[read("name")], &[]);

static ENDPOINTS: ElementRule = element(
    "Endpoints",
    &[],
    &[often(&INPUT_ENDPOINT), often(&INTERNAL_ENDPOINT), often(&INSTANCE_INPUT_ENDPOINT)],
);
static LEGACY_INPUT_ENDPOINTS: ElementRule = element("InputEndpoints", &[], &[often(&INPUT_ENDPOINT)]);

static INPUT_ENDPOINT: ElementRule = element(
    "InputEndpoint",
    &[
        read("name"),
        read("protocol"),
        read("port"),
        read("localPort"),
        read("certificate"),
        read("ignoreRoleInstanceStatus"),
        read("loadBalancerProbe"),
        later("loadBalancer", "there are no internal load balancers"),
        read("idleTimeoutInMinutes"),
        read("loadBalancerDistribution"),
    ],
    &[],
);
static INTERNAL_ENDPOINT: ElementRule = element(
    "InternalEndpoint",
    &[read("name"), read("protocol"), read("port")],
    &[often(&FIXED_PORT), often(&FIXED_PORT_RANGE)],
);
static INSTANCE_INPUT_ENDPOINT: ElementRule = element(
    "InstanceInputEndpoint",
    &[read("name"), read("protocol"), read("localPort"), read("idleTimeoutInMinutes")],
    &[once(&ALLOCATE_PUBLIC_PORT_FROM)],
);
static ALLOCATE_PUBLIC_PORT_FROM: ElementRule =
    element("AllocatePublicPortFrom", &[], &[once(&FIXED_PORT_RANGE)]);
static FIXED_PORT: ElementRule = element("FixedPort", &[read("port")], &[]);
static FIXED_PORT_RANGE: ElementRule = element("FixedPortRange", &[read("min"), read("max")], &[]);

static SITES: ElementRule = element("Sites", &[], &[often(&SITE)]);
static SITE: ElementRule = element(
    "Site",
    &[read("name"), read("physicalDirectory")],
    &[often(&VIRTUAL_DIRECTORY), often(&VIRTUAL_APPLICATION), once(&BINDINGS)],
);
static VIRTUAL_DIRECTORY: ElementRule = element("VirtualDirectory", PATH_ATTRIBUTES, &PATH_CHILDREN);
static VIRTUAL_APPLICATION: ElementRule = element("VirtualApplication", PATH_ATTRIBUTES, &PATH_CHILDREN);
const PATH_ATTRIBUTES: &[super::AttributeRule] = &[read("name"), read("physicalDirectory")];
static PATH_CHILDREN: [ChildRule; 2] = [often(&VIRTUAL_DIRECTORY), often(&VIRTUAL_APPLICATION)];

static BINDINGS: ElementRule = element("Bindings", &[], &[often(&BINDING)]);
static BINDING: ElementRule =
    element("Binding", &[read("name"), read("endpointName"), read("hostHeader")], &[]);

static RUNTIME: ElementRule = element(
    "Runtime",
    &[meaningless("executionContext", NO_RIGHTS)],
    &[once(&ENVIRONMENT), once(&ENTRY_POINT)],
);
const NO_RIGHTS: &str = "there are no rights to elevate in the sandbox";
static ENTRY_POINT: ElementRule =
    element("EntryPoint", &[], &[once(&PROGRAM_ENTRY_POINT), once(&NET_FX_ENTRY_POINT)]);
static PROGRAM_ENTRY_POINT: ElementRule =
    element("ProgramEntryPoint", &[read("commandLine"), read("setReadyOnProcessStart")], &[]);
static NET_FX_ENTRY_POINT: ElementRule = element(
    "NetFxEntryPoint",
    &[read("assemblyName"), meaningless("targetFrameworkVersion", "a component brings its own runtime")],
    &[],
);

static NETWORK_TRAFFIC_RULES: ElementRule =
    element("NetworkTrafficRules", &[], &[often(&ONLY_ALLOW_TRAFFIC_TO)]);
static ONLY_ALLOW_TRAFFIC_TO: ElementRule =
    element("OnlyAllowTrafficTo", &[], &[once(&DESTINATIONS), once(&ALLOW_ALL_TRAFFIC), once(&WHEN_SOURCE)]);
static DESTINATIONS: ElementRule = element("Destinations", &[], &[often(&ROLE_ENDPOINT)]);
static ROLE_ENDPOINT: ElementRule = element("RoleEndpoint", &[read("roleName"), read("endpointName")], &[]);
static ALLOW_ALL_TRAFFIC: ElementRule = element("AllowAllTraffic", &[], &[]);
static WHEN_SOURCE: ElementRule = element("WhenSource", &[read("matches")], &[often(&FROM_ROLE)]);
static FROM_ROLE: ElementRule = element("FromRole", &[read("roleName")], &[]);
