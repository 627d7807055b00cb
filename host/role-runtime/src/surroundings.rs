//! What belongs to an incarnation without being the role's own life: start-up tasks, before and beside it.
//!
//! ```text
//! before ──► the role, from on-start to its end ──► after ──► Ended
//! ```
//!
//! The instance is Starting during `before`. From the end of the role on it is Stopping: whoever watches it takes it out
//! of the rotation, and nothing new is started in its place until `after` is over. `after` has no time limit while the
//! role recycles; once the owner wants the instance to stop, it has what is left of the stop budget.
//!
//! Who asks for a recycle during `before`, through the [`Wires`], keeps the role from being instantiated. What `before` has begun
//! may end: it has the stop budget for that.
//!
//! Whatever has happened before, `cut_off` is the last: an incarnation has not ended as long as anything that was begun for it
//! runs.

use tokio::time::{Duration, sleep};

use crate::control::{Control, Wish};
use crate::wires::Wires;

/// What happens before and after the role's own life, in the same incarnation.
pub trait Surroundings: Send + 'static {
    /// What has to succeed before the role is instantiated. It is dropped half-way when the instance shall stop: what
    /// it has begun then must be known to `after` and `cut_off`. When
    /// [`Wires::shall_end`] says so, it should begin nothing more.
    ///
    /// # Errors
    ///
    /// Why the role is not started; the incarnation ends with [`End::StartFailed`](crate::End::StartFailed).
    fn before(&mut self, wires: &Wires) -> impl Future<Output = Result<(), String>> + Send;

    /// What the end of the incarnation waits for, however the role ended, started or not. It is dropped half-way when the
    /// stop budget is over.
    fn after(&mut self) -> impl Future<Output = ()> + Send;

    /// Ends what still runs, and waits until it is gone: it uses directories that are removed next. Called last, always; it
    /// has no time limit, so it must ask nobody for leave.
    fn cut_off(self) -> impl Future<Output = ()> + Send;
}

/// Nothing.
impl Surroundings for () {
    async fn before(&mut self, _wires: &Wires) -> Result<(), String> {
        Ok(())
    }

    async fn after(&mut self) {}

    async fn cut_off(self) {}
}

/// Waits until an instance that was asked to stop has had its whole budget for it, or shall be gone at once.
///
/// Poll it from the start of the incarnation: the budget runs from the moment when this sees the wish.
pub(crate) async fn out_of_time(control: &Control, budget: Duration) {
    if control.wished(Wish::Stop).await == Wish::Kill {
        return;
    }
    tokio::select! {
        () = sleep(budget) => {}
        _ = control.wished(Wish::Kill) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn the_budget_runs_from_the_wish_to_stop() {
        let control = Control::new();
        let begun = Instant::now();
        let later = async {
            sleep(Duration::from_secs(100)).await;
            control.raise(Wish::Recycle);
            sleep(Duration::from_secs(100)).await;
            control.raise(Wish::Stop);
        };
        tokio::join!(out_of_time(&control, Duration::from_secs(30)), later);
        assert_eq!(begun.elapsed(), Duration::from_secs(230));
    }

    #[tokio::test(start_paused = true)]
    async fn a_kill_waits_for_nothing() {
        for earlier in [Wish::Live, Wish::Stop] {
            let control = Control::new();
            control.raise(earlier);
            let begun = Instant::now();
            let later = async {
                sleep(Duration::from_secs(1)).await;
                control.raise(Wish::Kill);
            };
            tokio::join!(out_of_time(&control, Duration::from_secs(30)), later);
            assert_eq!(begun.elapsed(), Duration::from_secs(1), "{earlier:?}");
        }
    }
}
