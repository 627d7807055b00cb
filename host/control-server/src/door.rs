//! Who asks, and how much each may ask at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;
use http::header::AUTHORIZATION;
use wasm_roles_control_interface::{Refusal, RefusalCode, TENANT_HEADER, TenantName};

use crate::operator::Caller;
use crate::tokens::TokenFile;

/// How a connection came.
#[derive(Clone)]
pub(crate) enum Way {
    /// Over the socket of the user, from a program of the user or not.
    Socket { owner: bool },
    /// Over TCP.
    Tcp(TokenFile),
    /// Over TCP, for metrics and nothing else.
    Metrics,
}

impl Way {
    /// Who asks this way with these headers.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let named = tenant_in(headers)?;
        match self {
            Self::Socket { owner: true } => {
                Ok(Caller { tenant: named.unwrap_or_else(TenantName::usual), owner: true })
            }
            Self::Socket { owner: false } => {
                let message = "only programs of the user who runs the host may use its socket";
                Err(Refusal::new(RefusalCode::Forbidden, message).hint("ask over TCP with a token"))
            }
            Self::Metrics => Ok(Caller { tenant: TenantName::usual(), owner: true }),
            Self::Tcp(tokens) => {
                let tenant = tenant_of_token(tokens, headers).await?;
                if named.is_some_and(|named| named != tenant) {
                    let message = format!("this token is for tenant {tenant}, and for no other");
                    let refusal = Refusal::new(RefusalCode::Forbidden, message);
                    let hint =
                        format!("leave the header {TENANT_HEADER} out, or send the other tenant's token");
                    return Err(refusal.hint(hint));
                }
                Ok(Caller { tenant, owner: false })
            }
        }
    }
}

/// What has opened the way to a request: for those that last.
pub(crate) struct Pass {
    way: Way,
    headers: HeaderMap,
    tenant: TenantName,
}

impl Pass {
    pub(crate) const fn new(way: Way, headers: HeaderMap, tenant: TenantName) -> Self {
        Self { way, headers, tenant }
    }

    /// Whether it still opens it: a token can be taken back.
    pub(crate) async fn holds(&self) -> bool {
        let caller = self.way.caller(&self.headers).await;
        caller.is_ok_and(|caller| caller.tenant == self.tenant)
    }
}

fn tenant_in(headers: &HeaderMap) -> Result<Option<TenantName>, Refusal> {
    let wrong = |message: String| {
        Refusal::new(RefusalCode::BadRequest, message)
            .hint(format!("send one header `{TENANT_HEADER}: NAME`, or none"))
    };
    let mut given = headers.get_all(TENANT_HEADER).iter();
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(name), None) => {
            let name = name.to_str().map_err(|_| wrong(format!("the header {TENANT_HEADER} is no text")))?;
            name.parse().map(Some).map_err(|error| wrong(format!("in the header {TENANT_HEADER}: {error}")))
        }
        (Some(_), Some(_)) => Err(wrong(format!("there are several headers {TENANT_HEADER}"))),
    }
}

async fn tenant_of_token(tokens: &TokenFile, headers: &HeaderMap) -> Result<TenantName, Refusal> {
    let not_authorized = |message: &str| {
        Refusal::new(RefusalCode::NotAuthorized, message)
            .hint("send the header `authorization: Bearer TOKEN` with a token of this host")
    };
    let token = bearer(headers).ok_or_else(|| not_authorized("the request has no token"))?.to_owned();
    match tokens.tenant_of(token).await {
        Ok(tenant) => tenant.ok_or_else(|| not_authorized("nobody has this token")),
        // Where the file is, and what is in it, is nobody's business who is not known.
        Err(_) => Err(Refusal::new(RefusalCode::Internal, "the tokens of this host cannot be read")
            .hint("whoever runs the host can see why when it is started again")),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (given.next(), given.next()) else {
        return None;
    };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Counts the requests of each tenant.
#[derive(Clone, Default)]
pub(crate) struct Turnstile(Arc<Mutex<BTreeMap<TenantName, usize>>>);

/// The place of one request of a tenant, until the last clone of it is dropped.
#[derive(Clone)]
pub(crate) struct Inside {
    _counted: Arc<Counted>,
}

struct Counted {
    turnstile: Turnstile,
    tenant: TenantName,
}

impl Turnstile {
    /// Lets a request in, if the tenant has not as many as it may.
    pub(crate) fn enter(&self, tenant: &TenantName, most: usize) -> Result<Inside, Refusal> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(tenant.clone()).or_default();
        if *count >= most {
            let message =
                format!("tenant {tenant} has {most} requests and streams open, and may have no more");
            return Err(Refusal::new(RefusalCode::TooMany, message).hint("close some, or try again later"));
        }
        *count += 1;
        let counted = Counted { turnstile: self.clone(), tenant: tenant.clone() };
        Ok(Inside { _counted: Arc::new(counted) })
    }

    /// How many requests are open.
    pub(crate) fn open(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.turnstile.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.tenant) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(tenants: &[&'static str]) -> HeaderMap {
        let tenants = tenants.iter().map(|tenant| {
            (http::HeaderName::from_static(TENANT_HEADER), http::HeaderValue::from_static(tenant))
        });
        tenants.collect()
    }

    #[tokio::test]
    async fn another_user_who_reaches_the_socket_is_nobody() {
        let other = Way::Socket { owner: false };
        for headers in [headers(&[]), headers(&["default"])] {
            assert_eq!(other.caller(&headers).await.unwrap_err().code, RefusalCode::Forbidden);
        }
    }

    #[tokio::test]
    async fn a_tenant_is_named_once_and_rightly() {
        let owner = Way::Socket { owner: true };
        let caller = owner.caller(&headers(&["acme"])).await.unwrap();
        assert_eq!((caller.tenant.as_str(), caller.owner), ("acme", true));
        for wrong in [&["acme", "acme"][..], &[""], &["Acme"], &["a/b"]] {
            assert_eq!(owner.caller(&headers(wrong)).await.unwrap_err().code, RefusalCode::BadRequest);
        }
    }

    #[test]
    fn a_tenant_has_so_many_places_and_another_one_has_its_own() {
        let (turnstile, a, b) = (Turnstile::default(), TenantName::usual(), "b".parse().unwrap());
        let first = turnstile.enter(&a, 2);
        let second = turnstile.enter(&a, 2);
        assert!(first.is_ok() && second.is_ok() && turnstile.enter(&a, 2).is_err());
        assert!(turnstile.enter(&b, 2).is_ok());
        drop(first);
        assert!(turnstile.enter(&a, 2).is_ok());
        drop(second);
        assert_eq!(turnstile.open(), 0);
    }
}
