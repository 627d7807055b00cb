//! What the interface says when it does not do what it was asked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something was refused, or an operation has failed. Nothing was changed unless the message says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// What, where and why: one sentence for people, without a full stop.
    pub message: String,
    /// What can be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Every single thing that is wrong, when there can be several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

impl Refusal {
    /// A refusal without hint and details.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, details: Vec::new() }
    }

    /// With what can be done about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With every single thing that is wrong.
    #[must_use]
    pub fn details(mut self, details: impl IntoIterator<Item = Detail>) -> Self {
        self.details.extend(details);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// One thing of several that are wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// The code of a diagnostic, such as `E0012`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it is about: a role, an instance, an endpoint, a port, a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What is wrong with it.
    pub message: String,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What runs has this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// It was asked for this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// What can be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Detail {
    /// A detail that is only a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// With what it is about.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// With what can be done about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what is there and what was asked for.
    #[must_use]
    pub fn instead_of(mut self, old: impl Into<String>, new: impl Into<String>) -> Self {
        (self.old, self.new) = (Some(old.into()), Some(new.into()));
        self
    }
}

/// A place in a file of a package. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file, by its name in the package.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// Declares the codes, their names on the wire, their HTTP status, and when they are used.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $code:ident = $name:literal, $status:literal;)+) => {
        /// Why something was refused. The name and the HTTP status of each are part of the interface.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum RefusalCode {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $code,)+
        }

        impl RefusalCode {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            /// Its name on the wire, such as `not-found`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)+ }
            }

            /// The HTTP status of an answer with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$code => $status,)+ }
            }
        }
    };
}

codes! {
    /// The request cannot be understood: its JSON, its query, a name in it.
    BadRequest = "bad-request", 400;
    /// There is no token, or nobody has it.
    NotAuthorized = "not-authorized", 401;
    /// Whoever asks may not do this, for example act for another tenant.
    Forbidden = "forbidden", 403;
    /// A cap of the tenant would be exceeded: instances, memory, public ports, services, storage of packages.
    OverCap = "over-cap", 403;
    /// There is no such path, service, deployment, role, instance or operation for this tenant.
    NotFound = "not-found", 404;
    /// The path has other methods.
    MethodNotAllowed = "method-not-allowed", 405;
    /// The request did not arrive in time.
    Timeout = "time-out", 408;
    /// The slot has a deployment already.
    AlreadyExists = "already-exists", 409;
    /// Another operation of the deployment runs. The message says which one.
    OperationRunning = "operation-running", 409;
    /// The deployment is not in a state for it: a walk where none waits, a roll-back with nothing to go back to, a start of
    /// what runs.
    WrongState = "wrong-state", 409;
    /// A public port cannot be opened, mostly because something else listens there.
    PortTaken = "port-taken", 409;
    /// The public endpoints of two slots differ, so that they cannot be swapped. Details name each difference.
    EndpointsDiffer = "endpoints-differ", 409;
    /// The body is larger than the host takes.
    TooLarge = "too-large", 413;
    /// The body is not of the kind that the path takes.
    UnsupportedMediaType = "unsupported-media-type", 415;
    /// The package is damaged, or has what no package may have.
    BadPackage = "bad-package", 422;
    /// The definition or the configuration has errors. Details are its diagnostics.
    BadConfiguration = "bad-configuration", 422;
    /// The new definition cannot be had without a new deployment (facts: section 7.7). Details name each difference.
    NotInPlace = "not-in-place", 422;
    /// The service cannot be started, or the change cannot be made: a component, a certificate, a variable.
    CannotStart = "cannot-start", 422;
    /// Instances did not become Ready in their time, and the upgrade was taken back. Only in operations.
    NotHealthy = "not-healthy", 422;
    /// An operation was ended by another one, or by the end of the host. Only in operations.
    Interrupted = "interrupted", 409;
    /// Too many connections or streams.
    TooMany = "too-many", 429;
    /// Something failed that should not: the disk, the operating system, the host itself.
    Internal = "internal", 500;
    /// This deployment cannot do it, for example one of `run`, which has no package to go back to.
    NotSupported = "not-supported", 501;
    /// The host stops.
    Stopping = "stopping", 503;
    /// The host was started a moment ago and brings back what it had: nothing can be changed yet. What is there can be read.
    Recovering = "recovering", 503;
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_only_what_it_says_on_the_wire() {
        let refusal = Refusal::new(RefusalCode::NotFound, "there is no service shop");
        let written = serde_json::to_string(&refusal).unwrap();
        assert_eq!(written, r#"{"code":"not-found","message":"there is no service shop"}"#);
        assert_eq!(serde_json::from_str::<Refusal>(&written).unwrap(), refusal);
    }

    #[test]
    fn every_code_has_a_name_of_its_own_and_the_status_of_an_error() {
        let mut names: Vec<_> = RefusalCode::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RefusalCode::ALL.len());
        for code in RefusalCode::ALL {
            assert!((400..600).contains(&code.status()), "{code}");
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
        }
    }
}
