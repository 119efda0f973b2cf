//! Mirrors, and stores cloned from them. Stock git is the reference: the tests compare `git ls-remote` of the store and of the mirror.

mod clone;
mod commands;
mod remotes;
mod restore;
mod secrets;
mod serving;
mod support;
