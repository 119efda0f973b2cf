//! Verifying every object that refs reach: it exists, its content matches its id, and it can be decoded.

use std::collections::HashSet;

use gix::bstr::ByteSlice;
use gix::objs::tag::ref_iter::Token;
use gix::objs::tree::{EntryKind, EntryRef};
use gix::objs::{Kind, TagRefIter};

use crate::names::{RefName, TreePath};
use crate::repo::error::{Result, chain};
use crate::repo::ids::{commit_id, module_hash};
use crate::repo::locks::Guard;
use crate::repo::objects::copies::find_object;
use crate::repo::objects::raw_commit::RawCommit;
use crate::repo::parts::Parts;
use crate::repo::refs::store::RefStore;
use crate::repo::tree::entry::{TreeEntry, TreeNode};
use crate::repo::tree::reader::parse_tree;
use crate::repo::verify::findings::{
    FaultSeverity, ObjectInspector, ObjectLocation, StoreFault, VerifyCounts,
};

/// The guard of a running check. While it exists, no `gc` runs. It holds no lock if there is no store, or if this process may not create
/// lock files.
pub struct VerifyGuard(#[expect(dead_code, reason = "held until the check is done")] Option<Guard>);

/// An object to check.
struct PendingCheck {
    id: gix::ObjectId,
    role: ObjectRole,
    location: Option<ObjectLocation>,
}

/// The kind and the use of an object, according to the ref or object that names it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ObjectRole {
    /// An object of any kind, because the ref that names it is not a branch.
    Any,
    /// An object of this kind that readers can reach. If it is a blob, it must be a valid module.
    Kind(Kind),
    /// An object of this kind that readers cannot reach, because its path is not legal, or because the ref that leads to it contains no
    /// modules. Blobs in this role, and blobs below a commit or tree in this role, may have any content.
    Foreign(Kind),
}

impl ObjectRole {
    fn kind(self) -> Option<Kind> {
        match self {
            Self::Any => None,
            Self::Kind(kind) | Self::Foreign(kind) => Some(kind),
        }
    }

    /// Returns a number in which a single bit is set: a different one for each role.
    fn bit(self) -> u16 {
        match self {
            Self::Any => 1,
            Self::Kind(kind) => 2 << kind as u16,
            Self::Foreign(kind) => 1 << 8 << kind as u16,
        }
    }
}

/// Begins a check: no `gc` runs while the returned guard exists.
///
/// # Errors
/// A backup or a `gc` runs.
pub(crate) fn begin(parts: &Parts) -> Result<VerifyGuard> {
    if parts.objects.is_absent() {
        return Ok(VerifyGuard(None));
    }
    match parts.locks.backup() {
        // A process that may not create lock files cannot exclude a backup or a `gc`, so it checks without a lock.
        Err(error) if error.is_read_only() => Ok(VerifyGuard(None)),
        held => Ok(VerifyGuard(Some(held?))),
    }
}

/// Checks every ref, and every object that a ref reaches, while writers continue.
///
/// # Errors
/// The refs cannot be listed. Faults of the store are not errors; the inspector receives them.
pub(crate) fn verify(
    parts: &Parts,
    _: &VerifyGuard,
    inspector: &mut impl ObjectInspector,
) -> Result<VerifyCounts> {
    if parts.objects.is_absent() {
        return Ok(VerifyCounts::default());
    }
    let repo = parts.objects.handle_for("HEAD")?;
    let mut walk = ObjectWalk {
        repo: &repo,
        inspector,
        checked: VerifyCounts::default(),
        todo: Vec::new(),
        seen: gix::hashtable::HashMap::default(),
        foreign: HashSet::new(),
    };
    walk.refs(&parts.refs)?;
    while let Some(todo) = walk.todo.pop() {
        walk.check(&todo);
    }
    Ok(walk.checked)
}

struct ObjectWalk<'w, I> {
    repo: &'w gix::Repository,
    inspector: &'w mut I,
    checked: VerifyCounts,
    todo: Vec<PendingCheck>,
    /// The roles in which each object was checked: the sum of their [`ObjectRole::bit`]s.
    seen: gix::hashtable::HashMap<gix::ObjectId, u16>,
    /// The ids and paths of the entries that were already passed to [`ObjectInspector::foreign`].
    foreign: HashSet<(gix::ObjectId, String)>,
}

