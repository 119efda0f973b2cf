//! Lookups of objects. A lookup that finds nothing is repeated once, because gix can miss an object that exists.
//!
//! A handle of gix-odb 0.87 has a snapshot of the pack indices that its process has loaded. If the snapshot does not have an object,
//! `Store::load_one_index` compares the snapshot with the state of the process, and then loads the next index. If another thread has just
//! taken the last index, and finishes loading it between these two steps, nothing is left to load and no file has changed. So gix reports
//! that the object does not exist, although the index that was just loaded has it. The next lookup begins with the comparison, and finds
//! the object.

use gix::objs::Exists as _;

/// Reads an object like [`gix::Repository::try_find_object`]; `None` if it does not exist. Other layers call
/// [`copies::find_object`](super::copies::find_object), which also reads another copy of a damaged object.
pub(crate) fn try_find_object(
    repo: &gix::Repository,
    id: gix::ObjectId,
) -> gix::error::Result<Option<gix::Object<'_>>> {
    match repo.try_find_object(id)? {
        None => repo.try_find_object(id),
        found => Ok(found),
    }
}

/// Reads the kind and the size of an object; `None` if it does not exist.
pub(crate) fn try_find_header(
    repo: &gix::Repository,
    id: gix::ObjectId,
) -> gix::error::Result<Option<gix::odb::find::Header>> {
    match repo.try_find_header(id)? {
        None => repo.try_find_header(id),
        found => Ok(found),
    }
}

/// Returns whether an object exists.
pub(crate) fn exists(repo: &gix::Repository, id: &gix::oid) -> bool {
    repo.objects.exists(id) || repo.objects.exists(id)
}

#[cfg(test)]
mod tests;
