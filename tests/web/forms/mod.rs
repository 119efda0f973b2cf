//! The pages with a form: signing in, uploading, and everything that changes the store.

mod changes;
mod maintenance;
mod moves;
mod previews;
mod session;
mod sign_in;
mod tags;
mod uploads;