impl<I: ObjectInspector> ObjectWalk<'_, I> {
    fn refs(&mut self, refs: &RefStore) -> Result<()> {
        match self.repo.head() {
            Ok(head) if head.is_detached() => {
                let id = head.id().map(gix::Id::detach);
                self.push_tip("HEAD", id);
            }
            Ok(_) => {}
            Err(error) => self.ref_fault("HEAD".to_owned(), chain(&error)),
        }
        let list = refs.list("refs/")?;
        for (name, target) in list.refs {
            self.push_tip(&name.to_string(), target.try_into_id().ok());
        }
        for broken in list.broken {
            self.checked.refs += 1;
            self.ref_fault(broken.name, broken.reason);
        }
        Ok(())
    }

    fn push_tip(&mut self, name: &str, id: Option<gix::ObjectId>) {
        self.checked.refs += 1;
        let role = match RefName::parse(name) {
            Ok(RefName::Oci) => ObjectRole::Foreign(Kind::Commit),
            _ if name.starts_with("refs/heads/") => ObjectRole::Kind(Kind::Commit),
            _ => ObjectRole::Any,
        };
        if let Some(id) = id {
            self.push(id, role, None);
        }
    }

    fn ref_fault(&mut self, subject: String, reason: String) {
        self.inspector.fault(StoreFault {
            subject,
            location: None,
            reason,
            severity: FaultSeverity::Damage,
        });
    }

    fn check(&mut self, todo: &PendingCheck) {
        let roles = self.seen.entry(todo.id).or_default();
        if *roles & todo.role.bit() != 0 {
            return;
        }
        let is_new = *roles == 0;
        *roles |= todo.role.bit();
        self.inspector.progress();
        if let Err(reason) = self.check_object(todo, is_new) {
            self.object_fault(todo, FaultSeverity::Damage, reason);
        }
    }

    fn object_fault(&mut self, todo: &PendingCheck, severity: FaultSeverity, reason: String) {
        let kind = todo.role.kind();
        let kind = kind.map_or("object".to_owned(), |kind| kind.to_string());
        self.inspector.fault(StoreFault {
            subject: format!("{kind} {}", todo.id),
            location: todo.location.clone(),
            reason,
            severity,
        });
    }

    fn check_object(
        &mut self,
        todo: &PendingCheck,
        is_new: bool,
    ) -> std::result::Result<(), String> {
        self.checked.modules += usize::from(todo.role == ObjectRole::Kind(Kind::Blob));
        let object = find_object(self.repo, todo.id)
            .map_err(|error| chain(&error))?
            .ok_or("it is missing")?;
        let (kind, data) = (object.kind, object.detach().data);
        if let Some(expected) = todo.role.kind().filter(|expected| *expected != kind) {
            return Err(format!("it is a {kind} instead of a {expected}"));
        }
        let hash = gix::objs::compute_hash(self.repo.object_hash(), kind, &data)
            .map_err(|error| chain(&error))?;
        if hash != todo.id {
            return Err(format!("its content is that of object {hash}"));
        }
        match kind {
            Kind::Blob if todo.role == ObjectRole::Kind(kind) => {
                return self.inspector.module(module_hash(&todo.id), &data);
            }
            Kind::Blob => return Ok(()),
            Kind::Commit => self.checked.commits += usize::from(is_new),
            Kind::Tree => self.checked.trees += usize::from(is_new),
            Kind::Tag => {}
        }
        match kind {
            Kind::Commit => self.commit(todo, &data),
            Kind::Tree => self.tree(todo, &data),
            Kind::Tag => self.tag(todo, &data),
            Kind::Blob => Ok(()),
        }
    }

    fn commit(&mut self, todo: &PendingCheck, data: &[u8]) -> std::result::Result<(), String> {
        let commit = RawCommit::parse(todo.id, data).map_err(|error| chain(&error))?;
        let location = ObjectLocation {
            commit: commit_id(&todo.id),
            path: "/".to_owned(),
        };
        let role = match todo.role {
            ObjectRole::Foreign(_) => ObjectRole::Foreign,
            ObjectRole::Any | ObjectRole::Kind(_) => ObjectRole::Kind,
        };
        self.push(commit.tree, role(Kind::Tree), Some(location));
        for parent in &commit.parents {
            self.push(*parent, role(Kind::Commit), None);
        }
        for reason in commit.faults() {
            self.object_fault(todo, FaultSeverity::Metadata, reason);
        }
        Ok(())
    }

    fn tree(&mut self, todo: &PendingCheck, data: &[u8]) -> std::result::Result<(), String> {
        let tree = parse_tree(data, todo.id).map_err(|error| chain(&error))?;
        for entry in &tree.entries {
            self.entry(entry, todo);
        }
        Ok(())
    }

    fn tag(&mut self, todo: &PendingCheck, data: &[u8]) -> std::result::Result<(), String> {
        let mut tokens = TagRefIter::from_bytes(data, todo.id.kind());
        let (Some(Ok(Token::Target { id })), Some(Ok(Token::TargetKind(kind)))) =
            (tokens.next(), tokens.next())
        else {
            return Err("it does not begin with an object and its type".to_owned());
        };
        let role = match kind {
            Kind::Tree | Kind::Blob => ObjectRole::Foreign(kind),
            kind => ObjectRole::Kind(kind),
        };
        self.push(id, role, None);
        if let Some(error) = tokens.find_map(std::result::Result::err) {
            self.object_fault(todo, FaultSeverity::Metadata, chain(&error));
        }
        Ok(())
    }

    fn push(&mut self, id: gix::ObjectId, role: ObjectRole, location: Option<ObjectLocation>) {
        let roles = self.seen.get(&id).copied().unwrap_or_default();
        if roles & role.bit() == 0 {
            self.todo.push(PendingCheck { id, role, location });
        }
    }

    fn entry(&mut self, entry: &EntryRef<'_>, tree: &PendingCheck) {
        let (mode, id) = (entry.mode, entry.oid.to_owned());
        let location = tree.location.as_ref().map(|tree| ObjectLocation {
            commit: tree.commit,
            path: format!(
                "{}/{}",
                tree.path.trim_end_matches('/'),
                entry.filename.to_str_lossy()
            ),
        });
        let is_read = tree.role == ObjectRole::Kind(Kind::Tree);
        let is_legal = TreePath::from_entry(&TreePath::root(), entry.filename).is_some();
        let is_foreign = matches!(TreeEntry { mode, id }.node(), TreeNode::Foreign) || !is_legal;
        // Entries below a directory that was reported are not reported again.
        let reported = location.clone().filter(|_| is_read && is_foreign);
        let is_first = |at: &ObjectLocation| self.foreign.insert((id, at.path.clone()));
        if let Some(location) = reported.filter(is_first) {
            self.inspector.foreign(location);
        }
        let role = if is_read && !is_foreign {
            ObjectRole::Kind
        } else {
            ObjectRole::Foreign
        };
        match mode.kind() {
            EntryKind::Commit => {}
            EntryKind::Tree => self.push(id, role(Kind::Tree), location),
            _ => self.push(id, role(Kind::Blob), location),
        }
    }
}
