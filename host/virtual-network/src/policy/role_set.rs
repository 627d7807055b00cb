//! The roles that may reach an endpoint.

use super::{Audience, RoleIndex};

/// A set of roles, made for one question: is this role in it?
#[derive(Clone, Debug)]
pub(super) enum RoleSet {
    /// Every role of the deployment.
    Everyone,
    /// One bit for each listed role.
    Listed(Box<[u64]>),
}

impl RoleSet {
    /// The roles of the deployment that `audience` admits.
    pub(super) fn of(audience: &Audience) -> Self {
        let Audience::Only { roles, .. } = audience else { return Self::Everyone };
        let words = roles.iter().map(|role| word_and_bit(*role).0.saturating_add(1)).max().unwrap_or(0);
        let mut bits = vec![0; words].into_boxed_slice();
        for role in roles {
            let (word, bit) = word_and_bit(*role);
            if let Some(slot) = bits.get_mut(word) {
                *slot |= bit;
            }
        }
        Self::Listed(bits)
    }

    /// Whether `role` is one of them.
    pub(super) fn contains(&self, role: RoleIndex) -> bool {
        match self {
            Self::Everyone => true,
            Self::Listed(bits) => {
                let (word, bit) = word_and_bit(role);
                bits.get(word).is_some_and(|slot| slot & bit != 0)
            }
        }
    }
}

fn word_and_bit(role: RoleIndex) -> (usize, u64) {
    (usize::from(role.0 / 64), 1 << (role.0 % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Origin;

    #[test]
    fn exactly_the_listed_roles_are_members() {
        let listed = [0, 63, 64, 700].map(RoleIndex);
        let set = RoleSet::of(&Audience::Only { roles: listed.to_vec(), origin: Origin::new("here") });
        for role in (0..1000).chain([u16::MAX]).map(RoleIndex) {
            assert_eq!(set.contains(role), listed.contains(&role), "{role:?}");
        }
    }

    #[test]
    fn an_empty_list_admits_nobody_and_no_list_everybody() {
        let nobody = RoleSet::of(&Audience::Only { roles: Vec::new(), origin: Origin::new("here") });
        assert!(!nobody.contains(RoleIndex(0)));
        assert!(RoleSet::of(&Audience::Deployment).contains(RoleIndex(9)));
        assert!(RoleSet::of(&Audience::Public).contains(RoleIndex(9)));
    }
}
