//! The options of a socket, once for both versions.
//!
//! In memory there are no packets to count hops of and no idle connections to lose, so the options change nothing. Guests
//! set them all the same and read back what they set. The interfaces forbid zero, and nothing else; sizes of buffers may be
//! clamped, and are, so that who makes a buffer as large as the socket's gets no more than the network has.

use std::num::{NonZeroU8, NonZeroU32, NonZeroU64};

use wasm_roles_virtual_network::tcp::CAPACITY;
use wasm_roles_virtual_network::udp::RECEIVE_BUFFER;

/// Zero, where the interfaces forbid it: their `invalid-argument`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zero;

/// What every socket has.
#[derive(Clone, Debug)]
pub(crate) struct SocketOptions {
    hop_limit: NonZeroU8,
    receive_buffer: BufferSize,
    send_buffer: BufferSize,
}

/// What a TCP socket has besides. A socket that a listener accepts starts with the listener's.
#[derive(Clone, Debug)]
pub(crate) struct KeepAlive {
    enabled: bool,
    /// In nanoseconds.
    idle_time: NonZeroU64,
    /// In nanoseconds.
    interval: NonZeroU64,
    count: NonZeroU32,
}

/// The options of a TCP socket.
#[derive(Clone, Debug)]
pub(crate) struct TcpOptions {
    pub(crate) socket: SocketOptions,
    pub(crate) keep_alive: KeepAlive,
}

/// The size of a buffer in bytes, and what the network has at the most.
#[derive(Clone, Debug)]
struct BufferSize {
    size: NonZeroU64,
    most: NonZeroU64,
}

impl BufferSize {
    fn full(most: NonZeroU64) -> Self {
        Self { size: most, most }
    }

    fn set(&mut self, size: u64) -> Result<(), Zero> {
        self.size = NonZeroU64::new(size).ok_or(Zero)?.min(self.most);
        Ok(())
    }
}

impl SocketOptions {
    /// What Linux has, but for the buffers, which are the network's.
    fn with_buffers(most: NonZeroU64) -> Self {
        Self {
            hop_limit: const { NonZeroU8::new(64).unwrap() },
            receive_buffer: BufferSize::full(most),
            send_buffer: BufferSize::full(most),
        }
    }

    /// The options of a new UDP socket. The network has a queue for what comes in; Linux gives as much to what goes out.
    pub(crate) fn udp() -> Self {
        Self::with_buffers(const { NonZeroU64::new(RECEIVE_BUFFER as u64).unwrap() })
    }

    pub(crate) fn hop_limit(&self) -> u8 {
        self.hop_limit.get()
    }

    pub(crate) fn set_hop_limit(&mut self, value: u8) -> Result<(), Zero> {
        self.hop_limit = NonZeroU8::new(value).ok_or(Zero)?;
        Ok(())
    }

    pub(crate) fn receive_buffer_size(&self) -> u64 {
        self.receive_buffer.size.get()
    }

    pub(crate) fn set_receive_buffer_size(&mut self, value: u64) -> Result<(), Zero> {
        self.receive_buffer.set(value)
    }

    pub(crate) fn send_buffer_size(&self) -> u64 {
        self.send_buffer.size.get()
    }

    pub(crate) fn set_send_buffer_size(&mut self, value: u64) -> Result<(), Zero> {
        self.send_buffer.set(value)
    }
}

impl Default for TcpOptions {
    /// The options of a new socket: what Linux has, but for the buffers, which are those of each direction of a
    /// connection.
    fn default() -> Self {
        const SECOND: u64 = 1_000_000_000;
        Self {
            socket: SocketOptions::with_buffers(const { NonZeroU64::new(CAPACITY as u64).unwrap() }),
            keep_alive: const {
                KeepAlive {
                    enabled: false,
                    idle_time: NonZeroU64::new(7200 * SECOND).unwrap(),
                    interval: NonZeroU64::new(75 * SECOND).unwrap(),
                    count: NonZeroU32::new(9).unwrap(),
                }
            },
        }
    }
}

impl KeepAlive {
    pub(crate) fn enabled(&self) -> bool {
        self.enabled
    }

    pub(crate) fn set_enabled(&mut self, value: bool) {
        self.enabled = value;
    }

    pub(crate) fn idle_time(&self) -> u64 {
        self.idle_time.get()
    }

    pub(crate) fn set_idle_time(&mut self, value: u64) -> Result<(), Zero> {
        self.idle_time = NonZeroU64::new(value).ok_or(Zero)?;
        Ok(())
    }

    pub(crate) fn interval(&self) -> u64 {
        self.interval.get()
    }

    pub(crate) fn set_interval(&mut self, value: u64) -> Result<(), Zero> {
        self.interval = NonZeroU64::new(value).ok_or(Zero)?;
        Ok(())
    }

    pub(crate) fn count(&self) -> u32 {
        self.count.get()
    }

    pub(crate) fn set_count(&mut self, value: u32) -> Result<(), Zero> {
        self.count = NonZeroU32::new(value).ok_or(Zero)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_as_large_as_was_asked_for_but_no_larger_than_the_network_s_and_never_nothing() {
        let mut options = TcpOptions::default().socket;
        for (asked, read_back) in
            [(1, 1), (4096, 4096), (CAPACITY as u64, CAPACITY as u64), (u64::MAX, CAPACITY as u64)]
        {
            assert_eq!(options.set_receive_buffer_size(asked), Ok(()));
            assert_eq!(options.receive_buffer_size(), read_back);
        }
        assert_eq!(options.set_receive_buffer_size(0), Err(Zero));
        assert_eq!(options.receive_buffer_size(), CAPACITY as u64, "what is refused changes nothing");
    }
}
