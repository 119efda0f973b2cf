//! What a form changes: a module, a directory or everything on a branch.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;

use crate::http::error::{Failure, Result};
use crate::http::extract::QueryParams;
use crate::http::routes::web::form::{Form, expected};
use crate::http::routes::web::screen::Screen;
use crate::http::state::App;
use crate::names::{BranchName, ModulePath, ModuleRef, TreePath};
use crate::store::{Revision, Store};
use crate::web::{Place, Site};

/// The branch and path in the query of a page.
pub(super) struct Target {
    pub branch: BranchName,
    pub path: TreePath,
}

#[derive(Deserialize)]
struct TargetQuery {
    #[serde(default)]
    path: String,
}

impl Target {
    /// Reads the target of a page; the branch is that of its screen.
    pub fn of(screen: &Screen, parts: &TargetParts) -> Result<Self> {
        Ok(Self {
            branch: screen.branch()?,
            path: parts.0.clone(),
        })
    }

    /// Returns the path of a form; the root if it has none.
    pub fn path_of(form: &Form) -> Result<TreePath> {
        let path = form.fields.parse_optional("path", TreePath::parse)?;
        Ok(path.unwrap_or_default())
    }

    /// Returns the entity tag of what is at the path now; `None` if there is nothing.
    pub fn current_tag(&self, store: &Store) -> Result<Option<String>> {
        Ok(store.current_tag(&self.branch, &self.path)?)
    }

    /// Returns the fields that the user does not see, with the tag of what must still be at the path when the form arrives.
    pub fn hidden(&self, tag: Option<String>) -> Vec<(&'static str, String)> {
        vec![
            ("branch", self.branch.to_string()),
            ("path", self.path.as_str().to_owned()),
            ("expected", expected(tag)),
        ]
    }

    /// Returns the URL of the page to return to: that of the module or directory, or of everything if there is nothing at the path.
    pub fn back(&self, store: &Store, site: &Site, is_there: bool) -> Result<String> {
        let place = Place::branch(self.branch.clone());
        if !is_there {
            return Ok(site.tree(&place, &TreePath::root()));
        }
        if let Ok(path) = ModulePath::try_from(self.path.clone()) {
            let revision = Revision::Branch(Some(self.branch.clone()));
            if store.contains(&revision, &ModuleRef::Path(path.clone()))? {
                return Ok(site.module(&place, &path));
            }
        }
        Ok(site.tree(&place, &self.path))
    }

    /// Returns the path for a sentence.
    pub fn name(&self) -> String {
        if self.path.is_root() {
            format!("the whole branch {}", self.branch)
        } else {
            self.path.to_string()
        }
    }
}

/// The path in the query of a page.
pub(in crate::http::routes::web) struct TargetParts(TreePath);

impl FromRequestParts<App> for TargetParts {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let QueryParams(query) = QueryParams::<TargetQuery>::of(&parts.uri)?;
        Ok(Self(TreePath::parse(&query.path)?))
    }
}
