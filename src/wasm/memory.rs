//! Counts the memory that `wasmparser` uses for parsed sections, and charges it to a [`ByteBudget`].
//!
//! `wasmparser` keeps types, names and index spaces until the end of the module. In memory, they are much larger than in the module: a type
//! of two bytes uses more than 200 bytes of memory.

use wasmparser::Payload;

use super::Error;
use super::section_class::SectionClass;
use crate::budget::{ByteBudget, Charge, SMALL_BYTES_MAX};

/// The largest possible charge, divided by this number, is the most that is charged for one module, even if its memory is larger. So even
/// with a small budget, a large module is accepted.
const SHARE: u64 = 2;

/// The memory that `wasmparser` uses for each byte of a section with types, in bytes. This and the following values were measured with the
/// shortest possible declarations.
const TYPE_BYTE: u64 = 128;
const NAME_BYTE: u64 = 64;
const COMPONENT_BYTE: u64 = 96;
const OTHER_BYTE: u64 = 16;

/// The memory that the collector of facts uses for each byte of a section with types, in bytes. The collector keeps the types, the index
/// spaces, and the sizes of functions.
const TYPE_BYTE_OF_FACTS: u64 = 64;
const OTHER_BYTE_OF_FACTS: u64 = 16;

/// The memory that the parsed sections of one module use, and its charge to the budget.
pub(super) struct ParsedMemory {
    charge: Charge,
    share: u64,
    bytes: u64,
    has_facts: bool,
}

impl ParsedMemory {
    pub(super) fn new(budget: &ByteBudget) -> Self {
        Self {
            charge: budget.empty_charge(),
            share: budget.largest() / SHARE,
            bytes: 0,
            has_facts: false,
        }
    }

    /// Starts to charge the memory that the collector of facts uses, too.
    pub(super) fn charge_facts(&mut self) {
        self.has_facts = true;
    }

    /// Charges the memory of a section to the budget before the section is parsed. Charges nothing while the memory of the module is at
    /// most [`SMALL_BYTES_MAX`]. Does not wait if the budget is used up: the upload of the module already holds another charge of the
    /// budget, so two uploads could wait for each other forever.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the budget is used up.
    pub(super) fn charge(&mut self, payload: &Payload<'_>) -> Result<(), Error> {
        self.bytes = self
            .bytes
            .saturating_add(of_payload(payload, self.has_facts));
        let bytes = self.bytes.min(self.share);
        if bytes <= SMALL_BYTES_MAX {
            return Ok(());
        }
        self.charge
            .try_resize(bytes)
            .map_err(|_| Error::OutOfMemory)
    }
}

fn of_payload(payload: &Payload<'_>, has_facts: bool) -> u64 {
    let Some((class, bytes)) = SectionClass::of_payload(payload) else {
        return 0;
    };
    let byte = match class {
        SectionClass::Types => TYPE_BYTE,
        SectionClass::Names => NAME_BYTE,
        SectionClass::Functions | SectionClass::Expressions => OTHER_BYTE,
        SectionClass::Component => COMPONENT_BYTE,
        SectionClass::Memories | SectionClass::Data | SectionClass::Custom => 0,
    };
    let byte_of_facts = match class {
        SectionClass::Types => TYPE_BYTE_OF_FACTS,
        SectionClass::Names | SectionClass::Functions | SectionClass::Expressions => {
            OTHER_BYTE_OF_FACTS
        }
        _ => 0,
    };
    bytes.saturating_mul(byte + if has_facts { byte_of_facts } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ModuleLimits;
    use crate::wasm::Validation;

    /// Returns a module with one recursion group of `count` empty structures.
    fn group(count: u32) -> Vec<u8> {
        let leb = |number: u32| {
            let mut bytes: Vec<_> = (0..5)
                .map(|n| (number >> (7 * n)) as u8 & 0x7f | 0x80)
                .collect();
            bytes[4] &= 0x7f;
            bytes
        };
        let types = [
            &[1, 0x4e][..],
            &leb(count),
            &b"\x5f\0".repeat(count as usize),
        ]
        .concat();
        [b"\0asm\x01\0\0\0\x01", &leb(types.len() as u32)[..], &types].concat()
    }

    #[test]
    fn types_are_charged_until_the_validation_ends() {
        let budget = ByteBudget::new(16 << 20);
        let limits = ModuleLimits::default();
        let module = group(20_000);
        let mut validations: Vec<_> = (0..3)
            .map(|_| Validation::with_budget(&limits, &budget))
            .collect();
        validations[0].write(&module).unwrap();
        assert!(budget.used() >= 40_000 * TYPE_BYTE);
        validations[1].write(&module).unwrap();
        let refused = validations[2].write(&module);
        assert!(matches!(refused, Err(Error::OutOfMemory)), "{refused:?}");
        validations.pop().unwrap().finish().unwrap_err();
        validations.pop().unwrap().finish().unwrap();
        validations.pop();
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_module_that_needs_more_than_the_budget_takes_half_of_it() {
        let budget = ByteBudget::new(1 << 20);
        let mut validation = Validation::with_budget(&ModuleLimits::default(), &budget);
        validation.write(&group(20_000)).unwrap();
        assert_eq!(budget.used(), budget.largest() / SHARE);
        validation.finish().unwrap();
        assert_eq!(budget.used(), 0);
    }
}
