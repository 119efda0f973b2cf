//! Reads and adds the digests of modules.

use rusqlite::{OptionalExtension, TransactionBehavior, params};

use super::database::Reader;
use super::error::{Error, Result};
use crate::names::{Digest, ModuleHash};

impl Reader {
    /// Returns the hash of the module with this digest; `None` if no commit in the index has such a module, or its digest is not known yet.
    pub fn module_of(&self, digest: Digest) -> Result<Option<ModuleHash>> {
        let mut find = self
            .connection()
            .prepare_cached("SELECT hash FROM modules WHERE sha256 = ?")?;
        let hash = find.query_row([digest.as_bytes()], |row| row.get::<_, Vec<u8>>(0));
        hash.optional()?.as_deref().map(module_hash).transpose()
    }

    /// Returns the digest of a module; `None` if the digest is not in the index, or the module could not be read.
    pub fn digest_of(&self, module: ModuleHash) -> Result<Option<Digest>> {
        let mut find = self
            .connection()
            .prepare_cached("SELECT sha256 FROM modules WHERE hash = ?")?;
        let sha256 = find.query_row([module.as_bytes()], |row| row.get::<_, Option<Vec<u8>>>(0));
        let sha256 = sha256.optional()?.flatten();
        let sha256 = sha256.and_then(|sha256| sha256.try_into().ok());
        Ok(sha256.map(Digest::from_bytes))
    }

    /// Returns the blob ids of at most `count` modules whose SHA-256 is not in the version index yet.
    pub fn modules_without_digest(&self, count: u32) -> Result<Vec<ModuleHash>> {
        let query = "SELECT hash FROM modules WHERE sha256 IS NULL ORDER BY id LIMIT ?";
        self.module_hashes(query, count)
    }

    /// Returns the hashes that a query selects, at most `count`.
    pub(super) fn module_hashes(&self, query: &str, count: u32) -> Result<Vec<ModuleHash>> {
        let mut find = self.connection().prepare_cached(query)?;
        let mut rows = find.query([count])?;
        let mut hashes = Vec::new();
        while let Some(row) = rows.next()? {
            hashes.push(module_hash(&row.get::<_, Vec<u8>>(0)?)?);
        }
        Ok(hashes)
    }

    /// Stores the digests of modules. The digest of a module that cannot be read is `None`.
    pub fn add_digests(&mut self, digests: &[(ModuleHash, Option<Digest>)]) -> Result<()> {
        let transaction = rusqlite::Transaction::new_unchecked(
            self.connection(),
            TransactionBehavior::Immediate,
        )?;
        {
            let mut update =
                transaction.prepare_cached("UPDATE modules SET sha256 = ? WHERE hash = ?")?;
            for (hash, digest) in digests {
                let sha256 = digest.as_ref().map_or(&[][..], |digest| digest.as_bytes());
                update.execute(params![sha256, hash.as_bytes()])?;
            }
        }
        Ok(transaction.commit()?)
    }
}

pub(super) fn module_hash(bytes: &[u8]) -> Result<ModuleHash> {
    ModuleHash::from_bytes(bytes).ok_or(Error::Damaged("a hash has neither 20 nor 32 bytes"))
}
