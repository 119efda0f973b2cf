//! Writes records of the registry, and modules of a branch, in one change.

use std::fs::File;
use std::io::Seek;
use std::path::Path;

use super::draft::RegistryDraft;
use super::records_edit::RecordsEdit;
use super::uploads::digest_of;
use crate::names::{Author, BranchName, ModuleHash, OciDigest, RepositoryName};
use crate::repo::{self, ChangeRefs, Decision, Draft, Published, RegistryTips, Spool, WriteTxn};
use crate::store::error::{Error, Result};
use crate::store::open::Store;
use crate::store::upload::ValidatedUpload;

/// A write to the OCI registry. It stores blobs first, and then publishes a change of the records (the files in the tree of
/// `refs/oci/records`) and the branch.
pub struct RegistryWrite<'s> {
    store: &'s Store,
    txn: WriteTxn<'s>,
    /// The branch of the registry; `None` is the default branch.
    branch: Option<BranchName>,
    author: Author,
}

impl Store {
    /// Begins a write to the OCI registry. `author` is the author of its commits.
    ///
    /// # Errors
    /// The store is a replica, does not exist or cannot be written.
    pub fn begin_registry_write(&self, author: Option<Author>) -> Result<RegistryWrite<'_>> {
        Ok(RegistryWrite {
            store: self,
            txn: self.begin()?,
            branch: self.registry_branch_override(),
            author: author.unwrap_or_default(),
        })
    }
}

