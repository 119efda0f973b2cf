//! A store on a full disk: a clear error, an unchanged store, working reads, and working writes as soon as space is free again.
//!
//! Each test mounts its own small tmpfs. If it cannot, for example because it does not run as root, it prints this and is skipped. A test
//! frees one block or inode after another until the change succeeds, so that the space runs out at every step of the change.

mod commands;
mod creation;
mod disk;
mod fixture;
mod gc;
mod outputs;
mod read_only;
mod repeat;
mod requests;
mod uploads;
mod writers;
