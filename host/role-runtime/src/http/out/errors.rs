//! What went wrong, in the codes of `wasi:http`, which are those of RFC 9209, section 2.3.

use std::error::Error as _;
use std::io;

use wasm_roles_virtual_network::{NetError, NoAddress};
use wasmtime_wasi_http::Error;

/// A look-up that gave no address.
pub(super) fn look_up(reason: NoAddress) -> Error {
    let dns = |rcode: &str| Error::DnsError { rcode: Some(rcode.to_owned()), info_code: None };
    match reason {
        NoAddress::Malformed => Error::HttpRequestUriInvalid,
        NoAddress::Unknown => dns("NXDOMAIN"),
        NoAddress::Denied => Error::HttpRequestDenied,
        NoAddress::Prohibited => Error::DestinationIpProhibited,
        NoAddress::TimedOut => Error::DnsTimeout,
        _ => dns("SERVFAIL"),
    }
}

/// A connection that did not come about.
pub(super) fn connect(error: NetError) -> Error {
    match error {
        NetError::AccessDenied => Error::HttpRequestDenied,
        NetError::ConnectionRefused => Error::ConnectionRefused,
        NetError::RemoteUnreachable => Error::DestinationUnavailable,
        NetError::Timeout => Error::ConnectionTimeout,
        NetError::TooManySockets | NetError::AddressInUse => Error::ConnectionLimitReached,
        NetError::InvalidArgument => Error::HttpRequestUriInvalid,
        NetError::AddressNotBindable | NetError::NotSupported => Error::DestinationIpUnroutable,
        _ => Error::ConnectionTerminated,
    }
}

/// Whether another address of the same name may do better.
pub(super) fn is_about_the_address(error: NetError) -> bool {
    use NetError::{
        AddressNotBindable, ConnectionRefused, ConnectionReset, NotSupported, RemoteUnreachable, Timeout,
    };
    matches!(
        error,
        ConnectionRefused | ConnectionReset | RemoteUnreachable | Timeout | AddressNotBindable | NotSupported
    )
}

/// A TLS handshake that failed.
pub(super) fn tls(error: &io::Error) -> Error {
    let inner = error.get_ref();
    if let Some(error) = inner.and_then(|error| error.downcast_ref::<rustls::Error>()) {
        return match error {
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                Error::TlsCertificateError
            }
            rustls::Error::AlertReceived(alert) => Error::TlsAlertReceived {
                alert_id: Some(u8::from(*alert)),
                alert_message: Some(format!("{alert:?}")),
            },
            _ => Error::TlsProtocolError,
        };
    }
    match inner.and_then(|error| error.downcast_ref::<NetError>()) {
        Some(NetError::Timeout) => Error::ConnectionTimeout,
        _ => Error::ConnectionTerminated,
    }
}

/// How far an exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing has come from the server.
    Nothing,
    /// Some of the response has.
    Something,
}

/// An exchange that failed.
pub(super) fn exchange(error: &hyper::Error, heard: Heard) -> Error {
    if let Some(own) = error.source().and_then(|source| source.downcast_ref::<Error>()) {
        return of_the_request(own);
    }
    if error.is_parse_too_large() {
        return Error::HttpResponseHeaderSectionSize(None);
    }
    if error.is_parse() || is_http2_protocol(error) {
        return Error::HttpProtocolError;
    }
    // What is left is the end of the connection, in one way or another.
    match heard {
        Heard::Nothing => Error::ConnectionTerminated,
        Heard::Something => Error::HttpResponseIncomplete,
    }
}

/// The error that the body of the request gave, which only its size can be.
fn of_the_request(error: &Error) -> Error {
    match error {
        Error::HttpRequestBodySize(size) => Error::HttpRequestBodySize(*size),
        _ => Error::HttpProtocolError,
    }
}

/// Whether a side broke the rules of HTTP/2, and not the connection.
fn is_http2_protocol(error: &hyper::Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    source.is_some_and(|error| {
        !error.is_io()
            && error.reason().is_some_and(|reason| {
                !matches!(reason, h2::Reason::NO_ERROR | h2::Reason::CANCEL | h2::Reason::REFUSED_STREAM)
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(error: &Error) -> String {
        format!("{error:?}")
    }

    #[test]
    fn each_failure_of_the_network_has_its_code() {
        for (error, code) in [
            (NetError::AccessDenied, "HttpRequestDenied"),
            (NetError::ConnectionRefused, "ConnectionRefused"),
            (NetError::RemoteUnreachable, "DestinationUnavailable"),
            (NetError::Timeout, "ConnectionTimeout"),
            (NetError::TooManySockets, "ConnectionLimitReached"),
            (NetError::InvalidArgument, "HttpRequestUriInvalid"),
            (NetError::ConnectionAborted, "ConnectionTerminated"),
        ] {
            assert_eq!(name(&connect(error)), code);
        }
        for (reason, code) in [
            (NoAddress::Malformed, "HttpRequestUriInvalid"),
            (NoAddress::Denied, "HttpRequestDenied"),
            (NoAddress::Prohibited, "DestinationIpProhibited"),
            (NoAddress::TimedOut, "DnsTimeout"),
            (NoAddress::Unknown, "DnsError { rcode: Some(\"NXDOMAIN\"), info_code: None }"),
            (NoAddress::Failed, "DnsError { rcode: Some(\"SERVFAIL\"), info_code: None }"),
        ] {
            assert_eq!(name(&look_up(reason)), code);
        }
    }

    #[test]
    fn a_denial_is_not_asked_about_again_at_the_next_address() {
        assert!(is_about_the_address(NetError::ConnectionRefused));
        assert!(!is_about_the_address(NetError::AccessDenied));
        assert!(!is_about_the_address(NetError::TooManySockets));
    }

    #[test]
    fn a_handshake_says_what_was_wrong_with_it() {
        let of = |error: rustls::Error| name(&tls(&io::Error::other(error)));
        assert_eq!(of(rustls::CertificateError::UnknownIssuer.into()), "TlsCertificateError");
        assert_eq!(of(rustls::CertificateError::NotValidForName.into()), "TlsCertificateError");
        assert_eq!(
            of(rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure)),
            "TlsAlertReceived { alert_id: Some(40), alert_message: Some(\"HandshakeFailure\") }"
        );
        assert_eq!(of(rustls::Error::HandshakeNotComplete), "TlsProtocolError");
        assert_eq!(name(&tls(&io::ErrorKind::UnexpectedEof.into())), "ConnectionTerminated");
        assert_eq!(name(&tls(&NetError::ConnectionReset.into())), "ConnectionTerminated");
    }
}
