//! Scheduled maintenance of a store by a server: garbage collection and verification.

mod runner;
mod schedule;
mod state;

pub use schedule::MaintenanceSchedule;
pub use state::{MaintenanceState, TaskState};
