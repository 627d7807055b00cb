//! The one seam through which an instance sees time and chance.
//!
//! Nothing in this crate reads the system clock or draws random numbers on its own. A [`Clock`] follows
//! tokio's time, so a test that pauses it also pauses the guests' clocks. A [`Seed`] gives each instance
//! its own stream of random numbers; the same seed gives the same service twice.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::Instant;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// Wall-clock and monotonic time for guests.
///
/// The wall clock starts at the moment that the owner names and then moves with tokio's clock: it does not jump
/// when somebody sets the machine's time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall_at_origin: Duration,
    origin: Instant,
}

impl Clock {
    /// A clock whose wall time is `wall` now. A time before 1970 counts as 1970, which WASI's clock starts at.
    #[must_use]
    pub fn new(wall: SystemTime) -> Self {
        Self { wall_at_origin: wall.duration_since(UNIX_EPOCH).unwrap_or_default(), origin: Instant::now() }
    }

    /// Time since this clock was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Wall time since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn wall(&self) -> Duration {
        self.wall_at_origin.saturating_add(self.elapsed())
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.wall()
    }
}

/// 256 bits that all random numbers of a deployment come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed of these bytes. Whoever wants unpredictable guests must draw them from the operating system.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The seed for a part of the whole, such as one incarnation of one instance. Another label gives a seed
    /// that cannot be told from an independent one.
    #[must_use]
    pub fn derive(&self, label: &str) -> Self {
        // The generator is a stream cipher; feeding the label back block by block makes it a keyed hash.
        let mut state = self.0;
        for block in label.as_bytes().chunks(16) {
            for (byte, mixed) in state.iter_mut().zip(block) {
                *byte ^= mixed;
            }
            // The length keeps "ab" + "c" and "a" + "bc" apart where a block is not full.
            if let Some(last) = state.last_mut() {
                *last ^= u8::try_from(block.len()).unwrap_or(u8::MAX);
            }
            state = next_block(state);
        }
        Self(next_block(state))
    }

    /// The seed for what has a generator of its own.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// A cryptographically strong generator that starts at this seed.
    #[must_use]
    pub fn generator(&self) -> StdRng {
        StdRng::from_seed(self.0)
    }
}

fn next_block(key: [u8; 32]) -> [u8; 32] {
    use rand::Rng;
    let mut block = [0; 32];
    StdRng::from_seed(key).fill_bytes(&mut block);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_label_gives_the_same_seed_and_another_label_another() {
        let seed = Seed::new([7; 32]);
        assert_eq!(seed.derive("WebRole1_IN_0"), seed.derive("WebRole1_IN_0"));
        let labels = ["", "a", "b", "WebRole1_IN_0", "WebRole1_IN_1", "WebRole1_IN_0/WebRole1_IN_1"];
        for (i, one) in labels.iter().enumerate() {
            for other in labels.iter().skip(i + 1) {
                assert_ne!(seed.derive(one), seed.derive(other), "{one:?} and {other:?}");
            }
        }
        assert_ne!(seed.derive("a"), Seed::new([8; 32]).derive("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_moves_with_tokios_time() {
        let clock = Clock::new(UNIX_EPOCH + Duration::from_secs(1_000));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(clock.elapsed(), Duration::from_secs(5));
        assert_eq!(clock.wall(), Duration::from_secs(1_005));
    }
}
