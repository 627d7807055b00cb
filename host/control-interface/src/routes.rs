//! The paths of the interface, and what each of them is.

use std::borrow::Cow;
use std::fmt;

use crate::names::{NameError, ServiceName, Slot};
use crate::operation::OperationId;
use crate::refusal::{Refusal, RefusalCode};

/// The header that says for which tenant the owner of the socket acts. Without it: [`TenantName::usual`](crate::TenantName::usual).
pub const TENANT_HEADER: &str = "wasm-roles-tenant";

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Begins something.
    Post,
    /// Removes.
    Delete,
}

impl Method {
    /// In capitals, as HTTP has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// What a request can have as its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    Nothing,
    /// A JSON object of this type.
    Json(&'static str),
    /// A package.
    Package,
}

/// What an answer has as its body, if it is no [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A JSON object of this type, status 200.
    Json(&'static str),
    /// An operation that was begun, status 202.
    Begun,
    /// A stream of JSON objects, a line each: [`Streamed`](crate::Streamed) of this type.
    Lines(&'static str),
    /// Text.
    Text,
}

/// Declares the path table.
macro_rules! endpoints {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal, $method:ident $path:literal, $query:expr, $body:expr, $answer:expr;)+) => {
        /// A row of the path table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Endpoint {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Endpoint {
            /// All rows.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name in the description of the interface.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)+ }
            }

            /// Its method.
            #[must_use]
            pub const fn method(self) -> Method {
                match self { $(Self::$name => Method::$method,)+ }
            }

            /// Its path, with `{service}`, `{slot}` and `{operation}` where names stand.
            #[must_use]
            pub const fn template(self) -> &'static str {
                match self { $(Self::$name => $path,)+ }
            }

            /// The type of its query, if it has one.
            #[must_use]
            pub const fn query(self) -> Option<&'static str> {
                match self { $(Self::$name => $query,)+ }
            }

            /// The body of a request.
            #[must_use]
            pub const fn body(self) -> Body {
                match self { $(Self::$name => $body,)+ }
            }

            /// The body of an answer.
            #[must_use]
            pub const fn answer(self) -> Answer {
                match self { $(Self::$name => $answer,)+ }
            }
        }
    };
}

endpoints! {
    /// What the host is.
    Host = "host", Get "/v1/host", None, Body::Nothing, Answer::Json("HostInfo");
    /// All deployments of the tenant.
    Services = "services", Get "/v1/services", None, Body::Nothing, Answer::Json("DeploymentList");
    /// A package becomes a deployment.
    Deploy = "deploy", Post "/v1/services/{service}/{slot}", None, Body::Package, Answer::Begun;
    /// A deployment in full.
    Status = "status", Get "/v1/services/{service}/{slot}", None, Body::Nothing, Answer::Json("DeploymentStatus");
    /// The deployment goes.
    Delete = "delete", Delete "/v1/services/{service}/{slot}", None, Body::Nothing, Answer::Begun;
    /// Another configuration.
    Configuration = "update", Post "/v1/services/{service}/{slot}/configuration", None, Body::Json("UpdateRequest"), Answer::Begun;
    /// Other numbers of instances.
    Scale = "scale", Post "/v1/services/{service}/{slot}/scale", None, Body::Json("ScaleRequest"), Answer::Begun;
    /// Another package.
    Upgrade = "upgrade", Post "/v1/services/{service}/{slot}/upgrade", Some("UpgradeQuery"), Body::Package, Answer::Begun;
    /// The next upgrade domain of a manual upgrade. The answer is the operation of the upgrade.
    Walk = "walk", Post "/v1/services/{service}/{slot}/walk", None, Body::Json("WalkRequest"), Answer::Begun;
    /// Back to what ran before.
    Rollback = "rollback", Post "/v1/services/{service}/{slot}/rollback", None, Body::Nothing, Answer::Begun;
    /// Instances stop and start again.
    Recycle = "recycle", Post "/v1/services/{service}/{slot}/recycle", None, Body::Json("TargetRequest"), Answer::Begun;
    /// Instances stop.
    Stop = "stop", Post "/v1/services/{service}/{slot}/stop", None, Body::Json("TargetRequest"), Answer::Begun;
    /// Stopped instances start.
    Start = "start", Post "/v1/services/{service}/{slot}/start", None, Body::Json("TargetRequest"), Answer::Begun;
    /// The two slots exchange their public addresses.
    Swap = "swap", Post "/v1/services/{service}/swap", None, Body::Nothing, Answer::Begun;
    /// An operation of a service, also of a deployment that is gone.
    Operation = "operation", Get "/v1/services/{service}/operations/{operation}", Some("WaitQuery"), Body::Nothing, Answer::Json("Operation");
    /// What happened.
    Events = "events", Get "/v1/services/{service}/{slot}/events", Some("JournalQuery"), Body::Nothing, Answer::Lines("EventLine");
    /// What the guests wrote.
    Logs = "logs", Get "/v1/services/{service}/{slot}/logs", Some("JournalQuery"), Body::Nothing, Answer::Lines("LogLine");
    /// Who may talk to whom.
    Explain = "explain", Get "/v1/services/{service}/{slot}/explain", Some("ExplainQuery"), Body::Nothing, Answer::Json("Explanation");
    /// What instances use.
    Top = "top", Get "/v1/services/{service}/{slot}/top", None, Body::Nothing, Answer::Json("TopTable");
    /// Metrics in the text format of Prometheus.
    Metrics = "metrics", Get "/metrics", None, Body::Nothing, Answer::Text;
    /// The description of the interface.
    OpenApi = "openapi", Get "/v1/openapi.json", None, Body::Nothing, Answer::Json("OpenApi");
}

