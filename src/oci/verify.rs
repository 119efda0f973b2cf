//! Verifies the records of the OCI registry: manifests and blobs must have the digests in their paths, and tags and referrers must name
//! manifests.
//!
//! A manifest may lack records of its blobs: clients may delete the blobs of a repository one by one.

use std::collections::BTreeSet;

use super::error::Result;
use super::pull::{pushed_digests, recorded_digests};
use super::records::{BLOBS, REFERRERS, Records, TAGS};
use super::referrers;
use super::registry::Registry;
use crate::names::{ModuleHash, ModulePath, OciDigest, RepositoryName};
use crate::store::{
    FaultSeverity, Hashing512, ObjectLocation, RegistryView, Store, StoreFault, TreeNode, sha256,
};

/// Returns the faults of all records. Skips blobs that cannot be read.
pub(super) fn faults(store: &Store) -> Result<Vec<StoreFault>> {
    store.read_registry(|view| {
        let mut faults = Vec::new();
        for name in Registry::default().recorded(view)? {
            let mut check = RecordCheck {
                view,
                name: &name,
                manifests: BTreeSet::new(),
                faults: &mut faults,
            };
            check.manifests()?;
            check.blobs()?;
            check.tags()?;
            check.referrers()?;
        }
        Ok(faults)
    })
}

/// The check of the records of one repository.
struct RecordCheck<'c> {
    view: &'c RegistryView<'c>,
    name: &'c RepositoryName,
    /// The git blobs of the manifests.
    manifests: BTreeSet<ModuleHash>,
    faults: &'c mut Vec<StoreFault>,
}

impl RecordCheck<'_> {
    fn manifests(&mut self) -> Result<()> {
        for digest in pushed_digests(self.view, self.name)? {
            let path = Records(self.name).manifest(&digest);
            if let Some(hash) = self.view.record(path.as_tree_path())? {
                self.manifests.insert(hash);
                let subject = format!("manifest {}@{digest}", self.name);
                self.check_digest(subject, &path, (hash, &digest));
            }
        }
        Ok(())
    }

    fn blobs(&mut self) -> Result<()> {
        for digest in recorded_digests(self.view, self.name, BLOBS)? {
            let path = Records(self.name).blob(&digest);
            if let Some(hash) = self.view.record(path.as_tree_path())? {
                let subject = format!("blob {}@{digest}", self.name);
                self.check_digest(subject, &path, (hash, &digest));
            }
        }
        Ok(())
    }

    fn tags(&mut self) -> Result<()> {
        let directory = Records(self.name).directory(TAGS);
        for (tag, node) in self.view.records(&directory)? {
            let is_manifest =
                matches!(node, TreeNode::Module(hash) if self.manifests.contains(&hash));
            if !is_manifest {
                let subject = format!("tag {}:{tag}", self.name);
                let path = format!("{directory}/{tag}");
                self.fault(subject, path, "it names no manifest".to_owned());
            }
        }
        Ok(())
    }

    fn referrers(&mut self) -> Result<()> {
        for subject in recorded_digests(self.view, self.name, REFERRERS)? {
            for digest in referrers::digests(self.view, self.name, &subject)? {
                let records = Records(self.name);
                let manifest = self.view.record(records.manifest(&digest).as_tree_path())?;
                let path = records.referrer(&subject, &digest);
                let referrer = self.view.record(path.as_tree_path())?;
                if manifest.is_none() || referrer != manifest {
                    let of_fault = format!("referrer {}@{digest}", self.name);
                    self.fault(
                        of_fault,
                        path.to_string(),
                        "it names no manifest".to_owned(),
                    );
                }
            }
        }
        Ok(())
    }

    /// Reports a record whose blob does not have the digest in its path.
    fn check_digest(
        &mut self,
        subject: String,
        path: &ModulePath,
        (hash, digest): (ModuleHash, &OciDigest),
    ) {
        // A blob that cannot be read is reported by the verification of the objects.
        let Ok(Some(bytes)) = self.view.uncached_blob(hash) else {
            return;
        };
        let found = match digest {
            OciDigest::Sha256(_) => OciDigest::Sha256(sha256(&bytes)),
            OciDigest::Sha512(_) => {
                let mut hashing = Hashing512::default();
                hashing.update(&bytes);
                OciDigest::Sha512(hashing.finish())
            }
        };
        if found != *digest {
            let reason = format!("its content has the digest {found}");
            self.fault(subject, path.to_string(), reason);
        }
    }

    fn fault(&mut self, subject: String, path: String, reason: String) {
        let commit = self.view.commit();
        self.faults.push(StoreFault {
            subject,
            location: commit.map(|commit| ObjectLocation { commit, path }),
            reason,
            severity: FaultSeverity::Damage,
        });
    }
}
