//! The objects that refs reach.

use crate::repo::error::{Error, Result};

/// Returns every object that the roots reach, including the roots. Leaves out the objects for which `done` returns true, and the
/// objects that are reached only through them.
pub(crate) fn reachable(
    repo: &gix::Repository,
    roots: impl IntoIterator<Item = gix::ObjectId>,
    done: &dyn Fn(&gix::oid) -> bool,
) -> Result<Vec<gix::ObjectId>> {
    let mut seen = gix::hashtable::HashSet::default();
    let mut found = Vec::new();
    let mut todo: Vec<_> = roots.into_iter().collect();
    while let Some(id) = todo.pop() {
        if done(&id) || !seen.insert(id) {
            continue;
        }
        let header = repo
            .try_find_header(id)
            .map_err(Error::database(format!("read object {id}")))?;
        let kind = header
            .ok_or_else(|| Error::Missing { id: id.to_string() })?
            .kind();
        found.push(id);
        if kind != gix::objs::Kind::Blob {
            let object = repo
                .find_object(id)
                .map_err(Error::database(format!("read object {id}")))?;
            links(&object, &mut todo)?;
        }
    }
    Ok(found)
}

/// Adds the objects that a commit, tree or tag names to `todo`.
fn links(object: &gix::Object<'_>, todo: &mut Vec<gix::ObjectId>) -> Result<()> {
    let failed = || Error::database(format!("decode object {}", object.id));
    let data = gix::objs::Data::new(&object.data, object.kind, object.id.kind());
    match data.decode().map_err(failed())? {
        gix::objs::ObjectRef::Commit(commit) => {
            todo.push(commit.tree());
            todo.extend(commit.parents());
        }
        gix::objs::ObjectRef::Tree(tree) => {
            todo.extend(
                tree.entries
                    .iter()
                    .filter(|entry| !entry.mode.is_commit())
                    .map(|entry| entry.oid.to_owned()),
            );
        }
        gix::objs::ObjectRef::Tag(tag) => todo.push(tag.target()),
        gix::objs::ObjectRef::Blob(_) => {}
    }
    Ok(())
}
