//! The metrics recorder of this process, and a guard that counts in a gauge.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use metrics::{Gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::names::describe;

/// The upper bounds of the buckets of durations, in seconds.
const DURATION_BUCKETS_S: [f64; 14] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// The number of requests after which the samples of histograms are sorted into buckets. Fetching the metrics sorts them too, but if no
/// monitoring system fetches the metrics, every sample would stay in memory.
const UPKEEP_REQUESTS: u64 = 4096;

/// The metrics recorder of this process. All servers in the process share it.
#[derive(Clone)]
pub(in crate::http) struct Metrics {
    handle: PrometheusHandle,
    requests: Arc<AtomicU64>,
}

impl Metrics {
    /// Installs the recorder on the first call, and returns it. If the program has installed another recorder before, the other recorder
    /// receives the metrics.
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

    /// Sorts samples into buckets after every [`UPKEEP_REQUESTS`] calls.
    pub(super) fn upkeep(&self) {
        let request = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if request.is_multiple_of(UPKEEP_REQUESTS) {
            self.handle.run_upkeep();
        }
    }
}

/// Increments a gauge, and decrements it when dropped. So the gauge stays correct even if a client disconnects and the handler is
/// dropped.
pub(in crate::http) struct GaugeGuard(Gauge);

impl GaugeGuard {
    /// Increments the gauge with this name.
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
