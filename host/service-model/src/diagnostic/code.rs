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
    /// the backtick, and do not end in a dot or white space.
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
    /// A traffic rule or a site's binding names an endpoint that the role does not have.
    UnknownEndpoint = "E0014", Error, Error;
    /// A traffic rule names an input endpoint. Traffic rules are about internal endpoints only; an input endpoint
    /// is open to everyone.
    NotInternal = "E0015", Error, Error;
    /// A web role has no input endpoint with the protocol `http` or `https`.
    NoHttpEndpoint = "E0016", Error, Error;
    /// The definition has no role.
    NoRoles = "E0017", Error, Error;
    /// A documented limit is exceeded: 25 roles, 25 endpoints of each kind in a service, 5 internal endpoints in a
    /// role, 20 upgrade domains.
    LimitExceeded = "E0018", Error, Error;
    /// Two forms that exclude each other stand together, such as `port` and `FixedPort`.
    ConflictingForms = "E0019", Error, Error;
    /// The public port range of an instance input endpoint is shorter than the number of instances.
    RangeTooShort = "E0020", Error, Error;
    /// `VirtualMachineRole` needs a disk image of a whole machine, which a component cannot replace.
    VirtualMachineRole = "E0021", Error, Error;
    /// `serviceName` of the configuration is not the name of the definition.
    ServiceNameMismatch = "E0022", Error, Error;
    /// The configuration has a role that the definition lacks.
    UnknownConfiguredRole = "E0023", Error, Error;
    /// The configuration says nothing about a role of the definition, so its instance count is unknown.
    RoleNotConfigured = "E0024", Error, Error;
    /// A setting that the definition declares has no value in the configuration.
    SettingWithoutValue = "E0025", Error, Error;

    /// The element or attribute is understood, but this version of wasm-roles does not act on it yet.
    NoEffect = "W0001", Warning, Warning;
    /// The element or attribute is in no schema. It may be mistyped, or come from a later version of the platform.
    /// A strict reading refuses it.
    UnknownItem = "W0002", Warning, Error;
    /// The endpoint is understood, but this version of wasm-roles does not open it, or opens only its TCP part.
    NotServed = "W0003", Warning, Warning;
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

    #[test]
    fn numbers_are_dense_and_the_letter_is_the_usual_severity() {
        let mut counts = [0_u32; 3];
        for code in Code::ALL {
            let (count, letter) = match code.severity(false) {
                Severity::Error => (&mut counts[0], 'E'),
                Severity::Warning => (&mut counts[1], 'W'),
                Severity::Note => (&mut counts[2], 'N'),
            };
            *count += 1;
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
