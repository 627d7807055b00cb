//! Models as files: a definition and a configuration that say what a model says.
//!
//! Reading the two files again gives the same model, spans aside. They are in the modern form of the schemas, one
//! form for each thing: endpoints and stores stand in their containers, sizes and words have the documented
//! spelling, fixed ports are elements, rules stand in one block. What equals its default is left out, except where
//! people look for it first or where the sources disagree about the default: `vmsize`, `taskType`, `sizeInMB`. What
//! a model does not hold is not written: comments, names of other namespaces, attributes without meaning here.
//!
//! A model that was read from a definition alone comes back from its definition alone. Beside a configuration the
//! definition may be refused then: its endpoints may name balancers, and only a configuration declares those.
//!
//! A setting that only the configuration had is declared when its name can be declared, so that one pair of files
//! explains itself.

mod command_line;
mod configuration;
mod definition;
mod endpoints;
mod network;
mod role;
mod tag;

use crate::ServiceModel;

/// The service definition (`.csdef`) of a model.
///
/// Together with [`write_configuration`] it gives the same model when it is read again, spans aside. The text is the
/// same for equal models and ends in a line end.
pub fn write_definition(model: &ServiceModel) -> String {
    definition::definition(model).into_document()
}

/// The service configuration (`.cscfg`) of a model; see [`write_definition`].
pub fn write_configuration(model: &ServiceModel) -> String {
    configuration::configuration(model).into_document()
}
