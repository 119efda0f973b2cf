//! Packs: the directory `objects/pack`, writing a pack, and rolling small packs up into larger ones.

pub(crate) mod copy;
pub(crate) mod derived;
pub(crate) mod dir;
pub(crate) mod entry;
pub(crate) mod pack;
pub(crate) mod roll_up;
pub(crate) mod staged;
pub(crate) mod writer;
