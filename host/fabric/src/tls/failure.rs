//! Why a handshake came to nothing.

use std::io;

use rustls::{AlertDescription, Error};

/// Why a client and this host did not agree on TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeFailure {
    /// It took too long.
    #[error("the handshake was not over after {} s", super::handshakes::HANDSHAKE_TIME.as_secs())]
    TimedOut,
    /// Too many others came after it.
    #[error("it was still under way when {} others had come", super::handshakes::PLACES)]
    PushedOut,
    /// The client speaks something else.
    #[error("the client does not speak TLS; perhaps it asks with http:// where https:// is served")]
    NotTls,
    /// The client does not trust the certificate.
    #[error("the client does not trust the certificate")]
    NotTrusted,
    /// The two have no version, cipher or protocol in common.
    #[error("the client and this host have no version or cipher of TLS in common")]
    NothingInCommon,
    /// The client went away.
    #[error("the client ended the connection")]
    ClientLeft,
    /// Something else about the handshake.
    #[error("the client breaks the rules of TLS")]
    Broken,
}

impl HandshakeFailure {
    /// What an error of the handshake means.
    pub(super) fn of(error: &io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match tls {
            None => Self::ClientLeft,
            Some(Error::InvalidMessage(_)) => Self::NotTls,
            Some(Error::PeerIncompatible(_) | Error::NoApplicationProtocol) => Self::NothingInCommon,
            Some(Error::AlertReceived(alert)) => Self::of_alert(*alert),
            Some(_) => Self::Broken,
        }
    }

    const fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            // The signature of the certificate is not that of the authority whose name is in it.
            | AlertDescription::DecryptError => Self::NotTrusted,
            AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion => Self::NothingInCommon,
            AlertDescription::CloseNotify | AlertDescription::UserCanceled => Self::ClientLeft,
            _ => Self::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{InvalidMessage, PeerIncompatible};

    #[test]
    fn errors_of_the_handshake_are_told_apart() {
        let of = |error: Error| HandshakeFailure::of(&io::Error::new(io::ErrorKind::InvalidData, error));
        let alert = Error::AlertReceived;
        let cases = [
            (Error::InvalidMessage(InvalidMessage::InvalidContentType), HandshakeFailure::NotTls),
            (
                Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
                HandshakeFailure::NothingInCommon,
            ),
            (alert(AlertDescription::UnknownCA), HandshakeFailure::NotTrusted),
            (alert(AlertDescription::CertificateExpired), HandshakeFailure::NotTrusted),
            (alert(AlertDescription::DecryptError), HandshakeFailure::NotTrusted),
            (alert(AlertDescription::CloseNotify), HandshakeFailure::ClientLeft),
            (alert(AlertDescription::DecodeError), HandshakeFailure::Broken),
            (Error::DecryptError, HandshakeFailure::Broken),
        ];
        for (error, failure) in cases {
            assert_eq!(of(error.clone()), failure, "{error:?}");
        }
        assert_eq!(HandshakeFailure::of(&io::ErrorKind::UnexpectedEof.into()), HandshakeFailure::ClientLeft);
    }
}
