//! The service model: what a service definition (`.csdef`) and a service configuration (`.cscfg`) say, checked.
//!
//! [`load`] takes the text of both files and returns a [`ServiceModel`] with everything it has to say about the
//! text as [`Diagnostic`]s. The way through the crate:
//!
//! 1. `xml`: text to a tree of elements that know where they stand.
//! 2. `vocabulary`: the elements and attributes of the Azure schemas as one table. What the table does not know is
//!    reported, and so is what it knows but this version does not act on. Nothing is skipped in silence.
//! 3. `definition` and `configuration`: elements to typed values, names not yet looked up.
//! 4. `resolve`: names looked up, both files compared, limits applied; the result is the [`ServiceModel`].
//!
//! All problems are found in one run: a wrong value is reported and left out, and reading goes on.
//! The crate reads no files, has no clock and starts nothing.
//!
//! ```
//! use wasm_roles_service_model::{Options, Source, load, render};
//!
//! let definition = Source {
//!     name: "ServiceDefinition.csdef".to_owned(),
//!     text: r#"<ServiceDefinition name="Shop"
//!         xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">
//!       <WorkerRole name="Orders" vmsize="Midium" />
//!     </ServiceDefinition>"#
//!         .to_owned(),
//! };
//! let outcome = load(&definition, None, &Options::default());
//! let model = outcome.model.expect("a warning and a note, no error");
//! assert_eq!(model.roles()[0].name.as_str(), "Orders");
//!
//! let text = render(&outcome.diagnostics, &[&definition], false);
//! assert!(text.contains("ServiceDefinition.csdef:3:41"));
//! assert!(text.contains("did you mean `Medium`?"));
//! ```

mod configuration;
mod definition;
mod diagnostic;
mod fields;
mod location;
mod model;
mod nearest;
mod resolve;
mod source;
mod vocabulary;
mod xml;

pub use diagnostic::{Code, Diagnostic, Severity, render};
pub use location::Span;
pub use model::*;
pub use source::{DecodeError, Source};

use diagnostic::Report;

/// How strictly the two files are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Turns every leniency into an error; see [`Code::severity`]. Default: off, because the samples of the
    /// platform's own documentation need some leniency.
    pub strict: bool,
}

/// What came of reading a definition and its configuration.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The model; `None` exactly when there is an error among the diagnostics.
    pub model: Option<ServiceModel>,
    /// Everything there is to say about the two files, in the order of their text, the definition's first.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a service definition and, when there is one, its configuration.
///
/// Without a configuration every role gets one instance and empty settings (facts: cross-file checks).
pub fn load(definition: &Source, configuration: Option<&Source>, options: &Options) -> Outcome {
    let mut report = Report::new(*options);
    let written = definition::read(definition, &mut report);
    let configured = configuration.and_then(|source| configuration::read(source, &mut report));
    // A file that could not be read at all was reported; checking the other one against it would only add noise.
    let complete = configured.is_some() || configuration.is_none();
    let model = match written {
        Some(written) if complete => resolve::resolve(written, configured.as_ref(), definition, &mut report),
        _ => None,
    };
    let diagnostics = report.into_diagnostics(definition, configuration);
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    Outcome { model: model.filter(|_| !failed), diagnostics }
}
