//! What a deployment has of certificates while it runs.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use tokio_rustls::TlsAcceptor;
use wasm_roles_role_runtime::Preopen;
use wasm_roles_service_plan::{CertificateName, Plan, PublicPort, RoleName, Thumbprint};

use super::demand::{CertificateError, CertificateNotice, CertificateOptions, Demand, Ended, NoTls, demand};
use super::development::{Made, wanted};
use super::shown::{Edition, Shown};
use crate::tls;

/// The folders that roles see, and what ends TLS. The folders are removed when this is dropped.
#[derive(Default)]
pub(crate) struct Provision {
    shown: Shown,
    /// By role and endpoint.
    acceptors: BTreeMap<(RoleName, String), TlsAcceptor>,
    /// What runs differently, because a certificate is not there.
    notices: Vec<CertificateNotice>,
}

/// A deployment cannot have the certificates that it needs.
pub(crate) enum NotProvided {
    /// They are not there.
    Missing(Vec<CertificateError>),
    /// Their copies cannot be made.
    NotShown(PathBuf, io::Error),
}

impl Provision {
    /// Provides what the plan wants. It blocks, for a few small files.
    ///
    /// # Errors
    ///
    /// See [`NotProvided`].
    pub(crate) fn new(
        plan: &Plan,
        options: &CertificateOptions,
        data_folder: &Path,
        edition: Edition,
    ) -> Result<Self, NotProvided> {
        let made = made(plan, options).map_err(|error| NotProvided::Missing(vec![error]))?;
        let demand = demand(plan, options, &made).map_err(NotProvided::Missing)?;
        let (mut acceptors, mut errors) = (BTreeMap::new(), Vec::new());
        for ended in &demand.ended {
            match acceptor(ended) {
                Ok(acceptor) => {
                    let PublicPort { role, endpoint, .. } = ended.public;
                    acceptors.insert((role.clone(), endpoint.clone()), acceptor);
                }
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(NotProvided::Missing(errors));
        }
        let shown = Shown::new(data_folder, edition, &demand);
        let shown = shown.map_err(|(file, error)| NotProvided::NotShown(file, error))?;
        let Demand { notices, .. } = demand;
        Ok(Self { shown, acceptors, notices })
    }

    /// The certificates that instances of a role see.
    pub(crate) fn preopen(&self, role: &RoleName) -> Option<Preopen> {
        self.shown.preopen(role)
    }

    /// Whether a role's instances that have seen the other one's files, and whose web servers were started with it, can go on with
    /// this one: they see files or see none, and TLS of the same endpoints ends here.
    pub(crate) fn is_as_good(&self, other: &Self, role: &RoleName) -> bool {
        let ended = |provision: &Self| -> Vec<String> {
            let of_role = provision.acceptors.keys().filter(|(owner, _)| owner == role);
            of_role.map(|(_, endpoint)| endpoint.clone()).collect()
        };
        self.preopen(role).is_some() == other.preopen(role).is_some() && ended(self) == ended(other)
    }

    /// What runs differently now and did not before.
    pub(crate) fn notices_beyond<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = &'a CertificateNotice> {
        self.notices.iter().filter(|notice| !before.notices.contains(notice))
    }

    /// The first of these ports whose TLS ends here and did not before, or the other way round.
    pub(crate) fn moves_tls<'a>(&self, before: &Self, ports: &'a [PublicPort]) -> Option<&'a PublicPort> {
        let ends =
            |provision: &Self, port: &PublicPort| provision.acceptor(&port.role, &port.endpoint).is_some();
        ports.iter().find(|port| ends(self, port) != ends(before, port))
    }

    /// What ends TLS of an endpoint; none when it is passed on, or there is none.
    pub(crate) fn acceptor(&self, role: &RoleName, endpoint: &str) -> Option<&TlsAcceptor> {
        self.acceptors.get(&(role.clone(), endpoint.to_owned()))
    }
}

/// Makes what is missing, if that is wanted.
fn made(plan: &Plan, options: &CertificateOptions) -> Result<Made, CertificateError> {
    let Some(development) = &options.development else { return Ok(Made::new()) };
    development.provide(&wanted(plan, options)).map_err(|(wanted, reason)| {
        let (port, role, certificate) = (wanted.port, wanted.role, wanted.name);
        CertificateError::NotMade { port, role, certificate, reason }
    })
}

