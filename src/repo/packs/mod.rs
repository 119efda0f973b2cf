//! Packs: the directory, writing, copying and rolling them up.

pub(crate) mod copy;
pub(crate) mod dir;
pub(crate) mod entry;
pub(crate) mod roll_up;
pub(crate) mod staged;
pub(crate) mod writer;
