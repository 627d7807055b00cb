//! What a service is read from: its definition, a configuration, and single values put over both.

use std::collections::BTreeMap;

use wasm_roles_control_interface::package::{DeployOptions, OverlayOption, PlatformLimits};
use wasm_roles_control_interface::{Detail, Place, Refusal, RefusalCode};
use wasm_roles_service_model::{
    Diagnostic, LimitsMode, Options, Overlay, ServiceModel, Severity, Source, load_with,
};
use wasm_roles_service_plan::{LimitOverride, Placement, Plan, PlanError, plan, plan_after, plan_placed};

use crate::package::{Package, confined, refused_files};
use crate::record::{Configuration, Target};

/// Diagnostics of a request that are told one by one: each is a line for people, and a file can have a hundred thousand errors.
const TOLD: usize = 100;

/// What a service is read from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The service definition.
    pub definition: Source,
    /// The configuration that came with it; none: the definition's defaults.
    pub configuration: Option<Source>,
    /// Single values put over what the two say.
    pub overlays: Vec<Overlay>,
    /// How strictly they are read.
    pub options: Options,
    /// Limits put over those of the machine sizes.
    pub limits: Vec<LimitOverride>,
    /// The path of the definition in its package. None: it may name any folder of the machine, because whoever wrote it owns that.
    pub confined_to: Option<String>,
}

impl Sources {
    /// Those of a package. It blocks.
    pub(crate) fn of(package: &Package) -> Result<Self, Refusal> {
        let manifest = package.manifest();
        let DeployOptions { strict, limits, overlays, resource_limits, .. } = &manifest.options;
        let wrong = |what: &str, text: &str, error: &dyn std::fmt::Display| {
            let message = format!("the {what} `{}` cannot be used: {error}", text.escape_debug());
            Refusal::new(RefusalCode::BadRequest, message)
                .hint("write it as for `wasm-roles deploy`, or leave it out of the package's options")
        };
        let overlays = overlays.iter().map(|overlay| match overlay {
            OverlayOption::Set(text) => Overlay::set(text).map_err(|error| wrong("overlay", text, &error)),
            OverlayOption::Setting(text) => {
                Overlay::setting(text).map_err(|error| wrong("overlay", text, &error))
            }
        });
        let overridden =
            resource_limits.iter().map(|text| text.parse().map_err(|error| wrong("limit", text, &error)));
        let limits = match limits {
            PlatformLimits::Enforce => LimitsMode::Enforce,
            PlatformLimits::Warn => LimitsMode::Warn,
        };
        Ok(Self {
            definition: package.definition()?,
            configuration: package.configuration()?,
            overlays: overlays.collect::<Result<_, _>>()?,
            options: Options { strict: *strict, limits },
            limits: overridden.collect::<Result<_, _>>()?,
            confined_to: Some(manifest.definition.clone()),
        })
    }

    /// The service with this configuration, or with its own, and with these instance counts.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::BadConfiguration`] with every diagnostic that is an error.
    pub(crate) fn model(
        &self,
        configuration: Option<&Configuration>,
        counts: &BTreeMap<String, u32>,
    ) -> Result<(ServiceModel, Vec<Detail>), Refusal> {
        let given = configuration.map(|given| Source { name: given.name.clone(), text: given.text.clone() });
        let configuration = given.as_ref().or(self.configuration.as_ref());
        let mut overlays = self.overlays.clone();
        for (role, count) in counts {
            let overlay = Overlay::set(&format!("{role}/Instances/@count={count}"));
            overlays.push(overlay.map_err(|error| no_count(role, &error.to_string()))?);
        }
        let outcome = load_with(&self.definition, configuration, &overlays, &self.options);
        let details = outcome.diagnostics.iter();
        match outcome.model {
            Some(model) => {
                let warnings = details.filter(|diagnostic| diagnostic.severity == Severity::Warning);
                Ok((model, warnings.take(TOLD).map(detail).collect()))
            }
            None => {
                let name = configuration.map_or(&self.definition.name, |source| &source.name);
                let errors = details.filter(|diagnostic| diagnostic.severity == Severity::Error);
                Err(with_errors(name, &errors.collect::<Vec<_>>(), outcome.left_out > 0))
            }
        }
    }

    /// The plan of a new deployment.
    pub(crate) fn plan(&self, model: &ServiceModel) -> Result<Plan, Refusal> {
        self.finish(plan(model).map_err(no_plan)?)
    }

    /// The plan of what follows one that runs.
    pub(crate) fn plan_after(&self, running: &Plan, model: &ServiceModel) -> Result<Plan, Refusal> {
        self.finish(plan_after(running, model).map_err(no_plan)?)
    }

    /// The plan of what was there before the host was started.
    pub(crate) fn plan_placed(&self, model: &ServiceModel, placement: &Placement) -> Result<Plan, Refusal> {
        self.finish(plan_placed(model, placement).map_err(no_plan)?)
    }

    /// The plan of a target that is on the disk.
    pub(crate) fn plan_of(&self, target: &Target) -> Result<Plan, Refusal> {
        let (model, _) = self.model(target.configuration.as_ref(), &target.counts)?;
        self.plan_placed(&model, &target.placement)
    }

    /// The last of every plan: its limits, and whether it stays inside its package.
    pub(crate) fn finish(&self, plan: Plan) -> Result<Plan, Refusal> {
        let plan = plan.with_limits(&self.limits).map_err(|error| {
            Refusal::new(RefusalCode::BadConfiguration, error.to_string())
                .hint("change the limit in the options, or leave it out; nothing was changed")
        })?;
        let outside = self.confined_to.as_ref().map(|definition| confined::outside(&plan, definition));
        match outside {
            Some(outside) if !outside.is_empty() => {
                let message = format!("{} names folders outside of its package", self.definition.name);
                Err(refused_files(message, outside))
            }
            _ => Ok(plan),
        }
    }
}

/// Why there is no model. `more`: there are errors that nobody has counted.
fn with_errors(name: &str, errors: &[&Diagnostic], more: bool) -> Refusal {
    let count = errors.len();
    let (at_least, s) = (if more { "at least " } else { "" }, if count == 1 { "" } else { "s" });
    let message = format!("{name} and its definition have {at_least}{count} error{s}; nothing was changed");
    let refusal = Refusal::new(RefusalCode::BadConfiguration, message)
        .details(errors.iter().take(TOLD).map(|diagnostic| detail(diagnostic)));
    match count.checked_sub(TOLD) {
        Some(more @ 1..) => refusal.hint(format!("mend these first: {more} more are not told here")),
        _ => refusal,
    }
}

fn no_count(role: &str, error: &str) -> Refusal {
    let message = format!("the instance count of role {} cannot be set: {error}", role.escape_debug());
    Refusal::new(RefusalCode::BadRequest, message).hint("name a role of the definition, and a whole number")
}

pub(crate) fn no_plan(error: PlanError) -> Refusal {
    Refusal::new(RefusalCode::BadConfiguration, format!("the service cannot be planned: {error}"))
        .hint("change the definition, the configuration or the instance counts; nothing was changed")
}

fn detail(diagnostic: &Diagnostic) -> Detail {
    Detail {
        code: Some(diagnostic.code.to_string()),
        message: diagnostic.message.clone(),
        place: diagnostic.span.as_ref().map(|span| Place {
            file: span.source.to_string(),
            line: span.line,
            column: span.column,
        }),
        hint: diagnostic.help.clone(),
        ..Detail::default()
    }
}
