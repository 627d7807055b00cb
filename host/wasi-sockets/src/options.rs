//! The options of a socket that both versions have.
//!
//! In memory there are no packets to count hops of and no idle connections to lose, so the options change nothing. Guests
//! set them all the same and may read back what they set. The interfaces forbid zero, and nothing else.

use std::num::{NonZeroU8, NonZeroU32, NonZeroU64};

use wasm_roles_virtual_network::tcp::CAPACITY;
use wasm_roles_virtual_network::udp::RECEIVE_BUFFER;

/// What a guest may set on a TCP socket. A socket that a listener accepts starts with the listener's.
#[derive(Clone, Debug)]
pub(crate) struct TcpOptions {
    pub(crate) keep_alive: bool,
    /// In nanoseconds.
    pub(crate) keep_alive_idle_time: NonZeroU64,
    /// In nanoseconds.
    pub(crate) keep_alive_interval: NonZeroU64,
    pub(crate) keep_alive_count: NonZeroU32,
    pub(crate) hop_limit: NonZeroU8,
    /// In bytes.
    pub(crate) receive_buffer_size: NonZeroU64,
    /// In bytes.
    pub(crate) send_buffer_size: NonZeroU64,
}

/// What a guest may set on a UDP socket.
#[derive(Clone, Debug)]
pub(crate) struct UdpOptions {
    pub(crate) hop_limit: NonZeroU8,
    /// In bytes.
    pub(crate) receive_buffer_size: NonZeroU64,
    /// In bytes.
    pub(crate) send_buffer_size: NonZeroU64,
}

/// What the network gives to the queue of a UDP socket. Linux gives as much to what a socket sends.
const DATAGRAM_BUFFER_SIZE: NonZeroU64 = NonZeroU64::new(RECEIVE_BUFFER as u64).unwrap();

impl Default for UdpOptions {
    /// What Linux has.
    fn default() -> Self {
        Self {
            hop_limit: const { NonZeroU8::new(64).unwrap() },
            receive_buffer_size: DATAGRAM_BUFFER_SIZE,
            send_buffer_size: DATAGRAM_BUFFER_SIZE,
        }
    }
}

/// What the network gives to each direction of a connection.
const BUFFER_SIZE: NonZeroU64 = NonZeroU64::new(CAPACITY as u64).unwrap();

impl Default for TcpOptions {
    /// What Linux has, but for the buffers, which are the network's.
    fn default() -> Self {
        const SECOND: u64 = 1_000_000_000;
        const {
            Self {
                keep_alive: false,
                keep_alive_idle_time: NonZeroU64::new(7200 * SECOND).unwrap(),
                keep_alive_interval: NonZeroU64::new(75 * SECOND).unwrap(),
                keep_alive_count: NonZeroU32::new(9).unwrap(),
                hop_limit: NonZeroU8::new(64).unwrap(),
                receive_buffer_size: BUFFER_SIZE,
                send_buffer_size: BUFFER_SIZE,
            }
        }
    }
}
