//! Checking what refs reach: that it is there, that it is what its id says, and that it can be understood.

use std::collections::HashSet;

use gix::bstr::{BStr, ByteSlice};
use gix::objs::tree::{EntryKind, EntryRef};
use gix::objs::{Data, Kind, ObjectRef};
use gix::refs::Target;

use crate::names::{CommitId, ModuleHash, TreePath};
use crate::repo::error::{Error, Result, chain};
use crate::repo::ids::{commit_id, module_hash};
use crate::repo::locks::Guard;
use crate::repo::parts::Parts;
use crate::repo::tree::entry::{Entry, Node};

/// Where an object was met first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The commit whose tree it is in.
    pub commit: CommitId,
    /// Its path in that tree, with a slash first; bytes that are not UTF-8 are replaced.
    pub path: String,
}

/// What is wrong with a ref or an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The full name of the ref; or the kind of the object, and its id.
    pub subject: String,
    /// Where the object was met; `None` for refs, commits and tags.
    pub location: Option<Location>,
    /// What is wrong with it.
    pub reason: String,
}

/// How much was checked, faults included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// How many refs.
    pub refs: usize,
    /// How many commits.
    pub commits: usize,
    /// How many trees.
    pub trees: usize,
    /// How many blobs that can be modules.
    pub modules: usize,
}

/// A check under way: nothing is collected.
pub struct Check(#[expect(dead_code, reason = "held until the check is done")] Option<Guard>);

/// Who is told what is found, as it is found.
pub trait Inspector {
    /// Looks at a blob that is what its id says, and says what is wrong with it as a module.
    fn module(&mut self, hash: ModuleHash, bytes: &[u8]) -> std::result::Result<(), String>;
    /// Something is wrong.
    fn fault(&mut self, fault: Fault);
    /// Something is neither a module nor a directory, and left alone.
    fn foreign(&mut self, location: Location);
    /// An object was looked at.
    fn progress(&mut self);
}

/// An object that is to be looked at.
struct Todo {
    id: gix::ObjectId,
    role: Role,
    location: Option<Location>,
}

/// What an object has to be, as what names it says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A ref other than a branch may name anything.
    Any,
    /// Readers come to it: a blob is a module.
    Kind(Kind),
    /// No path leads to it: a blob may be anything, and so may what a tree has in it.
    Foreign(Kind),
}

impl Role {
    fn kind(self) -> Option<Kind> {
        match self {
            Self::Any => None,
            Self::Kind(kind) | Self::Foreign(kind) => Some(kind),
        }
    }

    /// One bit for each.
    fn bit(self) -> u16 {
        match self {
            Self::Any => 1,
            Self::Kind(kind) => 2 << kind as u16,
            Self::Foreign(kind) => 1 << 8 << kind as u16,
        }
    }
}

/// Has collections wait for as long as the check lasts.
///
/// # Errors
/// A backup or a `gc` runs.
pub(crate) fn begin(parts: &Parts) -> Result<Check> {
    if parts.objects.is_absent() {
        return Ok(Check(None));
    }
    match parts.locks.backup() {
        // Nobody collects there.
        Err(error) if error.is_read_only() => Ok(Check(None)),
        held => Ok(Check(Some(held?))),
    }
}

/// Checks every ref, and every object that one reaches. Writers go on meanwhile.
///
/// # Errors
/// Refs cannot be listed. What is wrong with the store is told to the inspector.
pub(crate) fn verify(parts: &Parts, _: &Check, inspector: &mut impl Inspector) -> Result<Checked> {
    if parts.objects.is_absent() {
        return Ok(Checked::default());
    }
    let repo = parts.objects.handle_for("HEAD")?;
    let mut walk = Walk {
        repo: &repo,
        inspector,
        checked: Checked::default(),
        todo: Vec::new(),
        seen: gix::hashtable::HashMap::default(),
        foreign: HashSet::new(),
    };
    walk.refs()?;
    while let Some(todo) = walk.todo.pop() {
        walk.look(&todo);
    }
    Ok(walk.checked)
}

struct Walk<'w, I> {
    repo: &'w gix::Repository,
    inspector: &'w mut I,
    checked: Checked,
    todo: Vec<Todo>,
    /// As what each object was looked at: bits of roles.
    seen: gix::hashtable::HashMap<gix::ObjectId, u16>,
    foreign: HashSet<(gix::ObjectId, String)>,
}

