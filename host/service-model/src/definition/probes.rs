//! Probes of the load balancer (facts: section 3).

use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::{self, Located};
use crate::xml::Element;
use crate::{LoadBalancerProbe, ProbeCheck, ProbeName};

/// Seconds between two tries, and seconds without success: the least that is allowed, and the default.
const INTERVAL: Seconds = Seconds { least: 5, default: 15 };
const TIMEOUT: Seconds = Seconds { least: 11, default: 31 };
/// What the schema's `int` holds.
const MOST_SECONDS: u32 = i32::MAX.unsigned_abs();

struct Seconds {
    least: u32,
    default: u32,
}

/// The probes, and whether one of them is missing since something about it is wrong.
pub(super) fn read(root: &Element, report: &mut Report) -> (Vec<LoadBalancerProbe>, bool) {
    let mut names: Vec<Located<ProbeName>> = Vec::new();
    let mut probes = Vec::new();
    let mut incomplete = false;
    for element in root.items("LoadBalancerProbes", "LoadBalancerProbe") {
        let name = fields::name(element, "name", ProbeName::new, report);
        let check = read_check(element, report);
        let port = element.attribute("port").map(|port| fields::port(port, report));
        let interval_seconds = seconds(element, "intervalInSeconds", &INTERVAL, report);
        let timeout_seconds = seconds(element, "timeoutInSeconds", &TIMEOUT, report);
        names.extend(name.clone());
        let (Some(name), Some(check)) = (name, check) else {
            incomplete = true;
            continue;
        };
        probes.push(LoadBalancerProbe {
            name: name.value,
            check,
            port: port.flatten(),
            interval_seconds,
            timeout_seconds,
            span: element.span.clone(),
        });
    }
    let names = names.iter().map(|name| (name.value.as_str(), &name.span));
    fields::reject_duplicates(names, Code::DuplicateProbe, "probe", report);
    (probes, incomplete)
}

fn read_check(element: &Element, report: &mut Report) -> Option<ProbeCheck> {
    let words = [("http", true), ("tcp", false)];
    let is_http = fields::required(element, "protocol", report)
        .and_then(|protocol| fields::word(protocol, &words, report))?;
    if is_http {
        let path = fields::required(element, "path", report)?.value.trim();
        // Real files leave the slash out (facts: open question 26).
        let slash = if path.starts_with('/') { "" } else { "/" };
        return Some(ProbeCheck::Http { path: format!("{slash}{path}") });
    }
    if let Some(path) = element.attribute("path") {
        let message = "a probe for `tcp` has no `path`: it asks for nothing";
        let error = Diagnostic::at(Code::ConflictingForms, &path.name_span, message);
        report.push(error.help("remove the path, or write `protocol=\"http\"`"));
        return None;
    }
    Some(ProbeCheck::Tcp)
}

fn seconds(element: &Element, name: &str, seconds: &Seconds, report: &mut Report) -> u32 {
    let written = element.attribute(name);
    let written = written.and_then(|written| fields::number(written, seconds.least..=MOST_SECONDS, report));
    written.unwrap_or(seconds.default)
}
