//! Describing a loss.

use super::disk::Disk;
use super::recording::Paths;
use super::replay::Replay;
use super::subset::{Atom, Fate, Subset, is_lasting};
use super::sweep::Run;

/// How many of the last operations are listed.
const LATELY: usize = 12;
/// How many of the pending changes are listed.
const PENDING_MAX: usize = 60;

/// Describes a loss with everything that is needed to understand it.
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
    let describe_all = |is_wanted: fn(&Disk, &Atom) -> bool| {
        let wanted = fates
            .iter()
            .filter(|(atom, _)| is_wanted(&replay.disk, atom));
        let lines = wanted.map(|(atom, fate)| describe(&replay.disk, &paths, atom, *fate));
        lines.collect::<Vec<_>>()
    };
    // Removed names that come back are listed last, because there are many.
    let mut pending = describe_all(is_lasting);
    pending.extend(describe_all(|disk, atom| !is_lasting(disk, atom)));
    pending.truncate(PENDING_MAX);
    format!(
        "cut before operation {n} of {}, {subset:?}, fsyncs ignored: {:?}, {}:\n{loss}\nlast operations:\n{}\npending:\n{}\n",
        run.log.len(),
        replay.ignored,
        run.promises.during(n),
        lately.join("\n"),
        pending.join("\n"),
    )
}

/// Describes what becomes of a pending change.
fn describe(disk: &Disk, paths: &Paths, atom: &Atom, fate: Fate) -> String {
    match atom {
        Atom::Content(file) => format!("  content of {}: {fate:?}", paths.name(*file)),
        Atom::Name(ino, name) => {
            let directory = disk.directory(*ino).expect("names are in directories");
            let (durable, values) = (directory.durable.get(name), &directory.pending[name]);
            let directory = paths.name(*ino);
            let name = name.display();
            format!("  name {directory}/{name}, {durable:?} then {values:?}: {fate:?}")
        }
    }
}
