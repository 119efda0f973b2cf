//! Metrics in Prometheus' text format.

pub(super) mod maintenance;
pub(super) mod mirrors;
mod recorder;

pub(super) use recorder::*;
