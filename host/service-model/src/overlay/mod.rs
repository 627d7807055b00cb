//! Overlays: single values from the command line, put over what the two files say.
//!
//! A definition for production and one for a laptop differ in a few values. Instead of a second copy of the file,
//! each such value is given by its path:
//!
//! ```text
//! --set 'WorkerRole1/@vmsize=Small'
//! --set 'WorkerRole1/Instances/@count=3'
//! --set 'WorkerRole1/Endpoints/InputEndpoint[@name="Http"]/@port=8080'
//! --set '@upgradeDomainCount=3'
//! --setting WorkerRole1.Greeting=hello
//! ```
//!
//! - A path starts with a role's name, or with an element of the root (`LoadBalancerProbes/…`, `NetworkConfiguration/…`);
//!   `@name` alone is an attribute of the root. Names of elements and attributes are those of the Azure schemas.
//! - A step that fits several elements needs `[@attribute="value"]` to say which.
//! - The path decides about the file: what only the configuration can say (`Instances`, values of settings,
//!   thumbprints, `vmName`) goes there, anything else into the definition.
//! - An attribute that is not written is added. An element that is not written is added in the configuration only,
//!   where a path says all of it; in the definition it is an error, since a mistyped name would do nothing in silence.
//! - Without a configuration, one is made that holds the overlaid values; the rest stays as it is without one.
//! - Names are what everything is found by, so `name` itself cannot be set.
//!
//! Overlays are applied to the trees of the two files, in their order, before anything reads them. So each check finds
//! an overlaid value as if it stood in the file, and shows the argument instead of the file's line.

mod apply;
mod locate;
mod parse;
mod refuse;
mod write;

use std::fmt;
use std::ops::Range;

use thiserror::Error;

use crate::Span;

pub(crate) use apply::{Applied, Configuration, Files, apply};

/// One change from the command line, understood as far as its text alone allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    text: String,
    target: Target,
    /// Byte offset where the value starts; it goes on to the end.
    value: usize,
}

/// What an overlay is about; ranges are bytes of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// `--set`: steps from the root, then an attribute.
    Attribute { steps: Vec<Step>, attribute: Range<usize> },
    /// `--setting`: a role and a setting with a dot between them, which only the role's name can tell from other dots.
    Setting(Range<usize>),
}

/// A step of a path: `InputEndpoint[@name="Http"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    name: Range<usize>,
    /// Attribute and value that choose among several.
    filter: Option<(Range<usize>, Range<usize>)>,
}

/// Why a text is no overlay.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OverlayError {
    /// There is no `=` after the path.
    #[error("`{0}` gives no value: write `PATH=VALUE`")]
    NoValue(String),
    /// The path does not end with an attribute.
    #[error("the path `{0}` does not end with an attribute, as in `WorkerRole1/Instances/@count`")]
    NoAttribute(String),
    /// There is nothing between two `/`, or before the first.
    #[error("the path `{0}` has an empty step")]
    EmptyStep(String),
    /// The path has more steps than files have levels.
    #[error("the path has {0} steps, more than a file has levels")]
    TooManySteps(usize),
    /// Something in brackets that is not `[@attribute="value"]`, or text after it.
    #[error("`{0}` chooses no element: write `[@name=\"…\"]` after the element's name")]
    Filter(String),
    /// `--setting` without a dot between role and setting.
    #[error("`{0}` names no setting: write `ROLE.SETTING=VALUE`")]
    NoSetting(String),
    /// The text has a character that XML does not allow, so it cannot stand in either file.
    #[error("the text has the character U+{:04X}, which XML does not allow", u32::from(*.0))]
    Character(char),
}

/// An overlay that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppliedOverlay {
    /// The full path of the value, e.g. `WorkerRole1/ConfigurationSettings/Setting[@name="Greeting"]/@value`.
    pub target: String,
    /// The value now.
    pub value: String,
    /// The value before, when one was written.
    pub was: Option<String>,
    /// The argument as it was typed.
    pub given_as: String,
    /// Where the value before was written: in a file or in an earlier overlay.
    pub replaced: Option<Span>,
}

impl Overlay {
    /// An overlay of one attribute: `WorkerRole1/Instances/@count=3`. The value starts after the first `=` outside of
    /// brackets, and may be empty.
    ///
    /// # Errors
    /// The text has not this form. Whether the path leads to something is seen when it is applied.
    pub fn set(text: &str) -> Result<Overlay, OverlayError> {
        parse::set(text)
    }

    /// An overlay of a setting's value: `WorkerRole1.Greeting=hello`. Roles and settings may have dots in their names;
    /// the longest role name that fits wins.
    ///
    /// # Errors
    /// The text has not this form. Whether there is such a role and setting is seen when it is applied.
    pub fn setting(text: &str) -> Result<Overlay, OverlayError> {
        parse::setting(text)
    }

    /// The name under which diagnostics show the argument: the option that takes it.
    fn source_name(&self) -> &'static str {
        match self.target {
            Target::Attribute { .. } => "--set",
            Target::Setting(_) => "--setting",
        }
    }

    /// The text as one line. Line ends can only be in the value; the columns stay the same.
    fn shown(&self) -> String {
        self.text.replace(['\r', '\n'], " ")
    }

    fn part(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

impl fmt::Display for Overlay {
    /// The argument as it was typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
