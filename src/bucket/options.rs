//! The options of a bucket.

use std::time::Duration;

/// The options of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketOptions {
    /// The URL at which other servers reach this one. Every swap writes it to the manifest. `None` for a command line, whose swaps leave
    /// the URL as it is.
    pub writer: Option<String>,
    /// The minimum time between two swaps, for stores that accept about one write of a key per second, such as R2 and GCS.
    pub swap_interval: Duration,
    /// Timeouts of swaps.
    pub timing: BucketTiming,
}

/// Timeouts of swaps and of reads of the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketTiming {
    /// A request for the manifest fails after this time.
    pub request: Duration,
    /// While a swap waits for its response for longer than this, the manifest is read to find out whether the swap was made.
    pub patience: Duration,
    /// The time between two such reads.
    pub poll: Duration,
    /// A swap that certainly was not made is given up after this time.
    pub unreachable: Duration,
    /// A swap of which it is unknown whether it was made is given up after this time.
    pub unconfirmed: Duration,
}

impl Default for BucketTiming {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(5),
            patience: Duration::from_secs(1),
            poll: Duration::from_millis(200),
            unreachable: Duration::from_secs(2),
            unconfirmed: Duration::from_secs(20),
        }
    }
}
