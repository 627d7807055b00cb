//! Ports and transports, and the table that finds the endpoints on a port.

use std::fmt;
use std::num::NonZeroU16;

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Streams.
    Tcp,
    /// Datagrams.
    Udp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// The transports that an endpoint admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transports {
    /// TCP alone; http and https endpoints are this.
    Tcp,
    /// UDP alone.
    Udp,
    /// Every transport.
    Any,
}

impl Transports {
    /// Whether `transport` is one of them.
    #[must_use]
    pub const fn admits(self, transport: Transport) -> bool {
        matches!(
            (self, transport),
            (Self::Any, _) | (Self::Tcp, Transport::Tcp) | (Self::Udp, Transport::Udp)
        )
    }
}

/// A range of ports, both ends included; never empty, never with port 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortRange {
    first: NonZeroU16,
    last: NonZeroU16,
}

impl PortRange {
    /// The ports from `first` to `last`; `None` when `last` is below `first`.
    #[must_use]
    pub fn new(first: NonZeroU16, last: NonZeroU16) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// One port.
    #[must_use]
    pub const fn single(port: NonZeroU16) -> Self {
        Self { first: port, last: port }
    }

    /// Every port.
    #[must_use]
    pub const fn all() -> Self {
        Self { first: NonZeroU16::MIN, last: NonZeroU16::MAX }
    }

    /// The lowest port.
    #[must_use]
    pub const fn first(self) -> NonZeroU16 {
        self.first
    }

    /// The highest port.
    #[must_use]
    pub const fn last(self) -> NonZeroU16 {
        self.last
    }

    /// Whether `port` lies in the range.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.first.get() <= port && port <= self.last.get()
    }
}

/// The endpoints of one role on each port of one transport.
///
/// Ranges may overlap in a definition. Here they are cut into disjoint, sorted segments, so that a look-up is
/// one binary search, whatever the definition looks like.
#[derive(Clone, Debug, Default)]
pub(super) struct PortMap {
    segments: Box<[Segment]>,
}

#[derive(Clone, Debug)]
struct Segment {
    first: u16,
    last: u16,
    /// Positions in the role's list of endpoints, in the order of their declaration.
    endpoints: Box<[usize]>,
}

impl PortMap {
    /// Cuts `ranges` (position of the endpoint, its ports) into segments.
    pub(super) fn new(ranges: &[(usize, PortRange)]) -> Self {
        let mut edges: Vec<u32> = ranges
            .iter()
            .flat_map(|(_, range)| {
                [u32::from(range.first.get()), u32::from(range.last.get()).saturating_add(1)]
            })
            .collect();
        edges.sort_unstable();
        edges.dedup();
        let ends = edges.iter().skip(1);
        let segments = edges.iter().zip(ends).filter_map(|(first, end)| {
            let first = u16::try_from(*first).ok()?;
            let last = u16::try_from(end.checked_sub(1)?).ok()?;
            let covering = ranges.iter().filter(|(_, range)| range.contains(first));
            let endpoints: Box<[usize]> = covering.map(|(position, _)| *position).collect();
            (!endpoints.is_empty()).then_some(Segment { first, last, endpoints })
        });
        Self { segments: segments.collect() }
    }

    /// The endpoints on `port`; empty when there is none.
    pub(super) fn endpoints_on(&self, port: u16) -> &[usize] {
        let after = self.segments.partition_point(|segment| segment.first <= port);
        match after.checked_sub(1).and_then(|position| self.segments.get(position)) {
            Some(segment) if port <= segment.last => &segment.endpoints,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u16, last: u16) -> PortRange {
        PortRange::new(NonZeroU16::new(first).unwrap(), NonZeroU16::new(last).unwrap()).unwrap()
    }

    #[test]
    fn a_range_never_runs_backwards() {
        assert_eq!(PortRange::new(NonZeroU16::MAX, NonZeroU16::MIN), None);
        assert!(
            PortRange::all().contains(1)
                && PortRange::all().contains(u16::MAX)
                && !PortRange::all().contains(0)
        );
    }

    #[test]
    fn each_port_finds_exactly_the_ranges_that_contain_it() {
        let ranges = [(0, range(10, 20)), (1, range(15, 30)), (2, range(21, 21)), (3, PortRange::all())];
        let map = PortMap::new(&ranges);
        for port in 0..=u16::MAX {
            let expected: Vec<usize> = ranges
                .iter()
                .filter(|(_, range)| range.contains(port))
                .map(|(position, _)| *position)
                .collect();
            assert_eq!(map.endpoints_on(port), expected, "port {port}");
        }
    }

    #[test]
    fn gaps_and_an_empty_map_have_no_endpoints() {
        let map = PortMap::new(&[(0, range(5, 6)), (1, range(9, 9))]);
        let found: Vec<usize> = (4..=10).map(|port| map.endpoints_on(port).len()).collect();
        assert_eq!(found, [0, 1, 1, 0, 0, 1, 0]);
        assert!(PortMap::new(&[]).endpoints_on(80).is_empty());
    }
}
