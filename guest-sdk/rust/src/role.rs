//! What a role implements.

use std::error::Error;

/// The result of `on_start` and `run`. Any error will do; its text, with its causes, becomes the reason
/// that the fabric shows.
pub type RoleResult = Result<(), Box<dyn Error>>;

/// A role: the code of its instances.
///
/// Each instance of the service is one component with one value of the role's type, made by `Default` when it is first
/// needed. The methods get it as `&'static self`, so that `spawn(self.serve(stream))` works; an implementation that
/// does not need that may write `&self`. Keep what changes in `Cell` and `RefCell`.
#[allow(async_fn_in_trait, reason = "an instance has one thread, so no caller needs Send")]
pub trait Role: Default + 'static {
    /// Called once, before the instance takes traffic: the place to bind listeners.
    ///
    /// # Errors
    ///
    /// An error keeps the instance from starting; the fabric tries again later.
    async fn on_start(&'static self) -> RoleResult {
        Ok(())
    }

    /// The role's work, which is to go on for ever: when it returns, with or without an error, the instance is recycled.
    /// The instance takes traffic from the moment that this is called. The default does nothing, for ever.
    ///
    /// # Errors
    ///
    /// An error is shown as the reason of the recycle.
    async fn run(&'static self) -> RoleResult {
        loop {
            crate::sleep(std::time::Duration::from_secs(24 * 60 * 60)).await;
        }
    }

    /// Called when the instance has left the rotation and is about to end. `run` and requests still go on
    /// meanwhile. The fabric waits for the stop budget (30 seconds unless configured), then cuts the instance off.
    async fn on_stop(&'static self) {}

    /// A change is about to be made; settings still have their old values.
    async fn changing(&'static self, changes: Vec<Change>) -> Verdict {
        let _ = changes;
        Verdict::Accept
    }

    /// A change has been made; settings have their new values.
    async fn changed(&'static self, changes: Vec<Change>) {
        let _ = changes;
    }

    /// Asked at regular intervals. [`Status::Busy`] takes the instance out of the rotation until it is asked again.
    async fn status_check(&'static self) -> Status {
        Status::Ready
    }

    /// The instance has left the rotation; `on_stop` follows.
    async fn stopping(&'static self) {}

    /// As `changing`, for a change of topology that all instances are told of at once. It cannot be refused.
    async fn simultaneous_changing(&'static self, changes: Vec<Change>) {
        let _ = changes;
    }

    /// As `changed`, after `simultaneous_changing`.
    async fn simultaneous_changed(&'static self, changes: Vec<Change>) {
        let _ = changes;
    }
}

/// Something that changes while the service runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The setting of this name has, or will have, another value.
    ConfigurationSetting(String),
    /// Instances of the role of this name come or go.
    Topology(String),
}

/// The answer to a change that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Change it while the instance runs.
    Accept,
    /// Stop the instance, change it, start it again.
    Recycle,
}

/// Whether an instance can take traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It can.
    Ready,
    /// It cannot, until it is asked again.
    Busy,
}

/// An error and its causes in one line, the way it is shown to people.
pub(crate) fn reason(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::reason;
    use std::{error::Error, fmt, io};

    #[derive(Debug)]
    struct NoTable(io::Error);

    impl fmt::Display for NoTable {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the table cannot be read")
        }
    }

    impl Error for NoTable {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_reason_names_the_error_and_its_causes() {
        let error = NoTable(io::Error::other("disk full"));
        assert_eq!(reason(&error), "the table cannot be read: disk full");
    }

    #[test]
    fn a_plain_text_is_its_own_reason() {
        let error: Box<dyn Error> = "no licence".into();
        assert_eq!(reason(error.as_ref()), "no licence");
    }
}
