//! Maintenance of a store by a server, on schedule or on request: garbage collection and verification.
//!
//! One thread runs the tasks one after the other, and only one server of a store at a time runs them. The state is stored with the
//! store, so a restarted server continues the schedule. A server that is killed during a task leaves nothing to clean up.

mod on_request;
mod runner;
mod schedule;
mod state;
mod tasks;

pub use schedule::MaintenanceSchedule;
pub use state::{MaintenanceState, TaskState};
