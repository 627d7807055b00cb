//! The table of the module, and what is said.

use super::*;
use crate::certificates::development::wanted;
use crate::test_certificates::{self_signed, write};
use crate::test_plans::plan_of;

/// A role with an https endpoint, its certificate `Tls` and one whose key is for elevated processes.
fn service(configured: &str) -> Plan {
    plan_of(
        r#"<WebRole name="Web">
            <Endpoints><InputEndpoint name="In" protocol="https" port="443" certificate="Tls" /></Endpoints>
            <Certificates>
                <Certificate name="Tls" storeLocation="LocalMachine" storeName="My" />
                <Certificate name="Admin" storeLocation="LocalMachine" storeName="My" permissionLevel="elevated" />
            </Certificates>
        </WebRole>
        <WorkerRole name="Other" />"#,
        &format!(
            r#"<Role name="Web"><Instances count="1" /><Certificates>{configured}</Certificates></Role>
               <Role name="Other"><Instances count="1" /></Role>"#
        ),
    )
}

fn both(tls: &Thumbprint, admin: &Thumbprint) -> String {
    let entry = |name: &str, thumbprint: &str| {
        format!(r#"<Certificate name="{name}" thumbprint="{thumbprint}" thumbprintAlgorithm="sha1" />"#)
    };
    entry("Tls", tls.as_str()) + &entry("Admin", admin.as_str())
}

fn folder(files: &[(&str, &str)]) -> Option<Arc<CertificateFolder>> {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| write(&folder.path().join(name), text));
    Some(Arc::new(CertificateFolder::read(folder.path()).unwrap()))
}

/// What becomes of the service: `sees NAME[+key]`, `ends PORT`, notices and errors.
fn outcome(plan: &Plan, folder: Option<Arc<CertificateFolder>>, tls: Option<Tls>) -> Vec<String> {
    outcome_of(plan, &CertificateOptions { folder, tls, ..CertificateOptions::default() })
}

fn outcome_of(plan: &Plan, options: &CertificateOptions) -> Vec<String> {
    let development = options.development.as_ref();
    let made = development.map(|made| made.provide(&wanted(plan, options)).unwrap()).unwrap_or_default();
    match demand(plan, options, &made) {
        Ok(Demand { seen, ended, notices }) => {
            let seen = seen.iter().flat_map(|(role, seen)| {
                seen.iter().map(move |seen| {
                    let key = if seen.with_key && seen.certificate.has_key() { "+key" } else { "" };
                    format!("{role} sees {}{key}", seen.name)
                })
            });
            let ended =
                ended.iter().map(|ended| format!("ends TLS at {} with {}", ended.public.port, ended.name));
            seen.chain(ended).chain(notices.iter().map(ToString::to_string)).collect()
        }
        Err(errors) => errors.iter().map(|error| format!("error: {error} ({})", error.hint())).collect(),
    }
}

#[test]
fn with_the_certificates_a_role_sees_what_it_declares_and_tls_ends_here() {
    let (tls, admin) = (self_signed("web.example"), self_signed("admin.example"));
    let plan = service(&both(&tls.thumbprint, &admin.thumbprint));
    let all = folder(&[
        ("tls.pem", &(tls.certificate.clone() + &tls.key)),
        ("admin.pem", &(admin.certificate.clone() + &admin.key)),
    ]);
    let seen = ["Web sees Tls+key", "Web sees Admin"].map(str::to_owned);
    let ends = "ends TLS at 443 with Tls".to_owned();
    let ended = [&seen[..], &[ends]].concat();
    assert_eq!(outcome(&plan, all.clone(), None), ended);
    assert_eq!(outcome(&plan, all.clone(), Some(Tls::End)), ended);
    assert_eq!(outcome(&plan, all, Some(Tls::Pass)), seen);
}

#[test]
fn without_a_folder_everything_runs_and_what_is_different_is_said() {
    let tls = self_signed("web.example").thumbprint;
    let plan = service(&both(&tls, &tls));
    let unseen =
        "role Web does not see its certificates (Tls, Admin), since no folder with certificates is named";
    let passed =
        "TLS at public port 443 is passed on to role Web (endpoint In), since its certificate is not there";
    assert_eq!(outcome(&plan, None, None), [unseen, passed]);
    assert_eq!(outcome(&plan, None, Some(Tls::Pass)), [unseen]);
    assert_eq!(
        outcome(&plan, None, Some(Tls::End)),
        [
            "error: public port 443 (https endpoint In of role Web) cannot end TLS: no folder with certificates is \
          named (name the folder with `--certificates DIR`; or let a self-signed one be made with \
          `--dev-certificates`, or let the role end TLS itself with `--tls pass`)"
        ]
    );
}

