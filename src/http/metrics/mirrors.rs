//! Metrics about mirrors of the store.
//!
//! These metrics are rendered here instead of being recorded as gauges, so that a time series ends when its mirror is removed or its error
//! is resolved. The only labels are fixed words and the names of mirrors, which the operator chooses.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::remote::MirrorStatus;

/// A metric that each mirror has.
struct MirrorMetric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    /// Returns the values for one mirror, each with the labels that follow the label `mirror`.
    values: fn(&MirrorStatus) -> Vec<(String, f64)>,
}

const METRICS: [MirrorMetric; 5] = [
    MirrorMetric {
        name: "wasmstore_mirror_lag_seconds",
        kind: "gauge",
        help: "Age of the oldest commit that the mirror does not have; 0 if it is up to date",
        values: |status| vec![(String::new(), status.sync.lag().as_secs_f64())],
    },
    MirrorMetric {
        name: "wasmstore_mirror_last_success_timestamp_seconds",
        kind: "gauge",
        help: "Time of the last push to the mirror that succeeded",
        values: |status| {
            let time = status.last_success.map(seconds);
            time.map(|time| (String::new(), time)).into_iter().collect()
        },
    },
    MirrorMetric {
        name: "wasmstore_mirror_failures",
        kind: "gauge",
        help: "Failed pushes to the mirror since the last success",
        values: |status| vec![(String::new(), f64::from(status.failures))],
    },
    MirrorMetric {
        name: "wasmstore_mirror_last_error_timestamp_seconds",
        kind: "gauge",
        help: "Time of the last push to the mirror, if it failed",
        // The reason of the failure is not a label: each different text would be another time series, and a remote can send any text. The
        // reason is in the log and in the output of `mirror status`.
        values: |status| {
            let error = status.last_error.as_ref().filter(|_| status.failures > 0);
            let value = error.map(|(time, _)| (String::new(), seconds(*time)));
            value.into_iter().collect()
        },
    },
    MirrorMetric {
        name: "wasmstore_mirror_pushes_total",
        kind: "counter",
        help: "Pushes to the mirror by this server",
        values: |status| {
            let outcome = |outcome: &str, count: u64| (label("outcome", outcome), count as f64);
            vec![
                outcome("success", status.counts.succeeded),
                outcome("failure", status.counts.failed),
            ]
        },
    },
];

/// Returns the metrics of the mirrors in Prometheus' text format.
pub(in crate::http) fn mirror_metrics(statuses: &[MirrorStatus]) -> String {
    let mut text = String::new();
    for metric in METRICS {
        let MirrorMetric {
            name, kind, help, ..
        } = metric;
        let mut lines = String::new();
        for status in statuses {
            let mirror = label("mirror", status.mirror.name.as_str());
            for (labels, value) in (metric.values)(status) {
                let comma = if labels.is_empty() { "" } else { "," };
                writeln!(lines, "{name}{{{mirror}{comma}{labels}}} {value}")
                    .expect("BUG: writing to a string does not fail");
            }
        }
        if !lines.is_empty() {
            text.push_str(&format!(
                "\n# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}"
            ));
        }
    }
    text
}

/// Formats a label with its value, in Prometheus' text format.
fn label(name: &str, value: &str) -> String {
    let escaped = value
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n");
    format!("{name}=\"{escaped}\"")
}

fn seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(label("error", "a\\b \"c\"\nd"), r#"error="a\\b \"c\"\nd""#);
        assert_eq!(mirror_metrics(&[]), "");
    }
}
