//! An object store in memory for tests. Some of its requests fail, selected by a random number generator with a seed.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// The ways in which a write can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The store returns an error, and nothing is written.
    ErrorBefore,
    /// The store returns an error, although the object is written.
    ErrorAfter,
    /// The connection breaks after the object is written, before the response.
    LostResponse,
    /// The request times out, and nothing is written.
    Hang,
    /// The request times out, although the object is written.
    HangAfter,
    /// The connection breaks, and the object is written a moment after that.
    Late,
    /// The store rejects the credentials.
    Denied,
}

/// How many of 1,000 requests have a fault, by the kind of request.
#[derive(Clone, Copy, Debug, Default)]
pub struct FaultRates {
    /// Writes with a fault. Each [`Fault`] except `Denied` is equally likely.
    pub writes: u64,
    /// Reads that fail.
    pub reads: u64,
    /// Reads of the object `manifest` that return an earlier content than the current one.
    pub stale_reads: u64,
}

const RANDOM_FAULTS: [Fault; 6] = [
    Fault::ErrorBefore,
    Fault::ErrorAfter,
    Fault::LostResponse,
    Fault::Hang,
    Fault::HangAfter,
    Fault::Late,
];

/// An object store in memory with faults. A clone is a handle to the same store.
#[derive(Clone, Debug)]
pub struct FaultyStore {
    objects: Arc<InMemory>,
    shared: Arc<Mutex<Shared>>,
    /// How long a request with [`Fault::Hang`] or [`Fault::HangAfter`] hangs.
    hang: Duration,
    /// The maximum delay of a write with [`Fault::Late`].
    late: Duration,
}

#[derive(Debug)]
struct Shared {
    random: u64,
    rates: FaultRates,
    /// The faults of the next writes of the object `manifest`. `None` means a write without a fault.
    script: VecDeque<Option<Fault>>,
    /// Each content that the object `manifest` has had, with its ETag, in the order of the writes.
    manifests: Vec<(String, String)>,
    /// The number of requests, by the method and the first segment of the object's key, such as `GET manifest`.
    requests: BTreeMap<String, u64>,
}

impl Shared {
    /// Returns a pseudo-random number (SplitMix64).
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn has_fault(&mut self, per_mille: u64) -> bool {
        self.next() % 1000 < per_mille
    }
}

impl FaultyStore {
    pub fn new(seed: u64, rates: FaultRates, hang: Duration, late: Duration) -> Self {
        let shared = Shared {
            random: seed,
            rates,
            script: VecDeque::new(),
            manifests: Vec::new(),
            requests: BTreeMap::new(),
        };
        Self {
            objects: Arc::default(),
            shared: Arc::new(Mutex::new(shared)),
            hang,
            late,
        }
    }

    /// Creates a store without faults.
    pub fn reliable() -> Self {
        Self::new(0, FaultRates::default(), Duration::ZERO, Duration::ZERO)
    }

    /// Adds the faults of the next writes of the object `manifest`. `None` means a write without a fault.
    pub fn script(&self, faults: &[Option<Fault>]) {
        self.shared.lock().unwrap().script.extend(faults);
    }

    pub fn set_rates(&self, rates: FaultRates) {
        self.shared.lock().unwrap().rates = rates;
    }

    /// Returns every content that the object `manifest` has had, in the order of the writes.
    pub fn manifests(&self) -> Vec<String> {
        let shared = self.shared.lock().unwrap();
        shared
            .manifests
            .iter()
            .map(|(content, _)| content.clone())
            .collect()
    }

    /// Returns the number of requests with a method and a first segment of the key, such as `GET manifest`.
    pub fn requests(&self, name: &str) -> u64 {
        let shared = self.shared.lock().unwrap();
        shared.requests.get(name).copied().unwrap_or_default()
    }

    fn count(&self, method: &str, location: &Path) {
        let part = location.parts().next();
        let name = format!(
            "{method} {}",
            part.as_ref().map_or("", |part| part.as_ref())
        );
        *self
            .shared
            .lock()
            .unwrap()
            .requests
            .entry(name)
            .or_default() += 1;
    }

