//! The service model: what a service definition (`.csdef`) and a service configuration (`.cscfg`) say, checked.
//!
//! [`load`] takes the text of both files and returns a [`ServiceModel`] with everything it has to say about the
//! text as [`Diagnostic`]s. The way through the crate:
//!
//! 1. `xml`: text to a tree of elements that know where they stand.
//! 2. `overlay`: single values from the command line put into the trees.
//! 3. `vocabulary`: the elements and attributes of the Azure schemas as one table. What the table does not know is
//!    reported, and so is what it knows but this version does not act on. Nothing is skipped in silence.
//! 4. `definition` and `configuration`: elements to typed values, names not yet looked up.
//! 5. `resolve`: names looked up, both files compared, limits applied; the result is the [`ServiceModel`].
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
mod overlay;
mod resolve;
mod source;
mod vocabulary;
mod write;
mod xml;

pub use diagnostic::{Code, Diagnostic, Severity, render};
pub use location::Span;
pub use model::*;
pub use nearest::nearest;
pub use overlay::{AppliedOverlay, Overlay, OverlayError};
pub use source::{DecodeError, Source};
pub use write::{write_configuration, write_definition};

use diagnostic::Report;
use overlay::{Applied, Configuration, Files};

/// How strictly the two files are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Turns every leniency into an error; see [`Code::severity`]. Default: off, because the samples of the
    /// platform's own documentation need some leniency.
    pub strict: bool,
    /// What to do where the service exceeds a documented limit; see [`Code::LimitExceeded`].
    pub limits: LimitsMode,
}

/// What exceeding a documented limit of the platform is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LimitsMode {
    /// An error. The default.
    #[default]
    Enforce,
    /// A warning, also in a strict reading: a laptop has other limits than the platform had.
    Warn,
}

/// What came of reading a definition and its configuration.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The model; `None` exactly when there is an error among the diagnostics.
    pub model: Option<ServiceModel>,
    /// Everything there is to say about the two files, in the order of their text, the definition's first.
    ///
    /// Of each severity the first 20,000 that were found, and those with very long words fewer.
    pub diagnostics: Vec<Diagnostic>,
    /// How many there are besides.
    pub left_out: usize,
    /// The overlays that took effect, in their order.
    pub overlays: Vec<AppliedOverlay>,
    /// The overlays' texts, for [`render`]: sources called `--set` and `--setting` with one line for each.
    pub overlay_sources: Vec<Source>,
}

impl Outcome {
    /// All texts that the diagnostics are about, for [`render`].
    pub fn sources<'a>(
        &'a self,
        definition: &'a Source,
        configuration: Option<&'a Source>,
    ) -> Vec<&'a Source> {
        std::iter::once(definition).chain(configuration).chain(&self.overlay_sources).collect()
    }
}

/// Reads a service definition and, when there is one, its configuration.
///
/// Without a configuration every role gets one instance and empty settings (facts: cross-file checks).
pub fn load(definition: &Source, configuration: Option<&Source>, options: &Options) -> Outcome {
    load_with(definition, configuration, &[], options)
}

/// As [`load`], with single values put over what the files say; see [`Overlay`].
pub fn load_with(
    definition: &Source,
    configuration: Option<&Source>,
    overlays: &[Overlay],
    options: &Options,
) -> Outcome {
    let mut report = Report::new(*options);
    let definition_tree = definition::tree(definition, &mut report);
    let configuration_tree = match configuration.map(|source| configuration::tree(source, &mut report)) {
        None => Configuration::Absent,
        Some(None) => Configuration::Unreadable,
        Some(Some(root)) => Configuration::Given(root),
    };
    let mut applied = Applied::default();
    let mut model = None;
    if let Some(tree) = definition_tree {
        let mut files = Files { definition: tree, configuration: configuration_tree };
        applied = overlay::apply(&mut files, overlays, &mut report);
        let written = definition::read(&files.definition, &mut report);
        let configured =
            files.configuration.root().map(|root| configuration::read(root, configuration, &mut report));
        // A file that could not be read at all was reported; checking the other one against it would only add noise.
        if !matches!(files.configuration, Configuration::Unreadable) {
            model = resolve::resolve(written, configured.as_ref(), definition, &mut report);
        }
    } else if let Configuration::Given(root) = &configuration_tree {
        configuration::read(root, configuration, &mut report);
    }
    let left_out = report.left_out();
    let diagnostics = report.into_diagnostics(definition, configuration);
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    let Applied { overlays, sources: overlay_sources } = applied;
    Outcome { model: model.filter(|_| !failed), diagnostics, left_out, overlays, overlay_sources }
}
