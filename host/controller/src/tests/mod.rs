//! Whole hosts with real guests: what is deployed runs, what is changed stays changed, and what was begun is never half there.

mod adopting;
mod bed;
mod changes;
mod crashes;
mod deploying;
mod fallbacks;
mod full_disk;
mod order;
mod over_the_wire;
mod places;
mod records;
mod swapping;
mod tenancy;
mod upgrading;
