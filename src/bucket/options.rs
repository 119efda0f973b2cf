//! Options for opening a bucket.

use std::time::Duration;

/// The timing of requests to a bucket, and the URL that other servers find in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketOptions {
    /// The URL at which other servers reach this one. Every change of the state writes it to the manifest. `None` in a command other than
    /// `server`, which leaves the URL in the manifest unchanged.
    pub writer: Option<String>,
    /// The minimum time between two writes of the manifest by this process, for object stores that accept about one write of a key per
    /// second, such as R2 and GCS.
    pub swap_interval: Duration,
    /// The timeouts for reading and writing the manifest.
    pub timing: BucketTiming,
}

/// Timeouts for reading and writing the manifest, the object that names the current state of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketTiming {
    /// The timeout of a request that reads or writes the manifest.
    pub request: Duration,
    /// How long a process waits for the response when it writes the manifest. Then it reads the manifest to find out whether it was
    /// written.
    pub patience: Duration,
    /// The time between two reads of the manifest by a process that waits for the response to its write.
    pub poll: Duration,
    /// The time after which a change fails with `Unreachable` if the manifest was certainly not written.
    pub unreachable: Duration,
    /// The time after which a change fails with `Unconfirmed` if it is unknown whether the manifest was written.
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
