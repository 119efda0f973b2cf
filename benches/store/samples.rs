//! Measures the times of calls.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::interrupt;

/// The time for which calls of an operation are repeated.
const TIME_MAX: Duration = Duration::from_secs(3);

/// The times of the calls of one operation.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Times {
    pub median: Duration,
    pub p99: Duration,
    pub count: usize,
}

impl Times {
    /// Summarizes the times of some calls.
    pub fn of(mut calls: Vec<Duration>) -> Self {
        calls.sort_unstable();
        let rank = |p: f64| (p * calls.len() as f64).ceil().max(1.0) as usize - 1;
        let percentile = |p| calls.get(rank(p)).copied().unwrap_or_default();
        Self {
            median: percentile(0.5),
            p99: percentile(0.99),
            count: calls.len(),
        }
    }
}

/// Runs `work`. Returns its time and its result.
pub fn time<T>(work: impl FnOnce() -> Result<T>) -> Result<(Duration, T)> {
    let start = Instant::now();
    let result = work()?;
    Ok((start.elapsed(), result))
}

/// Measures `call` with each item, for at most [`TIME_MAX`]. The first call is a warm-up: it is counted only if it is the only one or
/// takes longer than that.
pub fn sample<I, T>(
    items: impl IntoIterator<Item = I>,
    mut call: impl FnMut(I) -> Result<T>,
) -> Result<Times> {
    let mut rest = items.into_iter().peekable();
    let warm_up = rest.next().ok_or("there is nothing to measure")?;
    let (first, _) = time(|| call(warm_up))?;
    if first > TIME_MAX || rest.peek().is_none() {
        return Ok(Times::of(vec![first]));
    }
    all(rest, call)
}

/// Measures `call` with each item, for at most [`TIME_MAX`].
pub fn all<I, T>(
    items: impl IntoIterator<Item = I>,
    mut call: impl FnMut(I) -> Result<T>,
) -> Result<Times> {
    let start = Instant::now();
    let mut calls = Vec::new();
    for item in items {
        interrupt::check()?;
        calls.push(time(|| call(item))?.0);
        if start.elapsed() > TIME_MAX {
            break;
        }
    }
    Ok(Times::of(calls))
}
