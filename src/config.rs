//! Plain option structs: every limit on what comes from outside, with its default.

/// How a store is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Limits on the modules that are taken in.
    pub modules: ModuleLimits,
}

/// Limits on the modules that are taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleLimits {
    /// The largest module, in bytes.
    pub module_bytes_max: u64,
    /// The largest section other than code and custom sections, in bytes: such a section is held in memory whole.
    pub section_bytes_max: u32,
}

impl Default for ModuleLimits {
    fn default() -> Self {
        Self {
            module_bytes_max: 1 << 30,
            section_bytes_max: 64 << 20,
        }
    }
}
