//! The options of a TCP socket that both versions have. They are checked and read back as the documents ask; the
//! network has no use for them.

/// A value of an option was not one that the documents allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAllowed;

/// The documented options, with the defaults of Linux. Times are in nanoseconds, sizes in bytes.
#[derive(Clone, Debug)]
pub(crate) struct TcpOptions {
    pub(crate) keep_alive_enabled: bool,
    pub(crate) keep_alive_idle_time: u64,
    pub(crate) keep_alive_interval: u64,
    pub(crate) keep_alive_count: u32,
    pub(crate) hop_limit: u8,
    pub(crate) receive_buffer_size: u64,
    pub(crate) send_buffer_size: u64,
    pub(crate) backlog: u64,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            keep_alive_enabled: false,
            keep_alive_idle_time: 7_200_000_000_000,
            keep_alive_interval: 75_000_000_000,
            keep_alive_count: 9,
            hop_limit: 64,
            receive_buffer_size: 256 * 1024,
            send_buffer_size: 256 * 1024,
            backlog: 128,
        }
    }
}

impl TcpOptions {
    /// The backlog as a number of connections; the network clamps it.
    pub(crate) fn backlog(&self) -> usize {
        usize::try_from(self.backlog).unwrap_or(usize::MAX)
    }
}

/// Sets an option for which zero makes no sense.
pub(crate) fn set_positive<T: Default + PartialEq>(option: &mut T, value: T) -> Result<(), NotAllowed> {
    if value == T::default() {
        return Err(NotAllowed);
    }
    *option = value;
    Ok(())
}
