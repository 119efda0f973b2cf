//! The objects that refs reach.

use gix::objs::{Kind, TagRefIter};

use crate::repo::error::{Error, Result};
use crate::repo::objects::copies::read_object;
use crate::repo::objects::find::try_find_header;
use crate::repo::objects::raw_commit::RawCommit;
use crate::repo::tree::reader::parse_tree;

/// Returns every object that the roots reach, including the roots. Does not return or follow the objects for which `done` returns true.
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
        let header =
            try_find_header(repo, id).map_err(Error::database(format!("read object {id}")))?;
        let kind = header
            .ok_or_else(|| Error::Missing { id: id.to_string() })?
            .kind();
        found.push(id);
        if kind != Kind::Blob {
            let object = read_object(repo, id, "read object")?;
            links(&object, &mut todo)?;
        }
    }
    Ok(found)
}

/// Adds to `todo` the ids of the objects to which a commit, tree or tag refers.
fn links(object: &gix::Object<'_>, todo: &mut Vec<gix::ObjectId>) -> Result<()> {
    match object.kind {
        Kind::Commit => {
            let commit = RawCommit::parse(object.id, &object.data)?;
            todo.push(commit.tree);
            todo.extend(commit.parents);
        }
        Kind::Tree => {
            let tree = parse_tree(&object.data, object.id)?;
            let entries = tree.entries.iter().filter(|entry| !entry.mode.is_commit());
            todo.extend(entries.map(|entry| entry.oid.to_owned()));
        }
        Kind::Tag => {
            let target = TagRefIter::from_bytes(&object.data, object.id.kind()).target_id();
            let failed = Error::database(format!("decode tag {}", object.id));
            todo.push(target.map_err(failed)?);
        }
        Kind::Blob => {}
    }
    Ok(())
}
