//! Metrics about a bucket in which several servers share a store.
//!
//! These metrics are rendered here from counters, instead of being recorded with the crate `metrics`: the counters belong to the client of
//! the bucket and to the forwarder of requests. All labels are fixed words.

use std::fmt::{Display, Write};
use std::time::SystemTime;

use crate::remote::BucketFollowStatus;
use crate::store::{AuthorityCounters, RequestCount};

/// The state of a server on a bucket, for the metrics.
pub(in crate::http) struct BucketState {
    /// How up to date the local copy of the store is.
    pub follow: BucketFollowStatus,
    /// The counts of the server's requests to the bucket.
    pub counters: AuthorityCounters,
    /// The number of requests that another server handled after they were forwarded to it.
    pub forwarded_ok: u64,
    /// The number of requests that were forwarded, but that the other server did not handle.
    pub forwarded_failed: u64,
}

/// Returns the metrics of a server on a bucket, in Prometheus' text format.
pub(in crate::http) fn bucket_metrics(state: &BucketState) -> String {
    let mut text = MetricsText(String::new());
    text.add_copy(&state.follow);
    text.add_swaps(&state.counters);
    text.add_requests(&state.counters.requests);
    text.add_forwarded(state);
    text.0
}

struct MetricsText(String);

impl MetricsText {
    fn add_copy(&mut self, follow: &BucketFollowStatus) {
        self.gauge(
            "generation",
            "Generation of this server's copy of the store",
            Some(follow.generation as f64),
        );
        self.gauge(
            "lag_seconds",
            "Time since the copy was last known to be equal to the state in the bucket",
            follow.lag.map(|lag| lag.as_secs_f64()),
        );
        self.gauge(
            "last_writer",
            "Whether this server made the last swap",
            Some(f64::from(u8::from(follow.is_last_writer))),
        );
    }

    fn add_swaps(&mut self, counters: &AuthorityCounters) {
        let age = |time: SystemTime| time.elapsed().unwrap_or_default().as_secs_f64();
        self.gauge(
            "last_success_age_seconds",
            "Time since the last request to the bucket that succeeded",
            counters.last_success.map(age),
        );
        for (name, help, value) in [
            (
                "swaps_total",
                "Swaps of the manifest that this server made",
                counters.swaps,
            ),
            (
                "conflicts_total",
                "Swaps that failed because another server was first",
                counters.conflicts,
            ),
            (
                "unconfirmed_total",
                "Swaps whose result stayed unknown",
                counters.unconfirmed,
            ),
            (
                "uploaded_bytes_total",
                "Bytes uploaded to the bucket",
                counters.uploaded_bytes,
            ),
            (
                "downloaded_bytes_total",
                "Bytes downloaded from the bucket",
                counters.downloaded_bytes,
            ),
        ] {
            self.family(name, "counter", help, [(String::new(), value)]);
        }
    }

    fn add_requests(&mut self, requests: &[(&'static str, RequestCount)]) {
        let kinds = |value: fn(&RequestCount) -> f64| {
            let values = requests.iter();
            values.map(move |(kind, count)| (format!("{{kind=\"{kind}\"}}"), value(count)))
        };
        self.family(
            "requests_total",
            "counter",
            "Requests to the bucket",
            kinds(|count| count.requests as f64),
        );
        self.family(
            "errors_total",
            "counter",
            "Failed requests to the bucket",
            kinds(|count| count.errors as f64),
        );
        self.family(
            "request_seconds_total",
            "counter",
            "Duration of all requests to the bucket together",
            kinds(|count| count.duration.as_secs_f64()),
        );
    }

    fn add_forwarded(&mut self, state: &BucketState) {
        let outcome = |outcome: &str, count: u64| (format!("{{outcome=\"{outcome}\"}}"), count);
        self.family(
            "forwarded_total",
            "counter",
            "Writes forwarded to the last writer",
            [
                outcome("ok", state.forwarded_ok),
                outcome("failed", state.forwarded_failed),
            ],
        );
    }

    fn gauge(&mut self, name: &str, help: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.family(name, "gauge", help, [(String::new(), value)]);
        }
    }

    /// Adds a metric, with one value for each set of labels. `kind` is the Prometheus type.
    fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        values: impl IntoIterator<Item = (String, impl Display)>,
    ) {
        let name = format!("wasmstore_bucket_{name}");
        let mut lines = format!("\n# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (labels, value) in values {
            writeln!(lines, "{name}{labels} {value}")
                .expect("BUG: writing to a string does not fail");
        }
        self.0.push_str(&lines);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_value_is_rendered_once() {
        let count = RequestCount {
            requests: 7,
            errors: 2,
            duration: Duration::from_millis(1500),
        };
        let state = BucketState {
            follow: BucketFollowStatus {
                is_complete: true,
                lag: Some(Duration::from_millis(250)),
                failures: 0,
                error: None,
                generation: 12,
                writer: None,
                is_last_writer: true,
            },
            counters: AuthorityCounters {
                requests: vec![
                    ("get_manifest", count),
                    ("put_pack", RequestCount::default()),
                ],
                uploaded_bytes: 1,
                downloaded_bytes: 2,
                swaps: 3,
                conflicts: 4,
                unconfirmed: 5,
                last_error: None,
                last_success: None,
            },
            forwarded_ok: 8,
            forwarded_failed: 9,
        };
        let text = bucket_metrics(&state);
        let lines: Vec<_> = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| line.strip_prefix("wasmstore_bucket_").unwrap())
            .collect();
        assert_eq!(
            lines,
            [
                "generation 12",
                "lag_seconds 0.25",
                "last_writer 1",
                "swaps_total 3",
                "conflicts_total 4",
                "unconfirmed_total 5",
                "uploaded_bytes_total 1",
                "downloaded_bytes_total 2",
                "requests_total{kind=\"get_manifest\"} 7",
                "requests_total{kind=\"put_pack\"} 0",
                "errors_total{kind=\"get_manifest\"} 2",
                "errors_total{kind=\"put_pack\"} 0",
                "request_seconds_total{kind=\"get_manifest\"} 1.5",
                "request_seconds_total{kind=\"put_pack\"} 0",
                "forwarded_total{outcome=\"ok\"} 8",
                "forwarded_total{outcome=\"failed\"} 9",
            ]
        );
    }
}
