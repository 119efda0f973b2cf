//! Rolls up the packs of a repository that several machines share: copies many small packs of the shared state into one, without
//! recompression, and replaces them in one swap. The server that made the last swap does this. The floor does not change, so the next gc
//! deletes the old packs.

use std::collections::{BTreeMap, HashSet};

use crate::repo::authority::{Freshness, PackFiles, PackKey, Swap};
use crate::repo::error::Result;
use crate::repo::packs::copy::SourcePack;
use crate::repo::packs::pack::Pack;
use crate::repo::packs::roll_up::{PACK_BYTES_MAX, PACKS_MIN, copy_all};
use crate::repo::parts::Parts;

/// Rolls up small packs if there are enough of them. Returns whether packs were replaced.
///
/// # Errors
/// `Unreachable`; a pack is damaged; the repository cannot be written.
pub(crate) fn roll_up_shared(parts: &Parts) -> Result<bool> {
    let Some(state) = parts.following.lock().applied.clone() else {
        return Ok(false);
    };
    let Some(keys) = keys_due(&state.packs) else {
        return Ok(false);
    };
    let Some(_roll_up) = parts.locks.try_roll_up()? else {
        return Ok(false);
    };
    let _lock = parts.locks.writing()?;
    let format = parts.objects.handle_for("HEAD")?.object_hash();
    let mut sources = Vec::with_capacity(keys.len());
    for key in &keys {
        let pack = Pack::named(parts.root(), &key.checksum);
        sources.extend(SourcePack::open(&pack, format)?);
    }
    if sources.len() < PACKS_MIN / 2 {
        return Ok(false);
    }
    let pack = copy_all(parts.root(), format, &sources)?;
    parts.packs.note_written(&pack);
    let files = PackFiles::from(&pack);
    parts.authority.keep(&files)?;
    let removed = sources.iter().map(|source| source.pack.checksum());
    let removed: HashSet<String> = removed.filter(|name| *name != files.checksum).collect();
    let _refs = parts.locks.refs()?;
    parts.catch_up(Freshness::LastSwap)?;
    // Stops if a gc has replaced one of the packs in between, because the objects in it may be garbage now.
    let named = parts.following.lock().named.clone();
    if !removed.iter().all(|checksum| named.contains(checksum)) {
        return Ok(false);
    }
    let swap = Swap {
        added: vec![files],
        removed: removed.into_iter().collect(),
        ..Swap::default()
    };
    let is_done = parts.swap(&swap)?;
    tracing::debug!(
        packs = sources.len(),
        is_done,
        "rolled up packs of the bucket"
    );
    Ok(is_done)
}

/// Returns the packs to copy into one pack: all packs of the lowest level that has at least [`PACKS_MIN`] packs. The level of a pack
/// depends on its size. Returns `None` if no level has enough packs.
fn keys_due(packs: &[PackKey]) -> Option<Vec<&PackKey>> {
    let mut levels = BTreeMap::<u32, Vec<&PackKey>>::new();
    for key in packs {
        if key.size_bytes <= PACK_BYTES_MAX {
            levels.entry(level(key)).or_default().push(key);
        }
    }
    levels.into_values().find(|keys| keys.len() >= PACKS_MIN)
}

/// Returns the level of a pack: the logarithm of its size in KiB to base 64, rounded down. Packs of the same level are joined into one.
fn level(key: &PackKey) -> u32 {
    (key.size_bytes >> 10).max(1).ilog(PACKS_MIN as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_four_packs_of_one_level_are_due() {
        let key = |at: u64, size_bytes| PackKey {
            generation: at,
            checksum: format!("{at:040x}"),
            size_bytes,
        };
        let small: Vec<_> = (0..63).map(|at| key(at, 1 << 12)).collect();
        let mut packs = small.clone();
        packs.push(key(63, 1 << 20));
        packs.extend((64..200).map(|at| key(at, PACK_BYTES_MAX + 1)));
        assert_eq!(keys_due(&packs), None);
        packs.push(key(200, 1 << 11));
        let due: Vec<PackKey> = keys_due(&packs).unwrap().into_iter().cloned().collect();
        assert_eq!(due.len(), 64);
        assert!(small.iter().all(|key| due.contains(key)));
    }
}
