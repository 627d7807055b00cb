//! The deployment's private network: 10.0.0.0/16.

use std::net::Ipv4Addr;

/// The first host is .4, as on the platform, where a subnet keeps the ones before it for itself.
const FIRST_HOST: u32 = 4;
/// The last host; the one after it is the broadcast address.
const LAST_HOST: u32 = 0xFFFE;

/// Instances that a deployment has addresses for.
pub(crate) const CAPACITY: u32 = LAST_HOST - FIRST_HOST + 1;

/// The addresses of a deployment's instances, one after the other; [`CAPACITY`] of them.
pub(crate) fn addresses() -> impl Iterator<Item = Ipv4Addr> {
    let network = Ipv4Addr::new(10, 0, 0, 0).to_bits();
    (FIRST_HOST..=LAST_HOST).map(move |host| Ipv4Addr::from_bits(network | host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_run_from_the_first_host_to_the_last() {
        let all: Vec<Ipv4Addr> = addresses().collect();
        assert_eq!(all.len(), usize::try_from(CAPACITY).unwrap());
        assert_eq!(all[0], Ipv4Addr::new(10, 0, 0, 4));
        assert_eq!(all[252], Ipv4Addr::new(10, 0, 1, 0));
        assert_eq!(all.last(), Some(&Ipv4Addr::new(10, 0, 255, 254)));
    }
}
