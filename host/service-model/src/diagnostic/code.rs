//! The codes: one variant for each thing that can be wrong with a definition or a configuration.

use std::fmt;

use super::Severity;

macro_rules! codes {
    ($($(#[doc = $line:literal])+ $name:ident = $text:literal, $usual:ident, $strict:ident;)*) => {
        /// What a diagnostic is about. The letter is the usual severity: error, warning or note; a strict reading
        /// may raise the severity, the code stays.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $line])+ $name,)* }

        impl Code {
            /// Every code, in the order of their numbers: errors, warnings, notes.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The code as it is printed, e.g. `E0012`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// Its severity under a usual or a strict reading.
            pub fn severity(self, strict: bool) -> Severity {
                match self {
                    $(Code::$name => if strict { Severity::$strict } else { Severity::$usual },)*
                }
            }

            /// What it means and what to do, in a few sentences.
            pub fn explanation(self) -> &'static str {
                match self { $(Code::$name => concat!($($line, "\n"),+).trim_ascii(),)* }
            }
        }
    };
}

codes! {
    /// The text is not well-formed XML. Nothing else can be said about the file until this is repaired, so it is
    /// the only report about it.
    MalformedXml = "E0001", Error, Error;
    /// The root element is not the one that this kind of file starts with, or it lacks the namespace of the
    /// Azure schemas.
    WrongRoot = "E0002", Error, Error;
    /// An element lacks an attribute that it needs.
    MissingAttribute = "E0003", Error, Error;
    /// An attribute's value is not one that it can have: no number, no port, no word of its list.
    InvalidValue = "E0004", Error, Error;
    /// A text is no name. Names start with a letter from A to Z or `_`, have none of `\ / : * ? " < > | ' ^` and
    /// the backtick, and do not end in a dot or white space. In names of sites and virtual directories `*` is allowed
    /// and `; @ & = + $ ,` are not. Names of environment variables have up to 256 characters, none of them `=`.
    InvalidName = "E0005", Error, Error;
    /// An element lacks a child element that it needs.
    MissingElement = "E0006", Error, Error;
    /// An element stands twice where it may stand once.
    RepeatedElement = "E0007", Error, Error;
    /// Two roles of one file have the same name (ASCII case does not count, since roles are looked up as host
    /// names), or a role is called like an instance of another one.
    DuplicateRole = "E0008", Error, Error;
    /// Two endpoints of one role have the same name.
    DuplicateEndpoint = "E0009", Error, Error;
    /// A role declares or sets one setting twice.
    DuplicateSetting = "E0010", Error, Error;
    /// Two local stores of one role have the same name.
    DuplicateLocalResource = "E0011", Error, Error;
    /// Two endpoints claim one public port for the same transport. All roles of a service share its address.
    PublicPortTaken = "E0012", Error, Error;
    /// A traffic rule names a role that the definition does not have.
    UnknownRole = "E0013", Error, Error;
    /// A traffic rule, a site's binding, the xpath of a `RoleInstanceValue` or an `EndpointAcl` of the configuration
    /// names an endpoint that the role does not have.
    UnknownEndpoint = "E0014", Error, Error;
    /// A traffic rule names an input endpoint. Traffic rules are about internal endpoints only; an input endpoint
    /// is open to everyone.
    NotInternal = "E0015", Error, Error;
    /// A web role has no input endpoint with the protocol `http` or `https`.
    NoHttpEndpoint = "E0016", Error, Error;
    /// The definition has no role.
    NoRoles = "E0017", Error, Error;
    /// A documented limit is exceeded: 25 roles, 25 endpoints of each kind in a service, 5 internal endpoints in a
    /// role, 199 certificates, 50 rules in an access list, 20 upgrade domains. `--limits warn` makes it a warning.
    LimitExceeded = "E0018", Error, Error;
    /// Two forms that exclude each other stand together, such as `port` and `FixedPort`.
    ConflictingForms = "E0019", Error, Error;
    /// The public port range of an instance input endpoint is shorter than the number of instances.
    RangeTooShort = "E0020", Error, Error;
    /// `VirtualMachineRole` needs a disk image of a whole machine, which a component cannot replace.
    VirtualMachineRole = "E0021", Error, Error;
    /// `serviceName` of the configuration is not the name of the definition.
    ServiceNameMismatch = "E0022", Error, Error;
    /// The configuration has a role that the definition lacks, or its network is about one.
    UnknownConfiguredRole = "E0023", Error, Error;
    /// The configuration says nothing about a role of the definition, so its instance count is unknown.
    RoleNotConfigured = "E0024", Error, Error;
    /// A setting that the definition declares has no value in the configuration.
    SettingWithoutValue = "E0025", Error, Error;
    /// The xpath of a `RoleInstanceValue` is none of the paths to a value of an instance. There are thirteen: the id
    /// of the deployment and whether it is emulated; the id, the role's name, the upgrade domain and the fault domain
    /// of the instance; the value of a setting; the path and the size of a local store; the protocol, the address,
    /// the port and the public port of an endpoint.
    UnknownXPath = "E0026", Error, Error;
    /// A `RoleInstanceValue` asks for a setting or a local store that the role does not have, or for the public port
    /// of an internal endpoint, which has none.
    UnknownInstanceItem = "E0027", Error, Error;
    /// Two sites of one role have the same name, or two virtual directories or applications of one parent have. ASCII
    /// case does not count.
    DuplicateSite = "E0028", Error, Error;
    /// Two bindings of one role claim the same endpoint for the same host, so nobody can say which site a request is
    /// for. A binding without `hostHeader` claims every host that no other binding names.
    BindingTaken = "E0029", Error, Error;
    /// Two probes of the load balancer have the same name.
    DuplicateProbe = "E0030", Error, Error;
    /// An input endpoint names a probe of the load balancer that the definition does not have.
    UnknownProbe = "E0031", Error, Error;
    /// The path of an overlay (`--set`, `--setting`) leads to nothing that it could change: a role, an element or an
    /// attribute that is not there, one of several without saying which, or a name.
    OverlayWithoutTarget = "E0032", Error, Error;
    /// A role declares two certificates of the same name, or the configuration gives one a thumbprint twice.
    DuplicateCertificate = "E0033", Error, Error;
    /// An input endpoint names a certificate that its role does not have. Declare it in the role's `Certificates`.
    UnknownCertificate = "E0034", Error, Error;
    /// The configuration does not say which certificate one of the role's certificates is: it has no thumbprint for
    /// it.
    CertificateWithoutThumbprint = "E0035", Error, Error;
    /// Two things of the configuration's network exclude each other: name servers, access lists or balancers of the
    /// same name, rules of one list with the same `order`, or two entries for one role or endpoint.
    DuplicateNetworkItem = "E0036", Error, Error;
    /// An endpoint names a balancer, or an `EndpointAcl` an access list, that the configuration does not have.
    UnknownNetworkItem = "E0037", Error, Error;
    /// An `EndpointAcl` names an internal endpoint. Access lists are about endpoints that are open to the outside;
    /// who may reach an internal endpoint is for the definition's traffic rules to say.
    NotPublic = "E0038", Error, Error;
    /// The configuration reserves an address for a service that no endpoint opens to the outside, so that nothing
    /// could ever be reached on it.
    ReservedIpWithoutEndpoint = "E0039", Error, Error;

    /// The element or attribute is understood, but this version of wasm-roles does not act on it yet.
    NoEffect = "W0001", Warning, Warning;
    /// The element or attribute is in no schema. It may be mistyped, or come from a later version of the platform.
    /// A strict reading refuses it.
    UnknownItem = "W0002", Warning, Error;
    /// A port range has its higher end first. The ends are swapped; a strict reading refuses it.
    ReversedRange = "W0004", Warning, Error;
    /// A rule has `AllowAllTraffic` and `WhenSource`, which the schema forbids. `WhenSource` wins, because only so
    /// the documentation's own scenarios mean what they say; a strict reading refuses it.
    AllowAllBesideWhenSource = "W0005", Warning, Error;
    /// The definition has several `NetworkTrafficRules`, where the schema has one. Their rules are taken together;
    /// a strict reading refuses it.
    SeveralRuleBlocks = "W0006", Warning, Error;
    /// The configuration sets a setting that the definition does not declare. The role can read it all the same; a
    /// strict reading refuses it.
    UndeclaredSetting = "W0007", Warning, Error;
    /// The machine size is not in the table. The limits of Small are used; a strict reading refuses it.
    UnknownVmSize = "W0008", Warning, Error;
    /// Text stands where only elements belong. It is left out; a strict reading refuses it.
    StrayText = "W0009", Warning, Error;
    /// `WhenSource` names no role, so nobody can reach the rule's destinations.
    NobodyAdmitted = "W0010", Warning, Warning;
    /// Two variables of one environment have the same name. The last one counts; a strict reading refuses it.
    VariableSetTwice = "W0011", Warning, Error;
    /// The role imports a module that is not in the table of known ones, so nobody knows what it adds. Settings that
    /// the configuration gives to it are taken; a strict reading refuses it.
    UnknownModule = "W0012", Warning, Error;
    /// A module that the role imports has a setting or a certificate that the configuration says nothing about. Its
    /// programs are not run here, so the setting is empty and nobody misses the certificate; a strict reading refuses
    /// it.
    ModuleNotConfigured = "W0013", Warning, Error;
    /// A thumbprint has not the 40 digits of a SHA-1 digest; in templates it is often empty. It is left out; a strict
    /// reading refuses it.
    IncompleteThumbprint = "W0014", Warning, Error;
    /// The configuration has a thumbprint for a certificate that the role does not have. It is left out; a strict
    /// reading refuses it.
    UndeclaredCertificate = "W0015", Warning, Error;

    /// There is no configuration: every role gets one instance and its settings are empty. A strict reading
    /// refuses it.
    NoConfiguration = "N0001", Note, Error;
    /// A form of an older version of the platform, or another order of elements than the schema has. It is
    /// accepted; a strict reading warns.
    LegacyForm = "N0002", Note, Warning;
    /// A word in another spelling than the schema has, e.g. `TCP` for `tcp`. It is accepted; a strict reading
    /// warns.
    OtherSpelling = "N0003", Note, Warning;
    /// The attribute speaks about something that components do not have, such as a guest operating system.
    NoMeaningHere = "N0004", Note, Note;
    /// The element or attribute belongs to another namespace than the Azure schemas and is not read.
    ForeignNamespace = "N0005", Note, Note;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes that earlier versions printed. Nothing else is ever called so.
    const RETIRED: [&str; 1] = ["W0003"];

    #[test]
    fn numbers_are_dense_but_for_the_retired_and_the_letter_is_the_usual_severity() {
        let mut counts = [0_u32; 3];
        for code in Code::ALL {
            let (count, letter) = match code.severity(false) {
                Severity::Error => (&mut counts[0], 'E'),
                Severity::Warning => (&mut counts[1], 'W'),
                Severity::Note => (&mut counts[2], 'N'),
            };
            *count += 1;
            if RETIRED.contains(&format!("{letter}{count:04}").as_str()) {
                *count += 1;
            }
            assert_eq!(code.as_str(), format!("{letter}{count:04}"));
        }
    }

    #[test]
    fn a_strict_reading_never_lowers_a_severity() {
        for code in Code::ALL {
            assert!(code.severity(true) >= code.severity(false), "{code}");
        }
    }

    #[test]
    fn every_code_explains_itself_in_sentences() {
        for code in Code::ALL {
            assert!(code.explanation().ends_with('.'), "{code}: {}", code.explanation());
        }
    }
}