#[test]
fn a_certificate_that_is_not_in_the_folder_is_an_error_that_names_all_there_is_to_know() {
    let (tls, admin) = (self_signed("web.example"), self_signed("admin.example"));
    let plan = service(&both(&tls.thumbprint, &admin.thumbprint));
    let only_tls = folder(&[("tls.pem", &(tls.certificate.clone() + &tls.key)), ("admin.pfx", "\0")]);
    let place = only_tls.as_ref().unwrap().path().display().to_string();
    for mode in [None, Some(Tls::End), Some(Tls::Pass)] {
        assert_eq!(
            outcome(&plan, only_tls.clone(), mode),
            [format!(
                "error: Svc.csdef:5:17: certificate Admin of role Web is not in {place}: no certificate there has the \
                 thumbprint {} (if it is in {place}/admin.pfx: `openssl pkcs12 -in {place}/admin.pfx -nodes -out \
                 {place}/admin.pem`; otherwise put it there as a PEM file, with its private key, ending in .pem: {place})",
                admin.thumbprint
            )],
            "{mode:?}"
        );
    }
    assert_eq!(outcome(&plan, folder(&[]), None).len(), 2, "one for each, and none for the endpoint");
}

#[test]
fn tls_needs_the_private_key_unless_the_role_ends_it() {
    let tls = self_signed("web.example");
    let plan = service(&both(&tls.thumbprint, &tls.thumbprint));
    let public_half = folder(&[("tls.pem", &tls.certificate)]);
    let said = outcome(&plan, public_half.clone(), None);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains(&format!("the private key of certificate Tls (thumbprint {})", tls.thumbprint)),
        "{said:?}"
    );
    assert_eq!(outcome(&plan, public_half, Some(Tls::Pass)), ["Web sees Tls", "Web sees Admin"]);
}

/// Whatever is missing is made, with its thumbprint as `…`.
fn with_development(plan: &Plan, folder: Option<Arc<CertificateFolder>>, tls: Option<Tls>) -> Vec<String> {
    let now = std::time::SystemTime::UNIX_EPOCH;
    let development = Some(Arc::new(DevelopmentCertificates::new(now)));
    let outcome = outcome_of(plan, &CertificateOptions { folder, tls, development });
    let without_thumbprint = |said: String| match said.split_once("thumbprint ") {
        Some((before, after)) if after.starts_with(|first: char| first.is_ascii_hexdigit()) => {
            format!("{before}thumbprint …{}", after.get(40..).unwrap_or_default())
        }
        _ => said,
    };
    outcome.into_iter().map(without_thumbprint).collect()
}

#[test]
fn for_development_the_certificate_of_an_https_endpoint_is_made_and_no_other_one() {
    let (tls, admin) = (self_signed("web.example"), self_signed("admin.example"));
    let plan = service(&both(&tls.thumbprint, &admin.thumbprint));
    let made = "certificate Tls of role Web is self-signed, with the SHA-1 thumbprint …: clients do not trust it, and \
                this run alone has it; `--dev-certificates-pem FILE` writes it for those who shall";
    let unseen = "role Web does not see its certificates (Admin), since no folder with certificates is named";
    let (sees, ends) = ("Web sees Tls+key", "ends TLS at 443 with Tls");
    for tls in [None, Some(Tls::End)] {
        assert_eq!(with_development(&plan, None, tls), [sees, ends, made, unseen], "{tls:?}");
    }
    assert_eq!(with_development(&plan, None, Some(Tls::Pass)), [sees, made, unseen]);

    let admin_alone = folder(&[("admin.pem", &(admin.certificate.clone() + &admin.key))]);
    assert_eq!(with_development(&plan, admin_alone, None), [sees, "Web sees Admin", ends, made]);
    let all = folder(&[
        ("tls.pem", &(tls.certificate.clone() + &tls.key)),
        ("admin.pem", &(admin.certificate.clone() + &admin.key)),
    ]);
    assert_eq!(with_development(&plan, all, None), [sees, "Web sees Admin", ends], "nothing is missing");

    let tls_alone = folder(&[("tls.pem", &(tls.certificate.clone() + &tls.key))]);
    let said = with_development(&plan, tls_alone, None);
    assert!(said.len() == 1 && said[0].starts_with("error: ") && !said[0].contains("--dev"), "{said:?}");
}

#[test]
fn without_that_the_error_names_the_flag() {
    let print = self_signed("web.example").thumbprint;
    let said = outcome(&service(&both(&print, &print)), folder(&[]), None);
    let names = |said: &String| said.contains("with `--dev-certificates`");
    assert_eq!(said.iter().map(names).collect::<Vec<_>>(), [true, false], "{said:?}");
}