/// The names in a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// `{service}`.
    pub service: Option<ServiceName>,
    /// `{slot}`.
    pub slot: Option<Slot>,
    /// `{operation}`.
    pub operation: Option<OperationId>,
}

impl Endpoint {
    /// The endpoint that a request is for, and the names in its path. `path` is without a query.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::NotFound`] for a path that the interface does not have, [`RefusalCode::BadRequest`] for a name that is none,
    /// [`RefusalCode::MethodNotAllowed`] for a path that it has with other methods.
    pub fn find(method: &str, path: &str) -> Result<(Self, Names), Refusal> {
        let mut other_methods = Vec::new();
        let mut wrong_name = None;
        for endpoint in Self::ALL {
            match endpoint.names_in(path) {
                None => {}
                Some(_) if endpoint.method().name() != method => other_methods.push(endpoint.method().name()),
                Some(Ok(names)) => return Ok((*endpoint, names)),
                Some(Err(error)) => wrong_name = Some(error),
            }
        }
        Err(match (wrong_name, other_methods.as_slice()) {
            (Some(error), _) => Refusal::new(RefusalCode::BadRequest, error.to_string()),
            (None, []) => Refusal::new(RefusalCode::NotFound, "the interface has no such path")
                .hint("all paths are in /v1/openapi.json"),
            (None, methods) => {
                let message =
                    format!("this path cannot be asked with this method, but with {}", methods.join(" and "));
                Refusal::new(RefusalCode::MethodNotAllowed, message)
            }
        })
    }

    /// The methods that a path can be asked with.
    pub fn methods_of(path: &str) -> impl Iterator<Item = Method> {
        let those = Self::ALL.iter().filter(move |endpoint| endpoint.names_in(path).is_some());
        those.map(|endpoint| endpoint.method())
    }

    /// The path with names in their places. Names that it does not have are left out.
    #[must_use]
    pub fn path(self, names: &Names) -> String {
        let mut path = String::new();
        for part in self.template().split('/').skip(1) {
            let part: Cow<'_, str> = match part {
                "{service}" => names.service.as_ref().map(ToString::to_string).unwrap_or_default().into(),
                "{slot}" => names.slot.unwrap_or_default().name().into(),
                "{operation}" => names.operation.as_ref().map(ToString::to_string).unwrap_or_default().into(),
                fixed => fixed.into(),
            };
            path.push('/');
            path.push_str(&part);
        }
        path
    }

    /// The names in a path of this form; none: the path has another one.
    fn names_in(self, path: &str) -> Option<Result<Names, NameError>> {
        let (mut names, mut wrong) = (Names::default(), None);
        let (mut template, mut given) = (self.template().split('/'), path.split('/'));
        loop {
            let (part, given) = match (template.next(), given.next()) {
                (None, None) => break,
                (Some(part), Some(given)) => (part, given),
                _ => return None,
            };
            let read = match part {
                "{service}" => given.parse().map(|service| names.service = Some(service)),
                // Other words at this place are other paths.
                "{slot}" => given.parse().ok().map(|slot| names.slot = Some(slot)).map(Ok)?,
                "{operation}" => given.parse().map(|operation| names.operation = Some(operation)),
                fixed if fixed == given => Ok(()),
                _ => return None,
            };
            wrong = wrong.or(read.err());
        }
        Some(wrong.map_or(Ok(names), Err))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method().name(), self.template())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(service: &str, slot: Option<Slot>, operation: Option<OperationId>) -> Names {
        Names { service: Some(service.parse().unwrap()), slot, operation }
    }

    #[test]
    fn every_path_is_found_with_its_names() {
        for endpoint in Endpoint::ALL {
            let given = names("My.Shop_1", Some(Slot::Staging), Some(OperationId(7)));
            let path = endpoint.path(&given);
            let (found, names) = Endpoint::find(endpoint.method().name(), &path).unwrap();
            assert_eq!(found, *endpoint, "{path}");
            let has = |name: &str| endpoint.template().contains(name);
            assert_eq!(names.service, given.service.filter(|_| has("{service}")));
            assert_eq!(names.slot, given.slot.filter(|_| has("{slot}")));
            assert_eq!(names.operation, given.operation.filter(|_| has("{operation}")));
        }
    }

    #[test]
    fn what_is_no_path_says_what_is_wrong() {
        let cases = [
            ("GET", "/", RefusalCode::NotFound),
            ("GET", "/v1/services/", RefusalCode::NotFound),
            ("GET", "/v2/host", RefusalCode::NotFound),
            ("GET", "/v1/services/shop/production/", RefusalCode::NotFound),
            ("GET", "/v1/services/shop/test", RefusalCode::NotFound),
            ("GET", "/v1/services/../staging", RefusalCode::BadRequest),
            ("GET", "/v1/services//staging", RefusalCode::BadRequest),
            ("GET", "/v1/services/sh%6fp/staging", RefusalCode::BadRequest),
            ("GET", "/v1/services/shop/operations/x", RefusalCode::BadRequest),
            ("PUT", "/v1/services/shop/staging", RefusalCode::MethodNotAllowed),
            ("GET", "/v1/services/shop/swap", RefusalCode::MethodNotAllowed),
        ];
        for (method, path, code) in cases {
            assert_eq!(Endpoint::find(method, path).unwrap_err().code, code, "{method} {path}");
        }
        let error = Endpoint::find("PUT", "/v1/services/shop/staging").unwrap_err();
        assert!(error.message.contains("POST and GET and DELETE"), "{error}");
    }
}
