//! Limits the estimated work of validation. The work is measured in units of fuel; a unit is about a nanosecond of one core.
//!
//! The work is estimated before it is done, from the operators and declarations. If the time were measured instead, the result would depend
//! on the machine and on its load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Error;
use crate::config::ModuleLimits;

/// The fuel is divided into [`SHARES_MAX`] shares. A module gets one share at the start, and one more share for each `SHARE_BYTES` bytes of
/// its length. So the validation of a module of a few kilobytes cannot cost as much as the validation of a large module. A module of 10 MiB
/// or more gets all shares.
const SHARE_BYTES: u64 = 64 << 10;
/// The number of shares into which the fuel (the maximum work of a validation) is divided. A module gets more shares the longer it is.
const SHARES_MAX: u64 = 160;

/// The fuel of a large module, divided by this number, is the maximum fuel for a single operator. The limit exists because validation can
/// be cancelled only between operators.
const OPERATORS_MIN: u64 = 20;

/// The number of units of fuel that are used between two checks of [`Fuel::is_cancelled`].
const CANCEL_INTERVAL: u64 = 1 << 20;

/// The fuel of one module: a limit on the estimated work of its validation, and the part of it that is used. The threads that validate its
/// function bodies share it.
#[derive(Debug)]
pub struct Fuel {
    /// The fuel that a module of 10 MiB or more may use.
    max: u64,
    /// The fuel that has been used for sections. The fuel for function bodies is not included.
    sections: AtomicU64,
    /// The fuel that has been used for all sections and function bodies.
    used: AtomicU64,
    /// Whether the module has been rejected, so that the threads that validate its function bodies can stop.
    is_stopped: AtomicBool,
    cancellation: Cancellation,
}

/// Cancels validations from another thread. Clones cancel the same validations: for example, one request can cancel the validations of all
/// its modules.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Cancels the validations: each fails with [`Error::Cancelled`] when it next checks for cancellation, which happens only between
    /// operators.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The reason why validation stopped before the end of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopReason {
    /// The module has used up its fuel, which limits the estimated work of the validation.
    OutOfFuel,
    /// The validation was cancelled, or the module has already been rejected.
    Cancelled,
}

impl Fuel {
    pub(super) fn new(limits: &ModuleLimits, cancellation: Cancellation) -> Self {
        Self {
            max: limits.validation_fuel_max,
            sections: AtomicU64::new(0),
            used: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
            cancellation,
        }
    }

    /// Returns a handle with which another thread can cancel the validation.
    pub(super) fn cancellation(&self) -> Cancellation {
        self.cancellation.clone()
    }

    /// Returns the fuel that a module of 10 MiB or more may use.
    pub(super) fn max(&self) -> u64 {
        self.max
    }

    /// Returns the maximum fuel (units of validation work) that a module of `bytes` bytes, or a batch of function bodies of that length,
    /// may use.
    pub(super) fn share(&self, bytes: u64) -> u64 {
        let shares = (bytes / SHARE_BYTES + 1).min(SHARES_MAX);
        (self.max / SHARES_MAX).saturating_mul(shares).min(self.max)
    }

    /// Charges `units` of fuel for the work on a section that ends at the offset `end` in the module.
    ///
    /// All sections up to `end` together may use the fuel of a module of `end` bytes. The bytes after `end` do not count, so that the
    /// result does not depend on how many bytes have arrived.
    pub(super) fn charge_section(&self, units: u64, end: u64) -> Result<(), StopReason> {
        let sections = self.sections.fetch_add(units, Ordering::Relaxed);
        if sections.saturating_add(units) > self.share(end) {
            return Err(StopReason::OutOfFuel);
        }
        self.charge(units)
    }

    fn charge(&self, units: u64) -> Result<(), StopReason> {
        if self.is_cancelled() {
            return Err(StopReason::Cancelled);
        }
        let used = self.used.fetch_add(units, Ordering::Relaxed);
        if used.saturating_add(units) > self.max {
            return Err(StopReason::OutOfFuel);
        }
        Ok(())
    }

    /// Returns the fuel that has been used so far.
    #[cfg(test)]
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Stops the validation of this module, because it has been rejected.
    pub(super) fn cancel(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed) || self.cancellation.is_cancelled()
    }

    /// Returns the error for a validation that stopped at `offset` in the module for the reason `stop`.
    pub(super) fn error(&self, stop: StopReason, offset: u64) -> Error {
        match stop {
            StopReason::OutOfFuel => Error::TooMuchWork {
                fuel_max: self.max,
                offset,
            },
            StopReason::Cancelled => Error::Cancelled,
        }
    }
}