/// What ends TLS of an endpoint: its own certificate, and for hosts of its sites those that cover them better.
fn acceptor(ended: &Ended<'_>) -> Result<TlsAcceptor, CertificateError> {
    let unusable = |name: &CertificateName, thumbprint: &Thumbprint, error: &rustls::Error| {
        let reason = NoTls::Unusable(name.clone(), thumbprint.clone(), error.to_string());
        let PublicPort { port, role, endpoint, .. } = ended.public;
        CertificateError::CannotEndTls { port: *port, role: role.clone(), endpoint: endpoint.clone(), reason }
    };
    let own =
        tls::shown(ended.certificate).map_err(|error| unusable(ended.name, ended.thumbprint, &error))?;
    let others: Vec<Vec<String>> =
        ended.others.iter().map(|(_, _, certificate)| certificate.host_names()).collect();
    let hosts = ended.hosts.iter().map(String::as_str);
    let mut by_host = BTreeMap::new();
    for (host, place) in tls::others_shown(hosts, &ended.certificate.host_names(), &others) {
        if let Some((name, thumbprint, certificate)) = ended.others.get(place) {
            let other = tls::shown(certificate).map_err(|error| unusable(name, thumbprint, &error))?;
            by_host.insert(host, other);
        }
    }
    tls::acceptor(own, by_host).map_err(|error| unusable(ended.name, ended.thumbprint, &error))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::super::{CertificateFolder, GUEST_CERTIFICATES};
    use super::*;
    use crate::test_certificates::{SelfSigned, self_signed, write};
    use crate::test_plans::plan_of;

    fn service(tls: &SelfSigned, admin: &SelfSigned) -> Plan {
        plan_of(
            r#"<WebRole name="Web">
                <Endpoints><InputEndpoint name="In" protocol="https" port="443" certificate="Tls" /></Endpoints>
                <Certificates>
                    <Certificate name="Tls" storeLocation="LocalMachine" storeName="My" />
                    <Certificate name="Admin" storeLocation="LocalMachine" storeName="My" permissionLevel="elevated" />
                </Certificates>
            </WebRole><WorkerRole name="Other" />"#,
            &format!(
                r#"<Role name="Web"><Instances count="1" /><Certificates>
                    <Certificate name="Tls" thumbprint="{}" thumbprintAlgorithm="sha1" />
                    <Certificate name="Admin" thumbprint="{}" thumbprintAlgorithm="sha1" />
                </Certificates></Role><Role name="Other"><Instances count="1" /></Role>"#,
                tls.thumbprint, admin.thumbprint
            ),
        )
    }

    fn options(folder: &Path) -> CertificateOptions {
        let folder = CertificateFolder::read(folder).unwrap();
        CertificateOptions { folder: Some(Arc::new(folder)), ..CertificateOptions::default() }
    }

    #[test]
    fn a_role_sees_its_certificates_alone_and_no_key_that_is_for_elevated_processes() {
        let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (tls, admin, other) =
            (self_signed("web.example"), self_signed("admin.example"), self_signed("other.example"));
        for (name, made) in [("a.pem", &tls), ("b.pem", &admin), ("c.pem", &other)] {
            write(&folder.path().join(name), &(made.key.clone() + &made.certificate));
        }
        let plan = service(&tls, &admin);
        let stale = data.path().join("wasm-roles-certificates/Web");
        fs::create_dir_all(&stale).unwrap();
        fs::write(stale.join("stale.key"), "").unwrap();

        let Ok(provision) = Provision::new(&plan, &options(folder.path()), data.path(), Edition::default())
        else {
            panic!()
        };
        assert!(provision.preopen(&plan.roles[1].name).is_none(), "it declares none");
        let preopen = provision.preopen(&plan.roles[0].name).unwrap();
        assert_eq!((preopen.guest_path.as_str(), preopen.writable), (GUEST_CERTIFICATES, false));
        let mut names: Vec<String> = fs::read_dir(&preopen.directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["Admin.pem", "Tls.key", "Tls.pem"]);
        let text =
            |name: &str| fs::read_to_string(preopen.directory.join(name)).unwrap().replace("\r\n", "\n");
        assert_eq!(text("Tls.pem"), tls.certificate.replace("\r\n", "\n"));
        assert_eq!(text("Tls.key"), tls.key.replace("\r\n", "\n"));
        assert!(provision.acceptor(&plan.roles[0].name, "In").is_some());
        drop(provision);
        assert!(!data.path().join("wasm-roles-certificates").exists(), "keys do not stay behind");
    }

    #[test]
    fn an_edition_is_there_as_long_as_it_is_used_and_no_other_edition_touches_it() {
        let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (first, second) = (self_signed("first.example"), self_signed("second.example"));
        for (name, made) in [("a.pem", &first), ("b.pem", &second)] {
            write(&folder.path().join(name), &(made.key.clone() + &made.certificate));
        }
        let provide = |made: &SelfSigned, edition: Edition| {
            let plan = service(made, made);
            match Provision::new(&plan, &options(folder.path()), data.path(), edition) {
                Ok(provision) => (provision.preopen(&plan.roles[0].name).unwrap().directory, provision),
                Err(_) => panic!("all is there"),
            }
        };
        let text =
            |directory: &Path| fs::read_to_string(directory.join("Tls.pem")).unwrap().replace("\r\n", "\n");
        let (before, old) = provide(&first, Edition::default());
        let (after, new) = provide(&second, Edition::default().next());
        assert_eq!(text(&before), first.certificate.replace("\r\n", "\n"));
        drop(old);
        assert!(!before.exists(), "keys do not stay behind");
        assert_eq!(text(&after), second.certificate.replace("\r\n", "\n"));
        drop(new);
        assert!(!data.path().join("wasm-roles-certificates").exists(), "keys do not stay behind");
    }

    #[cfg(unix)]
    #[test]
    fn what_roles_see_is_for_the_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let tls = self_signed("web.example");
        write(&folder.path().join("a.pem"), &(tls.key.clone() + &tls.certificate));
        let plan = service(&tls, &tls);
        let Ok(provision) = Provision::new(&plan, &options(folder.path()), data.path(), Edition::default())
        else {
            panic!()
        };
        let preopen = provision.preopen(&plan.roles[0].name).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&preopen.directory), mode(&preopen.directory.join("Tls.key"))), (0o700, 0o400));
    }

    #[test]
    fn a_key_that_belongs_to_another_certificate_is_noticed_before_anything_runs() {
        let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (tls, other) = (self_signed("web.example"), self_signed("other.example"));
        write(&folder.path().join("a.pem"), &(tls.certificate.clone() + &other.key));
        let plan = service(&tls, &tls);
        let Err(NotProvided::Missing(errors)) =
            Provision::new(&plan, &options(folder.path()), data.path(), Edition::default())
        else {
            panic!("it cannot be used")
        };
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        let expected = format!(
            "public port 443 (https endpoint In of role Web) cannot end TLS: certificate Tls (thumbprint {}) cannot be used: ",
            tls.thumbprint
        );
        assert!(error.to_string().starts_with(&expected), "{error}");
    }

    const SITES: &str = r#"<WebRole name="Web">
        <Sites>
          <Site name="Shop"><Bindings><Binding name="A" endpointName="In" hostHeader="Shop.example" /></Bindings></Site>
          <Site name="Blog"><Bindings><Binding name="A" endpointName="In" hostHeader="blog.example" /></Bindings></Site>
          <Site name="Rest"><Bindings><Binding name="A" endpointName="In" /></Bindings></Site>
        </Sites>
        <Endpoints>
          <InputEndpoint name="In" protocol="https" port="443" certificate="Own" />
          <InputEndpoint name="Other" protocol="https" port="444" certificate="Own" />
        </Endpoints>
        <Certificates>
          <Certificate name="Own" storeLocation="LocalMachine" storeName="My" />
          <Certificate name="Shop" storeLocation="LocalMachine" storeName="My" />
          <Certificate name="News" storeLocation="LocalMachine" storeName="My" />
        </Certificates>
    </WebRole>"#;

    /// The certificate that a client sees who names this host.
    async fn seen(acceptor: &TlsAcceptor, host: &str) -> rustls::pki_types::CertificateDer<'static> {
        let mut config = crate::test_certificates::client_of_anybody();
        config.enable_sni = host != "no name";
        let name = if config.enable_sni { host } else { "own.example" };
        let (client, server) = tokio::io::duplex(64 * 1024);
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
        let (client, server) = tokio::join!(connector.connect(name, client), acceptor.accept(server));
        server.unwrap();
        client.unwrap().get_ref().1.peer_certificates().unwrap()[0].clone()
    }

    #[tokio::test]
    async fn a_client_sees_the_certificate_of_the_site_that_it_names_and_else_that_of_the_endpoint() {
        let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let made = [("Own", "own.example"), ("Shop", "shop.example"), ("News", "news.example")];
        let made = made.map(|(name, host)| (name, self_signed(host)));
        let mut configured = String::new();
        for (name, made) in &made {
            write(&folder.path().join(format!("{name}.pem")), &(made.key.clone() + &made.certificate));
            let (thumbprint, entry) = (&made.thumbprint, r#"thumbprintAlgorithm="sha1" />"#);
            configured += &format!(r#"<Certificate name="{name}" thumbprint="{thumbprint}" {entry}"#);
        }
        let configured = format!(
            r#"<Role name="Web"><Instances count="1" /><Certificates>{configured}</Certificates></Role>"#
        );
        let plan = plan_of(SITES, &configured);
        let Ok(provision) = Provision::new(&plan, &options(folder.path()), data.path(), Edition::default())
        else {
            panic!("all is there")
        };
        let cases = [
            ("In", "shop.example", "Shop"),
            ("In", "SHOP.example", "Shop"),
            ("In", "own.example", "Own"),
            ("In", "blog.example", "Own"), // no certificate covers it
            ("In", "news.example", "Own"), // no site has it
            ("In", "www.shop.example", "Own"),
            ("In", "no name", "Own"),
            ("Other", "shop.example", "Own"), // the site is not bound to it
        ];
        for (endpoint, host, expected) in cases {
            let acceptor = provision.acceptor(&plan.roles[0].name, endpoint).unwrap();
            let seen = seen(acceptor, host).await;
            let (name, _) = made.iter().find(|(_, made)| made.der == seen).unwrap();
            assert_eq!(*name, expected, "{endpoint} {host}");
        }
    }
}
