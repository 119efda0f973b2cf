//! Telling of a loss.

use super::disk::Disk;
use super::recording::Paths;
use super::replay::Replay;
use super::subset::{Atom, Fate, Subset, is_lasting};
use super::sweep::Run;

/// How many of the last operations are told.
const LATELY: usize = 12;
/// How much of what was pending is told.
const PENDING_MAX: usize = 60;

/// Tells of a loss all that is needed to understand it.
pub fn explain(run: &Run, mut replay: Replay<'_>, n: usize, subset: Subset, loss: &str) -> String {
    let mut lately = Vec::new();
    for index in 0..n {
        let op = &run.log[index];
        if index + LATELY >= n {
            lately.push(format!(
                "  {index}: {}",
                Paths::of(&replay.disk).describe(op)
            ));
        }
        replay.step(index);
    }
    let paths = Paths::of(&replay.disk);
    let fates = subset.fates(&replay.disk);
    let told = |is_wanted: fn(&Disk, &Atom) -> bool| {
        let wanted = fates
            .iter()
            .filter(|(atom, _)| is_wanted(&replay.disk, atom));
        let told = wanted.map(|(atom, fate)| tell(&replay.disk, &paths, atom, *fate));
        told.collect::<Vec<_>>()
    };
    // What comes back though it was gone is told last: there is much of it.
    let mut pending = told(is_lasting);
    pending.extend(told(|disk, atom| !is_lasting(disk, atom)));
    pending.truncate(PENDING_MAX);
    format!(
        "cut before operation {n} of {}, {subset:?}, flushes ignored: {:?}, {}:\n{loss}\nlast operations:\n{}\npending:\n{}\n",
        run.log.len(),
        replay.ignored,
        run.promises.during(n),
        lately.join("\n"),
        pending.join("\n"),
    )
}

/// What becomes of something pending.
fn tell(disk: &Disk, paths: &Paths, atom: &Atom, fate: Fate) -> String {
    match atom {
        Atom::Content(file) => format!("  content of {}: {fate:?}", paths.name(*file)),
        Atom::Name(ino, name) => {
            let folder = disk.folder(*ino).expect("names are in folders");
            let (durable, values) = (folder.durable.get(name), &folder.pending[name]);
            let folder = paths.name(*ino);
            let name = name.display();
            format!("  name {folder}/{name}, {durable:?} then {values:?}: {fate:?}")
        }
    }
}