/// The fuel of one batch of function bodies: a limit on the estimated work of their validation. The limit depends only on the length of the
/// batch and not on the fuel that other batches use, so that the result does not depend on the order in which threads validate batches.
pub(super) struct BatchFuel<'f> {
    fuel: &'f Fuel,
    share: u64,
    used: u64,
    /// The part of `used` that has been added to the used fuel of the module.
    charged: u64,
    operator_max: u64,
}

impl<'f> BatchFuel<'f> {
    /// Creates the fuel of a batch of function bodies. `fuel` is the fuel of the whole module. `bytes` is the length of the batch, which
    /// limits the fuel that the batch may use.
    pub(super) fn new(fuel: &'f Fuel, bytes: usize) -> Self {
        Self {
            fuel,
            share: fuel.share(bytes as u64),
            used: 0,
            charged: 0,
            operator_max: fuel.max / OPERATORS_MIN,
        }
    }

    /// Charges `units` of fuel for the work on one operator.
    #[inline]
    pub(super) fn charge(&mut self, units: u64) -> Result<(), StopReason> {
        if units > self.operator_max {
            return Err(StopReason::OutOfFuel);
        }
        self.charge_body(units)
    }

    /// Charges `units` of fuel for the work on many operators.
    #[inline]
    pub(super) fn charge_body(&mut self, units: u64) -> Result<(), StopReason> {
        self.used = self.used.saturating_add(units);
        if self.used > self.share {
            return Err(StopReason::OutOfFuel);
        }
        if self.used - self.charged >= CANCEL_INTERVAL {
            return self.settle();
        }
        Ok(())
    }

    /// Adds the fuel that this batch has used since the last call of `settle` to the used fuel of the module.
    pub(super) fn settle(&mut self) -> Result<(), StopReason> {
        let units = self.used - self.charged;
        self.charged = self.used;
        self.fuel.charge(units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fuel(max: u64) -> Fuel {
        let limits = ModuleLimits {
            validation_fuel_max: max,
            ..ModuleLimits::default()
        };
        Fuel::new(&limits, Cancellation::default())
    }

    #[test]
    fn a_small_module_gets_a_share() {
        let fuel = fuel(SHARES_MAX * 100);
        assert_eq!(fuel.share(0), 100);
        assert_eq!(fuel.share(SHARE_BYTES - 1), 100);
        assert_eq!(fuel.share(SHARE_BYTES), 200);
        assert_eq!(fuel.share(10 << 20), SHARES_MAX * 100);
        assert_eq!(fuel.share(1 << 30), SHARES_MAX * 100);
    }

    #[test]
    fn sections_and_batches_share_the_total() {
        let fuel = fuel(SHARES_MAX * 100);
        fuel.charge_section(60, 10).unwrap();
        assert_eq!(fuel.charge_section(41, 20), Err(StopReason::OutOfFuel));
        let mut batch = BatchFuel::new(&fuel, 10);
        batch.charge(100).unwrap();
        assert_eq!(batch.charge(1), Err(StopReason::OutOfFuel));
        batch.settle().unwrap();
        assert_eq!(fuel.used(), 60 + 101);
        for _ in 0..158 {
            let mut batch = BatchFuel::new(&fuel, 10);
            batch.charge(100).unwrap();
            batch.settle().unwrap();
        }
        let mut last = BatchFuel::new(&fuel, 10);
        last.charge(100).unwrap();
        assert_eq!(last.settle(), Err(StopReason::OutOfFuel));
    }

    #[test]
    fn one_operator_gets_a_twentieth() {
        let fuel = fuel(1000);
        let mut batch = BatchFuel::new(&fuel, 10 << 20);
        batch.charge(50).unwrap();
        assert_eq!(batch.charge(51), Err(StopReason::OutOfFuel));
    }

    #[test]
    fn a_cancelled_validation_stops() {
        let fuel = fuel(u64::MAX);
        let mut batch = BatchFuel::new(&fuel, 1);
        fuel.cancel();
        assert_eq!(batch.charge(CANCEL_INTERVAL), Err(StopReason::Cancelled));
        assert_eq!(fuel.charge_section(1, 1), Err(StopReason::Cancelled));
    }
}
