//! A store on a disk without room: a clear error, the store as it was, reads as ever, and writes again once there is room.
//!
//! Each test has a small tmpfs of its own; where none can be mounted, as by others than root, it says so and is skipped. Room is
//! given out a block, or an inode, at a time, until the change fits: so it runs out at every step that the change takes.

mod changes;
mod commands;
mod creation;
mod disk;
mod gc;
mod outputs;
mod read_only;
mod requests;
mod stepwise;
mod uploads;
mod writers;
