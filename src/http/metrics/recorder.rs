//! The metrics recorder of this process, and a guard that increments a gauge while it exists.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use metrics::{Gauge, counter, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::names::{COMMITS, CONNECTIONS_REFUSED, QUEUE_DEPTH, describe};

/// The upper bounds of the histogram buckets for durations, in seconds.
const DURATION_BUCKETS_S: [f64; 14] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// After how many requests the samples of the histograms are sorted into buckets. Rendering the metrics sorts them too, but if no
/// monitoring system requests the metrics, all samples would stay in memory.
const UPKEEP_REQUESTS: u64 = 4096;

/// The metrics recorder. All servers in this process share it.
#[derive(Clone)]
pub(in crate::http) struct Metrics {
    handle: PrometheusHandle,
    requests: Arc<AtomicU64>,
}

impl Metrics {
    /// Returns the recorder. Installs it on the first call. If the program has already installed another recorder, that recorder receives
    /// the metrics instead.
    pub fn install() -> Self {
        static INSTALLED: OnceLock<Metrics> = OnceLock::new();
        INSTALLED.get_or_init(Self::install_recorder).clone()
    }

    fn install_recorder() -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&DURATION_BUCKETS_S)
            .expect("BUG: the buckets are not empty")
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::debug!("another metrics recorder is installed already");
        }
        describe();
        // The rest of the program sets these only once something has happened. Until then, they would be missing, and a graph of them empty.
        counter!(COMMITS).increment(0);
        counter!(CONNECTIONS_REFUSED).increment(0);
        gauge!(QUEUE_DEPTH).increment(0);
        Self {
            handle,
            requests: Arc::default(),
        }
    }

    /// Returns all metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// Counts a request. After every [`UPKEEP_REQUESTS`] requests, sorts the samples of the histograms into buckets.
    pub(super) fn upkeep(&self) {
        let request = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if request.is_multiple_of(UPKEEP_REQUESTS) {
            self.handle.run_upkeep();
        }
    }
}

/// A guard that increments a gauge when it is created, and decrements it when it is dropped. So the gauge is correct even if the handler of
/// a request is dropped because the client disconnects.
pub(in crate::http) struct GaugeGuard(Gauge);

impl GaugeGuard {
    /// Increments the gauge with this name until the returned guard is dropped.
    pub fn increment(name: &'static str) -> Self {
        let gauge = gauge!(name);
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