impl<I: Inspector> Walk<'_, I> {
    fn refs(&mut self) -> Result<()> {
        let failed = || Error::database("list refs");
        let head = self.repo.head();
        match head {
            Ok(head) if head.is_detached() => {
                let id = head.id().map(gix::Id::detach);
                self.push_tip("HEAD", id);
            }
            Ok(_) => {}
            Err(error) => self.ref_fault("HEAD".to_owned(), chain(&error)),
        }
        let platform = self.repo.references().map_err(failed())?;
        for reference in platform.all().map_err(failed())? {
            match reference {
                Ok(reference) => {
                    let name = reference.name().as_bstr().to_string();
                    match reference.inner.target {
                        Target::Object(id) => self.push_tip(&name, Some(id)),
                        Target::Symbolic(to) => self.symbolic(name, to.as_bstr()),
                    }
                }
                Err(error) => self.ref_fault("a ref".to_owned(), chain(&error)),
            }
        }
        Ok(())
    }

    fn push_tip(&mut self, name: &str, id: Option<gix::ObjectId>) {
        self.checked.refs += 1;
        let role = match name.starts_with("refs/heads/") {
            true => Role::Kind(Kind::Commit),
            false => Role::Any,
        };
        if let Some(id) = id {
            self.push(id, role, None);
        }
    }

    fn symbolic(&mut self, name: String, to: &BStr) {
        self.checked.refs += 1;
        match self.repo.try_find_reference(to) {
            Ok(Some(_)) => {}
            Ok(None) => self.ref_fault(name, format!("it names {to}, which does not exist")),
            Err(error) => self.ref_fault(name, chain(&error)),
        }
    }

    fn ref_fault(&mut self, subject: String, reason: String) {
        self.inspector.fault(Fault {
            subject,
            location: None,
            reason,
        });
    }

    fn look(&mut self, todo: &Todo) {
        let roles = self.seen.entry(todo.id).or_default();
        if *roles & todo.role.bit() != 0 {
            return;
        }
        let is_new = *roles == 0;
        *roles |= todo.role.bit();
        self.inspector.progress();
        if let Err(reason) = self.check(todo, is_new) {
            let kind = todo.role.kind();
            let kind = kind.map_or("object".to_owned(), |kind| kind.to_string());
            self.inspector.fault(Fault {
                subject: format!("{kind} {}", todo.id),
                location: todo.location.clone(),
                reason,
            });
        }
    }

    fn check(&mut self, todo: &Todo, is_new: bool) -> std::result::Result<(), String> {
        self.checked.modules += usize::from(todo.role == Role::Kind(Kind::Blob));
        let object = self.repo.try_find_object(todo.id);
        let object = object.map_err(|error| chain(&error))?;
        let object = object.ok_or("it is missing")?;
        let (kind, data) = (object.kind, object.detach().data);
        if let Some(expected) = todo.role.kind().filter(|expected| *expected != kind) {
            return Err(format!("it is a {kind}, where a {expected} has to be"));
        }
        let hash = gix::objs::compute_hash(self.repo.object_hash(), kind, &data);
        let hash = hash.map_err(|error| chain(&error))?;
        if hash != todo.id {
            return Err(format!("its content is that of object {hash}"));
        }
        match kind {
            Kind::Blob if todo.role == Role::Kind(kind) => {
                return self.inspector.module(module_hash(&todo.id), &data);
            }
            Kind::Blob => return Ok(()),
            Kind::Commit => self.checked.commits += usize::from(is_new),
            Kind::Tree => self.checked.trees += usize::from(is_new),
            Kind::Tag => {}
        }
        let object = Data::new(&data, kind, todo.id.kind());
        match object.decode().map_err(|error| chain(&error))? {
            ObjectRef::Commit(commit) => {
                let location = Location {
                    commit: commit_id(&todo.id),
                    path: "/".to_owned(),
                };
                self.push(commit.tree(), Role::Kind(Kind::Tree), Some(location));
                for parent in commit.parents() {
                    self.push(parent, Role::Kind(Kind::Commit), None);
                }
            }
            ObjectRef::Tree(tree) => {
                for entry in &tree.entries {
                    self.entry(entry, todo);
                }
            }
            ObjectRef::Tag(tag) => {
                let role = match tag.target_kind {
                    Kind::Tree | Kind::Blob => Role::Foreign(tag.target_kind),
                    kind => Role::Kind(kind),
                };
                self.push(tag.target(), role, None);
            }
            ObjectRef::Blob(_) => {}
        }
        Ok(())
    }

    fn push(&mut self, id: gix::ObjectId, role: Role, location: Option<Location>) {
        let roles = self.seen.get(&id).copied().unwrap_or_default();
        if roles & role.bit() == 0 {
            self.todo.push(Todo { id, role, location });
        }
    }

    fn entry(&mut self, entry: &EntryRef<'_>, tree: &Todo) {
        let (mode, id) = (entry.mode, entry.oid.to_owned());
        let location = tree.location.as_ref().map(|tree| Location {
            commit: tree.commit,
            path: format!(
                "{}/{}",
                tree.path.trim_end_matches('/'),
                entry.filename.to_str_lossy()
            ),
        });
        let is_read = tree.role == Role::Kind(Kind::Tree);
        let is_legal = TreePath::from_entry(&TreePath::root(), entry.filename).is_some();
        let is_foreign = matches!(Entry { mode, id }.node(), Node::Foreign) || !is_legal;
        // What is in a foreign folder is not told once more.
        let told = location.clone().filter(|_| is_read && is_foreign);
        if let Some(location) = told.filter(|at| self.foreign.insert((id, at.path.clone()))) {
            self.inspector.foreign(location);
        }
        let role = match is_read && !is_foreign {
            true => Role::Kind,
            false => Role::Foreign,
        };
        match mode.kind() {
            EntryKind::Commit => {}
            EntryKind::Tree => self.push(id, role(Kind::Tree), location),
            _ => self.push(id, role(Kind::Blob), location),
        }
    }
}
