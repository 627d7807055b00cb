//! A service as its files and the command line describe it.

use std::io::Write;
use std::path::Path;

use wasm_roles_service_model::{AppliedOverlay, Diagnostic, Outcome, load_with, render};
use wasm_roles_service_plan::{Plan, plan};

use crate::arguments::{ReadingArguments, ServiceArguments};
use crate::failure::Failure;
use crate::service_files::{self, ServiceFiles, definition};
use crate::words;

/// The files of a service, and what came of reading them.
pub struct Reading {
    files: ServiceFiles,
    outcome: Outcome,
}

impl Reading {
    /// Reads the files that the arguments name, with the overlays of the arguments.
    pub fn of(arguments: &ServiceArguments) -> Result<Self, Failure> {
        Self::of_file(&definition(arguments.definition.as_deref())?, &arguments.reading)
    }

    /// As [`Self::of`], for a definition that was found already.
    pub fn of_file(definition: &Path, arguments: &ReadingArguments) -> Result<Self, Failure> {
        let files = service_files::read(definition, arguments.config.as_deref())?;
        let overlays = arguments.overlays.as_slice();
        let outcome =
            load_with(&files.definition, files.configuration.as_ref(), overlays, &arguments.options());
        Ok(Self { files, outcome })
    }

    /// As [`Self::of`], and says on standard error which configuration that is, if nobody named one.
    pub fn telling_configuration(arguments: &ServiceArguments) -> Result<Self, Failure> {
        Self::of_file_telling(&definition(arguments.definition.as_deref())?, &arguments.reading)
    }

    /// The same for a definition that was not named by itself.
    pub fn of_file_telling(definition: &Path, arguments: &ReadingArguments) -> Result<Self, Failure> {
        let reading = Self::of_file(definition, arguments)?;
        if let Some(file) = reading.configuration().filter(|_| reading.files.found) {
            tell(&format!("note: configuration {file}, found beside the definition\n"));
        }
        Ok(reading)
    }

    /// The name of the definition.
    pub fn definition(&self) -> &str {
        &self.files.definition.name
    }

    /// The name of the configuration; none when there is none.
    pub fn configuration(&self) -> Option<&str> {
        self.files.configuration.as_ref().map(|source| source.name.as_str())
    }

    /// Everything that there is to say about the files.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.outcome.diagnostics
    }

    /// The same for people.
    pub fn rendered(&self, colored: bool) -> String {
        let sources = self.outcome.sources(&self.files.definition, self.files.configuration.as_ref());
        render(&self.outcome.diagnostics, &sources, colored)
    }

    /// The overlays that took effect.
    pub fn overlays(&self) -> &[AppliedOverlay] {
        &self.outcome.overlays
    }

    /// The plan of the service; prints everything that there is to say about the files to standard error.
    pub fn plan(&self) -> Result<Plan, Failure> {
        tell(&self.rendered(words::colored_diagnostics()));
        self.quiet_plan()?.ok_or(Failure::already_told())
    }

    /// The plan of the service; none when there are errors in the files.
    pub fn quiet_plan(&self) -> Result<Option<Plan>, Failure> {
        let plan = self.outcome.model.as_ref().map(plan).transpose();
        plan.map_err(|error| Failure::new(format!("{} cannot be planned: {error}", self.definition())))
    }

    pub const fn files(&self) -> &ServiceFiles {
        &self.files
    }

    pub fn into_files(self) -> ServiceFiles {
        self.files
    }
}

fn tell(text: &str) {
    // When standard error is closed, nobody wants to read it.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