impl RegistryWrite<'_> {
    /// Stores bytes as a blob.
    ///
    /// # Errors
    /// The bytes cannot be written.
    pub fn add_bytes(&mut self, bytes: Vec<u8>) -> Result<ModuleHash> {
        Ok(self.txn.add_blob(&mut Spool::holding(bytes))?)
    }

    /// Stores an uploaded blob. If `is_module` is set, first validates it as a module. Returns `None` if there is no such upload, or if its
    /// bytes do not have the digest any more: the file was never fsynced, so a power cut may have damaged it.
    ///
    /// # Errors
    /// The bytes are not a valid module; the file cannot be read, or the blob cannot be written.
    pub fn add_uploaded(
        &mut self,
        repository: &RepositoryName,
        digest: &OciDigest,
        is_module: bool,
    ) -> Result<Option<ModuleHash>> {
        let Some((mut file, path)) = self.store.uploaded_blob(repository, digest)? else {
            return Ok(None);
        };
        // Validates first, because validation computes the digest too. So an undamaged module is read only once.
        if let (true, OciDigest::Sha256(expected)) = (is_module, digest)
            && let Ok(copy) = file.try_clone()
            && let Ok(upload) = self.store.validate_file(&digest.to_string(), copy, &path)
            && upload.info.sha256 == *expected
        {
            return self.add_validated(upload).map(Some);
        }
        file.rewind().map_err(|source| Error::File {
            action: "read",
            path: path.clone(),
            source,
        })?;
        let computed = digest_of(&mut file, digest).map_err(|source| Error::File {
            action: "read",
            path: path.clone(),
            source,
        })?;
        if computed != *digest {
            tracing::warn!(%digest, "removing an uploaded blob that is damaged");
            self.store.remove_uploaded_blob(repository, digest)?;
            return Ok(None);
        }
        if is_module {
            return self.add_module(&digest.to_string(), file, &path).map(Some);
        }
        Ok(Some(self.txn.add_blob(&mut Spool::of_file(file, &path)?)?))
    }

    /// Validates the bytes of a file, and stores them as a module. `name` identifies the file in errors.
    ///
    /// # Errors
    /// The bytes are not a valid module; the file cannot be read, or the blob cannot be written.
    fn add_module(&mut self, name: &str, file: File, path: &Path) -> Result<ModuleHash> {
        let upload = self.store.validate_file(name, file, path)?;
        self.add_validated(upload)
    }

    /// Stores a validated module.
    fn add_validated(&mut self, upload: ValidatedUpload) -> Result<ModuleHash> {
        let ValidatedUpload {
            mut spool,
            info,
            facts,
        } = upload;
        let hash = self.txn.add_blob(&mut spool)?;
        self.store.note_validated(hash, &info, facts);
        Ok(hash)
    }

    /// Returns whether the object store has a blob. Does not make the blob durable.
    ///
    /// # Errors
    /// The object database cannot be read.
    pub fn is_stored(&self, hash: ModuleHash) -> Result<bool> {
        Ok(self.txn.has_blob(hash)?)
    }

    /// Makes an existing blob durable, so that a record or path of this write may name it.
    ///
    /// # Errors
    /// The blob does not exist any more.
    pub fn add_stored(&mut self, hash: ModuleHash) -> Result<()> {
        Ok(self.txn.sync_existing_blob(hash)?)
    }

    /// Validates an existing blob as a module, unless it is known to be valid. `name` identifies the blob in errors.
    ///
    /// # Errors
    /// The bytes are not a valid module.
    pub fn check_stored_module(&self, name: &str, hash: ModuleHash) -> Result<()> {
        self.store.check_module(name, hash)
    }

    /// Publishes the write. `decide` edits a draft (an editable copy of the branch's tree and of the records), and returns the message of
    /// the two commits: one on the branch, and one of the records. `decide` is called again if another writer has moved one of the refs.
    ///
    /// # Errors
    /// The error of `decide`; the errors of publishing.
    pub fn publish<T, E: From<Error>>(
        self,
        mut decide: impl FnMut(&mut RegistryDraft<'_, '_>) -> Result<(String, T), E>,
    ) -> Result<Published<T>, E> {
        let author = self.author;
        let store = self.store;
        let refs = ChangeRefs::BranchAndOci(self.branch.as_ref());
        let published = store.repo.publish_refs(self.txn, refs, |drafts| {
            let [modules, records] = drafts else {
                unreachable!("BUG: the change has two refs");
            };
            let mut draft = RegistryDraft { modules, records };
            let (message, value) = decide(&mut draft).map_err(Refusal::Decision)?;
            let decision = |draft: &Draft<'_>| {
                if draft.is_changed() {
                    Decision::Commit {
                        tree: draft.tree(),
                        more_parents: Vec::new(),
                        author: author.clone(),
                        message: message.clone(),
                    }
                } else {
                    Decision::Unchanged
                }
            };
            let decisions = vec![decision(draft.modules), decision(draft.records)];
            if store.name_rules.portable {
                draft.modules.check_portable_names(&decisions[0])?;
            }
            Ok((decisions, value))
        });
        let published = published.map_err(|refusal| match refusal {
            Refusal::Decision(error) => error,
            Refusal::Repo(error) => Error::from(error).into(),
        })?;
        if let Some(commit) = published.commit.filter(|_| published.has_moved) {
            store.index_published(commit);
        }
        Ok(published)
    }

    /// Edits the records of the OCI registry, and replaces their history by one commit. Does not add objects: the blobs of new records must
    /// exist already. `decide` receives the current tips, which no other writer can move before the write is published, and returns the
    /// edit; it may be called again. Returns the tips after the write, and the second value that `decide` returned.
    ///
    /// # Errors
    /// The error of `decide`; the errors of publishing.
    pub fn replace_records<T, E: From<Error>>(
        self,
        message: &str,
        mut decide: impl FnMut(&RegistryTips) -> Result<(RecordsEdit, T), E>,
    ) -> Result<(RegistryTips, T), E> {
        let author = self.author;
        let repo = &self.store.repo;
        let published = repo.publish_refs(self.txn, ChangeRefs::Oci, |drafts| {
            let draft = drafts.first_mut().expect("BUG: the change has one ref");
            let tips = RegistryTips {
                records: draft.tip().map(|tip| tip.id),
                branches: draft.branch_tips()?,
            };
            let is_squashed = draft.tip().is_none_or(|tip| tip.parents.is_empty());
            let (edit, value) = decide(&tips).map_err(Refusal::Decision)?;
            draft.remove(&edit.removed)?;
            draft.set(&edit.added)?;
            let decision = if is_squashed && !draft.is_changed() {
                Decision::Unchanged
            } else {
                Decision::Root {
                    tree: draft.tree(),
                    author: author.clone(),
                    message: message.to_owned(),
                }
            };
            Ok((vec![decision], (tips, value)))
        });
        let published = published.map_err(|refusal| match refusal {
            Refusal::Decision(error) => error,
            Refusal::Repo(error) => Error::from(error).into(),
        })?;
        let (tips, value) = published.value;
        let records = published.commit;
        Ok((RegistryTips { records, ..tips }, value))
    }
}

/// The reason why a write was not published: an error of `decide` or of the repository.
enum Refusal<E> {
    Decision(E),
    Repo(repo::Error),
}

impl<E> From<repo::Error> for Refusal<E> {
    fn from(error: repo::Error) -> Self {
        Self::Repo(error)
    }
}
