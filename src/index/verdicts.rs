//! Records which modules this version of wasmstore found valid.

use rusqlite::{OptionalExtension, TransactionBehavior, params};

use super::database::Reader;
use super::error::Result;
use crate::names::ModuleHash;

/// The version of this program. Another version may have a different validator, so it validates modules again.
const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Reader {
    /// Returns whether this version of wasmstore found a module valid.
    pub fn is_valid(&self, module: ModuleHash) -> Result<bool> {
        let mut find = self
            .connection()
            .prepare_cached("SELECT 1 FROM verdicts WHERE hash = ? AND version = ?")?;
        let found = find.query_row(params![module.as_bytes(), VERSION], |_| Ok(()));
        Ok(found.optional()?.is_some())
    }

    /// Returns whether some commit in the index has the module.
    pub fn has_module(&self, module: ModuleHash) -> Result<bool> {
        let mut find = self
            .connection()
            .prepare_cached("SELECT 1 FROM modules WHERE hash = ?")?;
        let found = find.query_row([module.as_bytes()], |_| Ok(()));
        Ok(found.optional()?.is_some())
    }

    /// Records that this version of wasmstore found modules valid.
    pub fn add_valid(&mut self, modules: &[ModuleHash]) -> Result<()> {
        let transaction = rusqlite::Transaction::new_unchecked(
            self.connection(),
            TransactionBehavior::Immediate,
        )?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT OR REPLACE INTO verdicts VALUES (?, ?)")?;
            for module in modules {
                insert.execute(params![module.as_bytes(), VERSION])?;
            }
        }
        Ok(transaction.commit()?)
    }
}
