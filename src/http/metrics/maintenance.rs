//! Metrics about scheduled maintenance: gc and verify.
//!
//! These metrics are rendered here instead of being recorded as gauges, because their values are read from the store. So all servers of the
//! store report the same values, even after a restart.

use std::fmt::Write;

use crate::store::{MaintenanceState, TaskState};

/// A metric that each scheduled task has.
struct TaskMetric {
    name_suffix: &'static str,
    help: &'static str,
    value: fn(&TaskState) -> Option<f64>,
}

const METRICS: [TaskMetric; 4] = [
    TaskMetric {
        name_suffix: "last_success_timestamp_seconds",
        help: "Time of the last scheduled run that succeeded",
        value: |task| task.success_ms.map(seconds),
    },
    TaskMetric {
        name_suffix: "last_duration_seconds",
        help: "How long the last successful run took",
        value: |task| task.duration_ms.map(seconds),
    },
    TaskMetric {
        name_suffix: "failures",
        help: "Failed runs since the last success",
        value: |task| Some(f64::from(task.failures())),
    },
    TaskMetric {
        name_suffix: "faults",
        help: "Faults in the store that the last run found",
        value: |task| task.faults.map(|faults| faults as f64),
    },
];

/// Returns the metrics of both tasks in Prometheus' text format. A task that was never scheduled has no metrics.
pub(in crate::http) fn maintenance_metrics(state: &MaintenanceState) -> String {
    let mut text = String::new();
    for (name, task) in [("gc", &state.gc), ("verify", &state.verify)] {
        if *task == TaskState::default() {
            continue;
        }
        for metric in METRICS {
            let Some(value) = (metric.value)(task) else {
                continue;
            };
            let name = format!("wasmstore_{name}_{}", metric.name_suffix);
            let help = metric.help;
            let lines = format!("\n# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
            writeln!(text, "{lines}").expect("BUG: writing to a string does not fail");
        }
    }
    text
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_was_never_scheduled_has_no_metrics() {
        assert_eq!(maintenance_metrics(&MaintenanceState::default()), "");
        let mut state = MaintenanceState::default();
        state.verify.success_ms = Some(1_500);
        state.verify.faults = Some(2);
        let text = maintenance_metrics(&state);
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines.join("\n").trim(),
            "wasmstore_verify_last_success_timestamp_seconds 1.5\n\n\
             wasmstore_verify_failures 0\n\nwasmstore_verify_faults 2"
        );
    }
}
