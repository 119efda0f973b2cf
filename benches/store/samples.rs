//! Timing calls.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::interrupt;

/// How long an operation is called again and again.
const TIME_MAX: Duration = Duration::from_secs(3);

/// How long calls of one operation took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Times {
    pub median: Duration,
    pub p99: Duration,
    pub count: usize,
}

impl Times {
    /// What some calls came to.
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

/// How long it takes.
pub fn time<T>(work: impl FnOnce() -> Result<T>) -> Result<(Duration, T)> {
    let began = Instant::now();
    let done = work()?;
    Ok((began.elapsed(), done))
}

/// Times `call` with each of these, while there is time. The first is counted only if it is the only one, or takes up all the
/// time.
pub fn sample<I, T>(
    over: impl IntoIterator<Item = I>,
    mut call: impl FnMut(I) -> Result<T>,
) -> Result<Times> {
    let mut over = over.into_iter().peekable();
    let warm_up = over.next().ok_or("there is nothing to measure")?;
    let (first, _) = time(|| call(warm_up))?;
    if first > TIME_MAX || over.peek().is_none() {
        return Ok(Times::of(vec![first]));
    }
    all(over, call)
}

/// Times `call` with each of these, while there is time.
pub fn all<I, T>(
    over: impl IntoIterator<Item = I>,
    mut call: impl FnMut(I) -> Result<T>,
) -> Result<Times> {
    let began = Instant::now();
    let mut calls = Vec::new();
    for one in over {
        interrupt::check()?;
        calls.push(time(|| call(one))?.0);
        if began.elapsed() > TIME_MAX {
            break;
        }
    }
    Ok(Times::of(calls))
}
