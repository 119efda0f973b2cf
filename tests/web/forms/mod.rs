//! The pages with a form: signing in, uploading, and everything that changes the store.

mod changes;
mod maintenance;
mod session;
mod sign_in;
mod uploads;
