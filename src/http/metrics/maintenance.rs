//! When the store was maintained on schedule, for Prometheus to fetch.
//!
//! As for mirrors, these lines are written here: whichever server did it, all tell the same, also after they were started anew.

use std::fmt::Write;

use crate::store::{MaintenanceState, TaskState};

/// A metric: the end of its name, what it tells, and its value, if there is one.
type Metric = (&'static str, &'static str, fn(&TaskState) -> Option<f64>);

const METRICS: [Metric; 4] = [
    (
        "last_success_timestamp_seconds",
        "When it was done on schedule for the last time",
        |chore| chore.success_ms.map(seconds),
    ),
    ("last_duration_seconds", "How long that took", |chore| {
        chore.duration_ms.map(seconds)
    }),
    ("failures", "Attempts that failed since then", |chore| {
        Some(f64::from(chore.failures()))
    }),
    (
        "faults",
        "How many things were wrong the last time",
        |chore| chore.faults.map(|faults| faults as f64),
    ),
];

/// All that is to be told of it, in Prometheus' text form; nothing of what never was on a schedule.
pub(in crate::http) fn render(chores: &MaintenanceState) -> String {
    let mut text = String::new();
    for (name, chore) in [("gc", &chores.gc), ("verify", &chores.verify)] {
        if *chore == TaskState::default() {
            continue;
        }
        for (end, help, value) in METRICS {
            let Some(value) = value(chore) else { continue };
            let name = format!("wasmstore_{name}_{end}");
            let lines = format!("\n# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
            writeln!(text, "{lines}").expect("BUG: a string takes all");
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
    fn what_was_never_on_a_schedule_is_not_told() {
        assert_eq!(render(&MaintenanceState::default()), "");
        let mut chores = MaintenanceState::default();
        chores.verify.success_ms = Some(1_500);
        chores.verify.faults = Some(2);
        let text = render(&chores);
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines.join("\n").trim(),
            "wasmstore_verify_last_success_timestamp_seconds 1.5\n\n\
             wasmstore_verify_failures 0\n\nwasmstore_verify_faults 2"
        );
    }
}
