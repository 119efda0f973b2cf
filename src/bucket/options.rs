//! The options of a bucket.

use std::time::Duration;

/// The options of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketOptions {
    /// The URL at which other servers reach this one. Every swap writes it to the manifest. `None` for a command other than `server`, whose
    /// swaps keep the URL that the manifest has.
    pub writer: Option<String>,
    /// The minimum time between two swaps of this process, for object stores that accept about one write of a key per second, such as R2
    /// and GCS.
    pub swap_interval: Duration,
    /// Timeouts of swaps.
    pub timing: BucketTiming,
}

/// Timeouts of swaps and of reads of the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketTiming {
    /// The timeout of a request that reads or writes the manifest.
    pub request: Duration,
    /// How long a swap waits for its response before it reads the manifest to find out whether it was made.
    pub patience: Duration,
    /// The time between two such reads of the manifest.
    pub poll: Duration,
    /// The time after which a swap that certainly was not made fails with `Unreachable`.
    pub unreachable: Duration,
    /// The time after which a swap fails with `Unconfirmed` if it is unknown whether it was made.
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
