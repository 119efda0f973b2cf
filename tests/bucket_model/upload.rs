//! What a writer puts into the bucket before its swap.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::bucket::{Change, Generation, Listing, LogEntry, Manifest, Objects, Pack, Packs, Swap};
use crate::cluster::{Cluster, Mutant, State};
use crate::writer::{Batch, Phase, Writer, succeed};

/// A change that was forwarded has a request id, and the generation on which the id was first used.
type Changes = BTreeMap<Change, Option<Generation>>;

/// Steps 2 to 4 of a write: decides which changes to apply, and uploads the objects that the named packs do not have.
pub fn upload_changes(
    cluster: &Cluster,
    next: &mut State,
    i: usize,
    base: &Manifest,
    changes: &Changes,
) {
    let to_apply = decide(cluster, next, i, base, changes);
    if to_apply.is_empty() {
        next.writers[i].finish();
        return;
    }
    let objects: Objects = to_apply
        .keys()
        .map(|&change| cluster.objects(change))
        .collect();
    let mut contents = base.contents();
    if cluster.is(Mutant::CacheIsBucket) {
        contents = contents.with(Manifest::first().contents());
    }
    let missing = objects.without(contents);
    let requests = to_apply.iter().filter(|(_, sent_at)| sent_at.is_some());
    let requests = requests.map(|(&change, _)| change).collect();
    let writer = &mut next.writers[i];
    let entry = LogEntry {
        batch: writer.batch_id(i),
        requests,
    };
    let mut manifest = base.next(entry, cluster.ids_kept);
    manifest.closure = manifest.closure.with(objects);
    if missing != Objects::NONE {
        let pack = keep_or_build(cluster, writer, base, missing);
        manifest.packs.insert(pack);
        next.packs.insert(pack);
    }
    writer.phase = uploaded(base, manifest, to_apply.keys().copied().collect());
    writer.batch = Batch::Changes(to_apply);
}

/// Leaves out the forwarded changes that another server has applied, or may have applied.
fn decide(
    cluster: &Cluster,
    next: &mut State,
    i: usize,
    base: &Manifest,
    changes: &Changes,
) -> Changes {
    let mut to_apply = Changes::new();
    for (&change, &sent_at) in changes {
        let listing = match sent_at {
            Some(since) if !cluster.is(Mutant::NoIds) => {
                base.lists(since, |entry| entry.requests.contains(&change))
            }
            _ => Listing::NotListed,
        };
        match listing {
            Listing::Listed => succeed(next, i, change),
            // Nobody can know whether the other server has applied it. The user gets an error that says so, as for a lost response.
            Listing::Forgotten if !cluster.is(Mutant::ForgottenIsAbsent) => {}
            Listing::Forgotten | Listing::NotListed => {
                to_apply.insert(change, sent_at);
            }
        }
    }
    to_apply
}

/// Returns the pack of the last attempt if it has the objects. Step 4: a pack below the floor may be deleted at any time, even if it is
/// there now, so it is uploaded again with another key.
fn keep_or_build(
    cluster: &Cluster,
    writer: &mut Writer,
    base: &Manifest,
    missing: Objects,
) -> Pack {
    let kept = writer.uploaded.filter(|pack| {
        pack.objects.contains(missing)
            && (pack.generation >= base.floor || cluster.is(Mutant::NoFloor))
    });
    let pack = kept.unwrap_or(Pack {
        generation: base.generation,
        objects: missing,
    });
    writer.uploaded = Some(pack);
    pack
}

fn uploaded(base: &Manifest, manifest: Manifest, changes: BTreeSet<Change>) -> Phase {
    let swap = Swap {
        parent: base.generation,
        manifest: Arc::new(manifest),
        changes,
    };
    Phase::Uploaded {
        swap: Arc::new(swap),
    }
}

/// Replaces the two oldest packs with one that has the objects of both. The floor stays, so only a later gc deletes the two.
pub fn upload_roll_up(cluster: &Cluster, next: &mut State, i: usize, base: &Manifest) {
    let oldest: Packs = base.packs.iter().take(2).copied().collect();
    // A pack that is missing means that `base` is old. This roll-up ends: the next one reads the manifest again.
    if oldest.len() < 2 || !oldest.is_subset(&next.packs) {
        next.writers[i].finish();
        return;
    }
    let objects = oldest.iter().map(|pack| pack.objects).collect();
    let pack = Pack {
        generation: base.generation,
        objects,
    };
    let writer = &mut next.writers[i];
    let entry = LogEntry {
        batch: writer.batch_id(i),
        requests: BTreeSet::new(),
    };
    let mut manifest = base.next(entry, cluster.ids_kept);
    manifest.packs = manifest.packs.difference(&oldest).copied().collect();
    manifest.packs.insert(pack);
    writer.phase = uploaded(base, manifest, BTreeSet::new());
    next.packs.insert(pack);
}
