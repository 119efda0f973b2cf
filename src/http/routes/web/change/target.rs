//! The target of a form: the module, directory or branch that it changes.

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

/// The branch and path that a form changes. The root path stands for the whole branch.
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
    /// Returns the target of a page: the branch of the screen, and the path in the query.
    pub fn of(screen: &Screen, parts: &TargetParts) -> Result<Self> {
        Ok(Self {
            branch: screen.branch()?,
            path: parts.0.clone(),
        })
    }

    /// Returns the path in the fields of a form; the root if there is none.
    pub fn path_of(form: &Form) -> Result<TreePath> {
        let path = form.fields.parse_optional("path", TreePath::parse)?;
        Ok(path.unwrap_or_default())
    }

    /// Returns the entity tag of the module or directory that is at the path now; `None` if there is nothing.
    pub fn current_tag(&self, store: &Store) -> Result<Option<String>> {
        Ok(store.current_tag(&self.branch, &self.path)?)
    }

    /// Returns the hidden fields of the form. The field `expected` has the entity tag that the path must still have when the form is sent.
    pub fn hidden_fields(&self, tag: Option<String>) -> Vec<(&'static str, String)> {
        vec![
            ("branch", self.branch.to_string()),
            ("path", self.path.as_str().to_owned()),
            ("expected", expected(tag)),
        ]
    }

    /// Returns the URL to which the user can return: the page of the module or directory; if there is nothing at the path, the page of the
    /// whole branch.
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

    /// Returns the name of the target (its path, or the whole branch), for use in a sentence.
    pub fn name(&self) -> String {
        if self.path.is_root() {
            format!("the whole branch {}", self.branch)
        } else {
            self.path.to_string()
        }
    }
}

/// The query parameter `path` of a page: the path of the module or directory that the page is about.
pub(in crate::http::routes::web) struct TargetParts(TreePath);

impl FromRequestParts<App> for TargetParts {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let QueryParams(query) = QueryParams::<TargetQuery>::of(&parts.uri)?;
        Ok(Self(TreePath::parse(&query.path)?))
    }
}