    async fn write(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        if location.as_ref() != "manifest" {
            return self.objects.put_opts(location, payload, options).await;
        }
        let content: Vec<u8> = payload.iter().flat_map(|part| part.to_vec()).collect();
        // The lock is held during the write, so that the list has the order of the writes. `InMemory` completes at once, so there is no
        // wait for an async task under the lock.
        let mut shared = self.shared.lock().unwrap();
        let put = futures_util::FutureExt::now_or_never(
            self.objects.put_opts(location, payload, options),
        );
        let put = put.expect("`InMemory` does not wait")?;
        let etag = put.e_tag.clone().unwrap_or_default();
        shared
            .manifests
            .push((String::from_utf8(content).unwrap(), etag));
        Ok(put)
    }

    fn write_fault(&self, location: &Path) -> Option<Fault> {
        let mut shared = self.shared.lock().unwrap();
        if location.as_ref() == "manifest"
            && let Some(scripted) = shared.script.pop_front()
        {
            return scripted;
        }
        let rate = shared.rates.writes;
        let is_faulty = shared.has_fault(rate);
        let index = shared.next() as usize % RANDOM_FAULTS.len();
        is_faulty.then_some(RANDOM_FAULTS[index])
    }
}

fn broken(text: &str) -> Error {
    Error::Generic {
        store: "FaultyStore",
        source: text.to_owned().into(),
    }
}

fn server_error() -> Error {
    broken("Server returned non-2xx status code: 500 Internal Server Error: ")
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.count("PUT", location);
        let Some(fault) = self.write_fault(location) else {
            return self.write(location, payload, options).await;
        };
        match fault {
            Fault::ErrorBefore => Err(server_error()),
            Fault::Denied => Err(Error::PermissionDenied {
                path: location.to_string(),
                source: "AccessDenied".into(),
            }),
            // If the condition of the write is not satisfied, the store reports that error instead.
            Fault::ErrorAfter => self
                .write(location, payload, options)
                .await
                .and(Err(server_error())),
            Fault::LostResponse => {
                let _ = self.write(location, payload, options).await;
                Err(broken("connection reset"))
            }
            Fault::Hang | Fault::HangAfter => {
                if fault == Fault::HangAfter {
                    let _ = self.write(location, payload, options).await;
                }
                tokio::time::sleep(self.hang).await;
                Err(broken("connection timed out"))
            }
            Fault::Late => {
                let (store, location) = (self.clone(), location.clone());
                let delay = {
                    let micros = store.late.as_micros() as u64;
                    let mut shared = store.shared.lock().unwrap();
                    Duration::from_micros(shared.next() % micros.max(1))
                };
                // A separate thread makes the write, because the client's async runtime may have ended by then.
                std::thread::spawn(move || {
                    std::thread::sleep(delay);
                    let write = store.write(&location, payload, options);
                    let _ = futures_util::FutureExt::now_or_never(write);
                });
                Err(broken("connection reset"))
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.count("POST", location);
        self.objects.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.count("GET", location);
        let stale = {
            let mut shared = self.shared.lock().unwrap();
            let rates = shared.rates;
            if shared.has_fault(rates.reads) {
                return Err(server_error());
            }
            let is_stale = location.as_ref() == "manifest" && shared.has_fault(rates.stale_reads);
            let age = 1 + shared.next() as usize % 3;
            let index = shared.manifests.len().checked_sub(1 + age);
            index
                .filter(|_| is_stale)
                .map(|index| shared.manifests[index].clone())
        };
        let Some((content, etag)) = stale else {
            return self.objects.get_opts(location, options).await;
        };
        let mut found = self
            .objects
            .get_opts(location, GetOptions::default())
            .await?;
        found.meta.e_tag = Some(etag);
        found.meta.size = content.len() as u64;
        found.range = 0..content.len() as u64;
        options.check_preconditions(&found.meta)?;
        let content = futures_util::stream::once(async move { Ok(content.into_bytes().into()) });
        found.payload = GetResultPayload::Stream(Box::pin(content));
        Ok(found)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
