//! Mirrors, and stores made from them. Stock git is the referee: what `git ls-remote` says of store and mirror is compared.

mod clone;
mod commands;
mod outside;
mod restore;
mod rig;
mod serving;
mod soak;
