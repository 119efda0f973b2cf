//! Watching: one look at each branch for all sockets that watch it, and what each of them is told.

mod feed;
mod hub;
mod ring;
mod seat;
mod socket;

pub(super) use feed::End;
pub(super) use hub::Hub;
pub(super) use ring::Form;
pub(super) use seat::{Next, Seat};
pub(super) use socket::{Over, Socket};
