//! The URLs of the pages for signing in and out, and of the pages with a form that changes something.

use super::links::{Query, Site};
use crate::names::{BranchName, CommitId, TagName, TreePath};

impl Site {
    /// Returns the URL of the page for signing in. After signing in, the browser goes to the URL `next`.
    pub fn login(&self, next: &str) -> String {
        self.action("/ui/login", &[("next", next)])
    }

    /// Returns the URL at which the browser itself asks for an API key (HTTP Basic). Then the browser goes to the URL `next`.
    pub fn login_basic(&self, next: &str) -> String {
        self.action("/login-basic", &[("next", next)])
    }

    /// Returns the URL of the page for signing out.
    pub fn logout(&self) -> String {
        self.action("/ui/logout", &[])
    }

    /// Returns the URL of the page for uploading to a directory.
    pub fn upload_to(&self, branch: &BranchName, directory: &TreePath) -> String {
        let directory = ("directory", directory.as_str());
        self.action("/ui/upload", &[("branch", branch.as_str()), directory])
    }

    /// Returns the URL of the page for uploading a new version of a module.
    pub fn upload_version(&self, branch: &BranchName, path: &TreePath) -> String {
        self.on_path("/ui/upload", branch, path)
    }

    /// Returns the URL of the page that shows an upload before it is committed.
    pub fn upload_preview(&self, id: &str) -> String {
        format!("{}/ui/upload/{id}", self.base)
    }

    /// Returns the URL of the page for removing a module or directory.
    pub fn remove(&self, branch: &BranchName, path: &TreePath) -> String {
        self.on_path("/ui/remove", branch, path)
    }

    /// Returns the URL of the page for undoing the newest change of a module, a directory or a whole branch.
    pub fn rollback(&self, branch: &BranchName, path: &TreePath) -> String {
        self.on_path("/ui/rollback", branch, path)
    }

    /// Returns the URL of the page for copying the module at a path to another path.
    pub fn set(&self, branch: &BranchName, path: &TreePath) -> String {
        self.on_path("/ui/set", branch, path)
    }

    /// Returns the URL of the page for restoring a module, a directory or a whole branch as it was in a commit.
    pub fn restore(&self, branch: &BranchName, commit: &CommitId, path: &TreePath) -> String {
        let commit = commit.to_string();
        let fields = [
            ("branch", branch.as_str()),
            ("from", &commit),
            ("path", path.as_str()),
        ];
        self.action("/ui/restore", &fields)
    }

    /// Returns the URL of the page for creating a branch. `from` is the branch or commit at which the new branch begins; empty for the
    /// default branch.
    pub fn new_branch(&self, from: &str) -> String {
        self.action("/ui/branch/new", &[("from", from)])
    }

    /// Returns the URL of the page for making a branch the default branch.
    pub fn default_branch_form(&self, branch: &BranchName) -> String {
        self.action("/ui/branch/default", &[("branch", branch.as_str())])
    }

    /// Returns the URL of the page for squashing the history of a branch to one commit.
    pub fn squash(&self, branch: &str) -> String {
        self.action("/ui/gc", &[("branch", branch)])
    }

    /// Returns the URL of the page for copying the module that a path has in a commit to another path.
    pub fn set_from(&self, branch: &BranchName, commit: &CommitId, path: &TreePath) -> String {
        let commit = commit.to_string();
        let fields = [
            ("branch", branch.as_str()),
            ("path", path.as_str()),
            ("from", &commit),
        ];
        self.action("/ui/set", &fields)
    }

    /// Returns the URL of the page for deleting a branch.
    pub fn delete_branch(&self, branch: &BranchName) -> String {
        self.action("/ui/branch/delete", &[("branch", branch.as_str())])
    }

    /// Returns the URL of the page for moving a module or directory to another path.
    pub fn mv(&self, branch: &BranchName, path: &TreePath) -> String {
        self.on_path("/ui/move", branch, path)
    }

    /// Returns the URL of the page for creating a tag at a branch or commit.
    pub fn new_tag(&self, from: &str) -> String {
        self.action("/ui/tag/new", &[("from", from)])
    }

    /// Returns the URL of the page for deleting a tag.
    pub fn delete_tag(&self, tag: &TagName) -> String {
        self.action("/ui/tag/delete", &[("tag", tag.as_str())])
    }

    fn on_path(&self, page: &str, branch: &BranchName, path: &TreePath) -> String {
        let path = ("path", path.as_str());
        self.action(page, &[("branch", branch.as_str()), path])
    }

    /// Returns the URL of a page with query parameters. Leaves out parameters with an empty value.
    fn action(&self, page: &str, parameters: &[(&str, &str)]) -> String {
        let mut query = Query::default();
        for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
            query.push(name, value);
        }
        format!("{}{page}{}", self.base, query.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_encoded_and_left_out_if_empty() {
        let site = Site {
            base: "/ws".to_owned(),
            ..Site::default()
        };
        let branch = "a/b".parse().unwrap();
        let path = "m&x/a b".parse().unwrap();
        assert_eq!(
            site.rollback(&branch, &TreePath::root()),
            "/ws/ui/rollback?branch=a%2Fb"
        );
        assert_eq!(
            site.remove(&branch, &path),
            "/ws/ui/remove?branch=a%2Fb&path=m%26x%2Fa%20b"
        );
        assert_eq!(
            site.login("/ws/ui/tree?branch=x"),
            "/ws/ui/login?next=%2Fws%2Fui%2Ftree%3Fbranch%3Dx"
        );
        assert_eq!(site.logout(), "/ws/ui/logout");
    }
}
