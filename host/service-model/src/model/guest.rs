//! What the configuration says about the machines that instances ran on.

/// The guest operating system and its agent. Kept for those who read the model; nothing here acts on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuestSettings {
    /// `osFamily`, a number from 1 in all real files. Default: `1`.
    pub os_family: String,
    /// `osVersion`: a release of the system, or `*` for the newest. Default: `*`.
    pub os_version: String,
    /// Whether the rules of the machine's firewall are made anew when a role restarts. Default: true.
    pub cleanup_firewall_on_role_restart: bool,
    /// Whether the memory of a role's program is written to disk when it fails. Default: false.
    pub allow_role_process_local_dumps: bool,
}

impl Default for GuestSettings {
    fn default() -> Self {
        GuestSettings {
            os_family: "1".to_owned(),
            os_version: "*".to_owned(),
            cleanup_firewall_on_role_restart: true,
            allow_role_process_local_dumps: false,
        }
    }
}
