//! Maintenance of a store by a server, on a schedule or on request: garbage collection and verification.
//!
//! One thread runs the tasks one after the other. Of several servers of a store, only one runs tasks at a time. The state of the schedule
//! is stored in the store, so a restarted server continues the schedule. A server that is killed during a task leaves nothing behind that
//! must be cleaned up.

mod on_request;
mod runner;
mod schedule;
mod state;
mod tasks;

pub use schedule::MaintenanceSchedule;
pub use state::{MaintenanceState, TaskState};
