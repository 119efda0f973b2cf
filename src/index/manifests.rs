//! Reads and adds the digests of the manifests that the OCI registry makes for modules.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};

use super::database::Reader;
use super::digests::module_hash;
use super::error::Result;
use crate::names::{Digest, ModuleHash};

/// The digests of the manifest that the registry makes for a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestEntry {
    /// The module.
    pub module: ModuleHash,
    /// The file name of the module, which the manifest contains.
    pub file_name: String,
    /// The digest of the manifest.
    pub digest: Digest,
    /// The digest of the configuration that the manifest names.
    pub config: Digest,
}

impl Reader {
    /// Returns the entry for the manifest that the registry makes for `module` if the module's file has the name `file_name`; `None` if the
    /// index has no such entry.
    pub fn manifest_of(
        &self,
        module: ModuleHash,
        file_name: &str,
    ) -> Result<Option<ManifestEntry>> {
        let mut find = self.connection().prepare_cached(
            "SELECT hash, file_name, digest, config FROM manifests WHERE hash = ? AND file_name = ?",
        )?;
        let found = find.query_row(params![module.as_bytes(), file_name], entry);
        Ok(found.optional()?)
    }

    /// Returns the manifest with a digest; `None` if it is not in the index.
    pub fn manifest_with(&self, digest: Digest) -> Result<Option<ManifestEntry>> {
        let mut find = self.connection().prepare_cached(
            "SELECT hash, file_name, digest, config FROM manifests WHERE digest = ?",
        )?;
        let found = find.query_row([digest.as_bytes()], entry);
        Ok(found.optional()?)
    }

    /// Adds manifests, in one transaction. Skips manifests that are already in the index.
    pub fn add_manifests(&mut self, entries: &[ManifestEntry]) -> Result<()> {
        let transaction = rusqlite::Transaction::new_unchecked(
            self.connection(),
            TransactionBehavior::Immediate,
        )?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT OR IGNORE INTO manifests (hash, file_name, digest, config) VALUES (?, ?, ?, ?)")?;
            for entry in entries {
                insert.execute(params![
                    entry.module.as_bytes(),
                    entry.file_name,
                    entry.digest.as_bytes(),
                    entry.config.as_bytes()
                ])?;
            }
        }
        Ok(transaction.commit()?)
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<ManifestEntry> {
    let malformed = |column| rusqlite::Error::InvalidColumnType(column, String::new(), Type::Blob);
    let module = module_hash(&row.get::<_, Vec<u8>>(0)?).map_err(|_| malformed(0))?;
    let digest = |column| {
        let bytes: Vec<u8> = row.get(column)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| malformed(column))?;
        Ok::<_, rusqlite::Error>(Digest::from_bytes(bytes))
    };
    Ok(ManifestEntry {
        module,
        file_name: row.get(1)?,
        digest: digest(2)?,
        config: digest(3)?,
    })
}
