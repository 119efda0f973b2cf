//! The plan of an upload: the first step of the upload stores it, and the second step makes the commit that it describes.

use serde::{Deserialize, Serialize};

use crate::http::error::{Failure, Result};
use crate::names::{Author, BranchName, Digest, Message, ModuleHash, ModulePath};
use crate::store::{Change, PlannedModule, PreviewedModule, Store};

/// The maximum length of a stored [`UploadPlan`] (the commit that an upload will make), in bytes. It has room for 500 paths of 4 KiB, and a
/// message.
const TEXT_BYTES_MAX: u64 = 4 << 20;

/// The commit that the second step of an upload makes: its modules and its parameters. The first step stores it as a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UploadPlan {
    branch: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    files: Vec<PlannedFile>,
}

/// A file of an upload, which the commit will put at a path.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlannedFile {
    /// The path at which the commit will put the module.
    pub path: String,
    /// The digest of the module, by which the store finds the uploaded bytes.
    digest: String,
    /// The size of the module, in bytes.
    pub size_bytes: u64,
    /// The hash of the module that was at the path when the file was uploaded; `None` if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaced: Option<String>,
}

impl PlannedFile {
    /// Creates the plan for an uploaded module that the store keeps until the commit. `replaced` is the module that is at the path now.
    pub fn new(path: &ModulePath, kept: &PreviewedModule, replaced: Option<ModuleHash>) -> Self {
        Self {
            path: path.as_str().to_owned(),
            digest: kept.digest.to_string(),
            size_bytes: kept.info.size_bytes,
            replaced: replaced.map(|hash| hash.to_string()),
        }
    }

    /// Parses the path, the digest and the hash, which the plan contains as strings.
    ///
    /// # Errors
    /// 404 if a string is malformed, because the stored text with this id is then not a plan.
    pub fn parse(&self) -> Result<PlannedModule> {
        let replaced = self.replaced.as_deref().map(ModuleHash::parse);
        Ok(PlannedModule {
            path: ModulePath::parse(&self.path).map_err(|_| unknown())?,
            digest: Digest::parse(&self.digest).map_err(|_| unknown())?,
            replaced: replaced.transpose().map_err(|_| unknown())?,
        })
    }
}

impl UploadPlan {
    /// Creates a plan from the parameters of the commit and the files.
    pub fn new(change: &Change, files: Vec<PlannedFile>) -> Self {
        let branch = change.branch.as_ref().map(ToString::to_string);
        let message = change.message.as_ref();
        Self {
            branch: branch.unwrap_or_default(),
            author: change.author.as_ref().map(ToString::to_string),
            message: message.map(|message| message.as_str().to_owned()),
            files,
        }
    }

    /// Returns the plan as text.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("BUG: the plan has string keys only")
    }

    /// Reads the plan that the first step of an upload has stored. `id` is the digest of the plan's text.
    ///
    /// # Errors
    /// 404 if there is no such plan.
    pub fn read(store: &Store, id: &Digest) -> Result<Self> {
        let text = store.kept_text(id, TEXT_BYTES_MAX)?;
        let plan = text.and_then(|text| serde_json::from_str(&text).ok());
        plan.ok_or_else(unknown)
    }

    /// Returns the branch to which the plan commits.
    ///
    /// # Errors
    /// 404 if the branch is malformed.
    pub fn branch(&self) -> Result<BranchName> {
        BranchName::parse(&self.branch).map_err(|_| unknown())
    }

    /// Returns the author that the user entered in the form.
    pub fn author(&self) -> Option<&str> {
        self.author.as_deref()
    }

    /// Returns the commit message that the user entered in the form.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Returns the files of the upload.
    pub fn files(&self) -> &[PlannedFile] {
        &self.files
    }

    /// Returns the parameters of the commit, and its modules.
    ///
    /// # Errors
    /// 404 if the plan is malformed.
    pub fn change(&self) -> Result<(Change, Vec<PlannedModule>)> {
        let author = self.author.as_deref().map(Author::parse).transpose();
        let message = self.message.as_deref().map(Message::parse).transpose();
        let change = Change {
            branch: Some(self.branch()?),
            author: author.map_err(|_| unknown())?,
            message: message.map_err(|_| unknown())?,
            ..Change::default()
        };
        let modules = self.files.iter().map(PlannedFile::parse);
        Ok((change, modules.collect::<Result<_>>()?))
    }
}

fn unknown() -> Failure {
    let detail = "there is no such upload: it was committed, or it is older than a day";
    Failure::new(axum::http::StatusCode::NOT_FOUND, detail)
}
