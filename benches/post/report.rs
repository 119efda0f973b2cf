//! Formats the results.

use std::time::Duration;

use crate::load::Measured;

/// Returns the percentile `p` of the latencies, for example 0.99 for p99.
pub fn percentile(latencies: &[Duration], p: f64) -> Duration {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let rank = (p * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or_default()
}

/// Formats a duration in milliseconds.
pub fn ms(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1e3)
}

/// Formats `p50 / p99 / max` in milliseconds.
pub fn spread(latencies: &[Duration]) -> String {
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|p| ms(percentile(latencies, p)));
    format!("{p50} / {p99} / {max}")
}

/// The results of the rounds of one case: the median rate, and the latencies of all rounds.
pub struct Rounds {
    pub rate: f64,
    pub lowest: f64,
    pub highest: f64,
    latencies: Vec<Duration>,
    cpu: Duration,
}

impl Rounds {
    pub fn of(rounds: Vec<Measured>) -> Self {
        let mut rates: Vec<_> = rounds.iter().map(Measured::rate).collect();
        rates.sort_by(f64::total_cmp);
        Self {
            rate: rates[rates.len() / 2],
            lowest: rates[0],
            highest: rates[rates.len() - 1],
            cpu: rounds.iter().map(|round| round.cpu).sum(),
            latencies: rounds
                .into_iter()
                .flat_map(|round| round.latencies)
                .collect(),
        }
    }

    /// Formats table cells: `pushes/s (lowest-highest) | p50 / p99 / max | CPU per push`.
    pub fn cells(&self) -> String {
        let cpu_ms = self.cpu.as_secs_f64() * 1e3 / self.latencies.len().max(1) as f64;
        format!(
            "{:.0} ({:.0}-{:.0}) | {} | {cpu_ms:.2}",
            self.rate,
            self.lowest,
            self.highest,
            spread(&self.latencies)
        )
    }
}
