//! The vocabulary of `.cscfg` files (facts: section 6).

use super::{ElementRule, element, later, later_once, meaningless, often, once, read};

pub(crate) static SERVICE_CONFIGURATION: ElementRule = element(
    "ServiceConfiguration",
    &[
        read("serviceName"),
        meaningless("osFamily", "a component runs on no guest operating system"),
        meaningless("osVersion", "a component runs on no guest operating system"),
        // As in the definition.
        read("schemaVersion"),
    ],
    &[
        often(&ROLE),
        later_once("NetworkConfiguration", "every deployment has a private network of its own"),
        later_once("GuestAgentSettings", "there is no guest agent"),
    ],
);

static ROLE: ElementRule = element(
    "Role",
    &[read("name"), later("vmName", "instances are named after their role")],
    &[
        once(&INSTANCES),
        once(&CONFIGURATION_SETTINGS),
        later_once("Certificates", "certificates are not provided to roles"),
        later_once("OsImage", "there are no virtual machine roles"),
    ],
);
static INSTANCES: ElementRule = element("Instances", &[read("count")], &[]);
static CONFIGURATION_SETTINGS: ElementRule = element("ConfigurationSettings", &[], &[often(&SETTING)]);
static SETTING: ElementRule = element("Setting", &[read("name"), read("value")], &[]);
