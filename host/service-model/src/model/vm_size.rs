//! Machine sizes (facts: section 8.2, "Sizes").

use std::fmt;

/// A size of machine, which limits each instance of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VmSize(&'static Row);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Row {
    /// The documented name first, other names of the same machine after it.
    names: &'static [&'static str],
    cores: u32,
    /// The one core is shared with machines of others.
    shared_core: bool,
    memory_mib: u32,
    disk_gib: u32,
}

const fn row(names: &'static [&'static str], cores: u32, memory_mib: u32, disk_gib: u32) -> Row {
    Row { names, cores, shared_core: false, memory_mib, disk_gib }
}

const EXTRA_SMALL: Row = Row { shared_core: true, ..row(&["ExtraSmall", "A0", "Standard_A0"], 1, 768, 19) };

static SMALL: Row = row(&["Small", "A1", "Standard_A1"], 1, 1_792, 224);

static OTHERS: &[Row] = &[
    EXTRA_SMALL,
    row(&["Medium", "A2", "Standard_A2"], 2, 3_584, 489),
    row(&["Large", "A3", "Standard_A3"], 4, 7_168, 999),
    row(&["ExtraLarge", "A4", "Standard_A4"], 8, 14_336, 2_039),
    row(&["A5", "Standard_A5"], 2, 14_336, 489),
    row(&["A6", "Standard_A6"], 4, 28_672, 999),
    row(&["A7", "Standard_A7"], 8, 57_344, 2_039),
    row(&["A8", "Standard_A8"], 8, 57_344, 382),
    row(&["A9", "Standard_A9"], 16, 114_688, 382),
    row(&["A10", "Standard_A10"], 8, 57_344, 382),
    row(&["A11", "Standard_A11"], 16, 114_688, 382),
    row(&["Standard_D1", "Standard_D1_v2"], 1, 3_584, 50),
    row(&["Standard_D2", "Standard_D2_v2"], 2, 7_168, 100),
    row(&["Standard_D3", "Standard_D3_v2"], 4, 14_336, 200),
    row(&["Standard_D4", "Standard_D4_v2"], 8, 28_672, 400),
    row(&["Standard_D5_v2"], 16, 57_344, 800),
    row(&["Standard_D11", "Standard_D11_v2"], 2, 14_336, 100),
    row(&["Standard_D12", "Standard_D12_v2"], 4, 28_672, 200),
    row(&["Standard_D13", "Standard_D13_v2"], 8, 57_344, 400),
    row(&["Standard_D14", "Standard_D14_v2"], 16, 114_688, 800),
];

impl VmSize {
    /// The default.
    pub const SMALL: VmSize = VmSize(&SMALL);

    /// The size of this name, without regard to ASCII case; `None` for a name that the table lacks.
    pub fn named(name: &str) -> Option<VmSize> {
        let has_name = |row: &&Row| row.names.iter().any(|known| known.eq_ignore_ascii_case(name));
        std::iter::once(&SMALL).chain(OTHERS).find(has_name).map(VmSize)
    }

    /// Every name that [`VmSize::named`] knows.
    pub(crate) fn known_names() -> impl Iterator<Item = &'static str> {
        std::iter::once(&SMALL).chain(OTHERS).flat_map(|row| row.names.iter().copied())
    }

    /// The documented name.
    pub fn name(self) -> &'static str {
        self.0.names.first().copied().unwrap_or_default()
    }

    /// Processor cores.
    pub fn cores(self) -> u32 {
        self.0.cores
    }

    /// Share of the processors in relation to other instances: 100 for each core, 50 for the shared core of
    /// ExtraSmall.
    pub fn cpu_weight(self) -> u32 {
        const CORE: u32 = 100;
        if self.0.shared_core { CORE / 2 } else { self.0.cores.saturating_mul(CORE) }
    }

    /// Memory in bytes.
    pub fn memory_bytes(self) -> u64 {
        u64::from(self.0.memory_mib) << 20
    }

    /// Local disk in bytes.
    pub fn disk_bytes(self) -> u64 {
        u64::from(self.0.disk_gib) << 30
    }
}

impl Default for VmSize {
    fn default() -> Self {
        VmSize::SMALL
    }
}

impl fmt::Display for VmSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_documented_memory() {
        let mib = |name| VmSize::named(name).unwrap().memory_bytes() / (1 << 20);
        assert_eq!(mib("ExtraSmall"), 768);
        assert_eq!(mib("Small"), 1792);
        assert_eq!(mib("Standard_D14_v2"), 112 * 1024);
        assert_eq!(VmSize::default(), VmSize::named("small").unwrap());
    }

    #[test]
    fn a_shared_core_weighs_half_of_an_own_one() {
        let weight = |name| VmSize::named(name).unwrap().cpu_weight();
        assert_eq!((weight("ExtraSmall"), weight("Small"), weight("Standard_D1")), (50, 100, 100));
        assert_eq!((weight("Medium"), weight("A11")), (200, 1600));
        assert_eq!(VmSize::SMALL.disk_bytes(), 224 << 30);
    }

    #[test]
    fn no_name_stands_for_two_sizes() {
        let mut names: Vec<String> = VmSize::known_names().map(str::to_ascii_lowercase).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(VmSize::named("Enormous"), None);
    }
}
