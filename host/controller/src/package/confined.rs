//! What a definition says about folders of the machine, held inside its package.
//!
//! On one's own machine a definition may name any folder: `physicalDirectory="..\..\site"`, `<SourceDirectory path="/srv/files" />`. On a
//! host it comes from a tenant, and the folder would be the host's. Here everything has to be below the package's `service` folder,
//! where the definition lies. The package has no links, so that the path as it is written says where it leads.

use std::path::Path;

use wasm_roles_control_interface::{Detail, Place};
use wasm_roles_service_plan::{Plan, Span};

/// Every folder that the plan names outside of the package. `definition`: the definition's path in the package.
pub(crate) fn outside(plan: &Plan, definition: &str) -> Vec<Detail> {
    // Names above the definition's folder, without the first: that is the root which must not be left.
    let above = Path::new(definition).components().count().saturating_sub(2);
    let mut found = Vec::new();
    let mut check = |role: &str, what: &str, written: &str, span: &Span| {
        if leads_out(written, above) {
            let message = format!("{what} `{}` leads out of the package", written.escape_debug());
            found.push(Detail {
                subject: Some(role.to_owned()),
                message,
                place: Some(Place { file: span.source.to_string(), line: span.line, column: span.column }),
                hint: Some("name a folder relative to the definition's".to_owned()),
                ..Detail::default()
            });
        }
    };
    for role in &plan.roles {
        for content in &role.contents {
            check(role.name.as_str(), "the source of a content", &content.source_directory, &content.span);
        }
        for site in &role.sites {
            for (_, place) in site.root.all() {
                if let Some(directory) = &place.physical_directory {
                    check(role.name.as_str(), "the directory of a site", directory, &place.span);
                }
            }
        }
    }
    found
}

/// Whether a path, read as the fabric reads it, leaves a folder that is `above` folders over the one where it begins.
fn leads_out(written: &str, above: usize) -> bool {
    let path = written.trim().replace('\\', "/");
    // `C:` is a drive, and `%NAME%` whatever the machine says.
    if path.starts_with('/') || path.contains([':', '%', '\0']) {
        return true;
    }
    let mut depth = above;
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return true,
            },
            _ => depth += 1,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_may_go_up_to_the_root_of_the_package_and_no_further() {
        // service/a/Shop.csdef: one folder above the definition's is the root.
        for inside in ["site", "./site", r"..\site", "../b/../site", "", "..", "a/b/../../.."] {
            assert!(!leads_out(inside, 1), "{inside}");
        }
        for outside in [
            "../..",
            "../../site",
            r"..\..\etc",
            "a/../../../x",
            "/etc",
            r"\\server\share",
            r"C:\x",
            "%HOME%",
            " /etc",
        ] {
            assert!(leads_out(outside, 1), "{outside}");
        }
    }

    #[test]
    fn a_way_out_and_back_is_a_way_out() {
        assert!(leads_out("../service/site", 0));
    }
}
