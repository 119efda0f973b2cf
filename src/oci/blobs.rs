//! Finds a blob of a repository by digest, and deletes a blob from a repository.

use std::fs::File;
use std::path::PathBuf;

use super::catalog::find_recorded;
use super::error::{Error, Result};
use super::pull::is_known;
use super::records::Records;
use super::registry::{Registry, modules};
use crate::names::{Author, Digest, HashRef, ModuleHash, OciDigest, RepositoryName};
use crate::store::{Published, RegistryView, Store};

/// The maximum number of modules in a repository whose digests are compared one by one. In a larger repository, the digest is looked up in
/// the store's index. That is slow if the index lacks commits, because they must be added first.
const COMPARED_MAX: usize = 64;

/// A blob of an OCI repository, and where its bytes are.
pub enum FoundBlob {
    /// A git blob of the store.
    Stored(ModuleHash),
    /// The configuration in a manifest that the registry made for a module.
    Config(Vec<u8>),
    /// An uploaded blob that no manifest has named yet: its open file, and the path of the file.
    Uploaded(File, PathBuf),
}

impl Registry {
    /// Returns the blob of a repository with this digest.
    ///
    /// # Errors
    /// [`Error::BlobUnknown`], or [`Error::NameUnknown`] if there is no such repository.
    pub fn blob(
        &self,
        store: &Store,
        repository: &RepositoryName,
        digest: &OciDigest,
    ) -> Result<FoundBlob> {
        store.read_registry(
            |view| match self.find_blob(store, view, repository, digest)? {
                Some(found) => Ok(found),
                None if is_known(view, repository)? => Err(Error::BlobUnknown {
                    repository: repository.clone(),
                    digest: *digest,
                }),
                None => Err(Error::NameUnknown(repository.clone())),
            },
        )
    }

    pub(super) fn find_blob(
        &self,
        store: &Store,
        view: &RegistryView<'_>,
        repository: &RepositoryName,
        digest: &OciDigest,
    ) -> Result<Option<FoundBlob>> {
        let record = view.record(Records(repository).blob(digest).as_tree_path())?;
        if let Some(hash) = record {
            return Ok(Some(FoundBlob::Stored(hash)));
        }
        if let Some((file, path)) = store.uploaded_blob(repository, digest)? {
            return Ok(Some(FoundBlob::Uploaded(file, path)));
        }
        if let Some(hash) = module_blob(store, view, repository, digest)? {
            return Ok(Some(FoundBlob::Stored(hash)));
        }
        let made = self.module_by_digest(view, repository, digest)?;
        let made = made.map(|(_, made)| made);
        let made = made.filter(|made| made.config_digest == *digest);
        Ok(made.map(|made| FoundBlob::Config(made.config.clone())))
    }

    /// Adds the blob with this digest from the repository `from`, or for `None` from any repository, to `repository`. Returns whether there
    /// is such a blob.
    ///
    /// # Errors
    /// The records cannot be read, or the blob cannot be copied.
    pub fn mount_blob(
        &self,
        store: &Store,
        repository: &RepositoryName,
        from: Option<&RepositoryName>,
        digest: &OciDigest,
    ) -> Result<bool> {
        let found = store.read_registry(|view| match from {
            Some(from) => self.find_blob(store, view, from, digest),
            None => self.find_blob_anywhere(store, view, digest),
        })?;
        let Some(found) = found else {
            return Ok(false);
        };
        let mut upload = store.begin_blob(repository)?;
        match found {
            FoundBlob::Stored(hash) => upload.write(&store.bytes(hash)?)?,
            FoundBlob::Config(bytes) => upload.write(&bytes)?,
            FoundBlob::Uploaded(file, path) => upload.write_file(file, &path)?,
        }
        Ok(upload.complete(digest)?)
    }

    fn find_blob_anywhere(
        &self,
        store: &Store,
        view: &RegistryView<'_>,
        digest: &OciDigest,
    ) -> Result<Option<FoundBlob>> {
        if let Some((file, path)) = store.uploaded_blob_anywhere(digest)? {
            return Ok(Some(FoundBlob::Uploaded(file, path)));
        }
        let found = find_recorded(view, |repository| {
            let record = Records(repository).blob(digest);
            Ok(view.record(record.as_tree_path())?)
        })?;
        Ok(found.map(FoundBlob::Stored))
    }

    /// Deletes a blob from a repository: its record and its uploaded file.
    ///
    /// # Errors
    /// [`Error::BlobInUse`] if the blob is a module on the default branch; [`Error::BlobUnknown`]; the change cannot be published.
    pub fn delete_blob(
        &self,
        store: &Store,
        repository: &RepositoryName,
        digest: &OciDigest,
        author: Option<Author>,
    ) -> Result<Published<()>> {
        let record = Records(repository).blob(digest);
        let is_uploaded = store.uploaded_blob(repository, digest)?.is_some();
        let published = store.begin_registry_write(author)?.publish(|draft| {
            let is_recorded = draft.record(record.as_tree_path())?.is_some();
            draft.remove_records(std::slice::from_ref(&record))?;
            let message = format!("Delete blob {digest} of {repository}");
            Ok::<_, Error>((message, is_recorded))
        })?;
        if is_uploaded {
            store.remove_uploaded_blob(repository, digest)?;
        } else if !published.value {
            return Err(self.missing_blob(store, repository, digest));
        }
        Ok(published.with_value(()))
    }

    /// Returns the error for the deletion of a blob that has neither a record nor an uploaded file in the repository.
    fn missing_blob(
        &self,
        store: &Store,
        repository: &RepositoryName,
        digest: &OciDigest,
    ) -> Error {
        let module = store.read_registry(|view| {
            let Some(hash) = module_blob(store, view, repository, digest)? else {
                return Ok(None);
            };
            let modules = modules(view, repository)?;
            let module = modules.into_iter().find(|module| module.hash == hash);
            Ok::<_, Error>(module.map(|module| module.path))
        });
        match module {
            Ok(Some(path)) => Error::BlobInUse(path),
            Ok(None) => match self.blob(store, repository, digest) {
                Err(error) => error,
                Ok(_) => Error::ConfigurationInUse,
            },
            Err(error) => error,
        }
    }
}

/// Returns the module on the default branch that is in the repository and has this digest.
fn module_blob(
    store: &Store,
    view: &RegistryView<'_>,
    repository: &RepositoryName,
    digest: &OciDigest,
) -> Result<Option<ModuleHash>> {
    let OciDigest::Sha256(bytes) = digest else {
        return Ok(None);
    };
    let digest = Digest::from_bytes(*bytes);
    let modules = modules(view, repository)?;
    if modules.len() <= COMPARED_MAX {
        for module in modules {
            if view.digest(module.hash)? == digest {
                return Ok(Some(module.hash));
            }
        }
        return Ok(None);
    }
    let hash = store.stored(&HashRef::Digest(digest))?;
    Ok(hash.filter(|hash| modules.iter().any(|module| module.hash == *hash)))
}
