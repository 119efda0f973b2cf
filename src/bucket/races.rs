//! The races of a probe: many writers make a conditional write with the same condition at the same time, and exactly one must succeed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use object_store::path::Path;
use object_store::{PutMode, PutOptions, PutPayload, UpdateVersion};

use super::client::{counted, styled};
use super::counters::RequestKind;
use super::handle::Bucket;
use super::probe::{ProbeCheck, ProbeReport, ProbeScope, until_known};
use super::request_failure::RequestFailure;
use super::state::random_hex;

/// The maximum number of attempts to get a race with a winner: under load, an object store may fail all requests of a race.
const REPEATS: u32 = 3;

/// The time after which no further race of the same kind starts. In SeaweedFS, a writer waits for a second if another one has locked the
/// object, so that one race of 64 writers takes several seconds.
const RACES_TIME: Duration = Duration::from_secs(20);

/// The pause before a race is repeated.
const PAUSE: Duration = Duration::from_millis(300);

/// The responses to the requests of a race, in which several writers write the same object at the same time.
#[derive(Default)]
struct Responses {
    /// The texts that were sent by the writers that got a success response. Each writer sends a different text.
    winners: Vec<String>,
    /// The texts that were sent by the writers that got neither a success response nor a rejection.
    unknown: Vec<String>,
    /// The number of responses other than success, by the kind of the response.
    others: BTreeMap<String, usize>,
}

/// The result of a race: several writers create or replace the same object at the same time, and exactly one of them should succeed.
enum RaceResult {
    OneWinner,
    NoWinner,
    Violation(String),
}

impl Bucket {
    /// Runs the races (many conditional writes with the same condition at the same time), and adds their results to `report`.
    pub(super) fn probe_races(
        &self,
        directory: &str,
        scope: ProbeScope,
        report: &mut ProbeReport,
    ) -> Result<(), RequestFailure> {
        let (rounds, writers) = match scope {
            ProbeScope::Quick => (1, 32),
            ProbeScope::Full => (20, 64),
        };
        for (kind, name) in [
            ("create", "create"),
            ("replace", "replace with the same ETag"),
        ] {
            let mut others = BTreeMap::new();
            let mut violation = None;
            let (start, mut raced) = (Instant::now(), 0);
            for round in 0..rounds {
                if start.elapsed() > RACES_TIME {
                    break;
                }
                let key = Path::from(format!("{directory}/{kind}-{round}"));
                if let Some(found) = self.race(&key, kind == "replace", writers, &mut others)? {
                    violation = Some(format!("race {} of {rounds}: {found}", round + 1));
                    break;
                }
                raced += 1;
            }
            let responses: Vec<_> = others
                .iter()
                .map(|(kind, count)| format!("{count} x {kind}"))
                .collect();
            let observed = format!(
                "one winner in each of {raced} races; other responses: {}",
                responses.join(", ")
            );
            report.checks.push(ProbeCheck {
                name: format!("{writers} writers {name}"),
                is_passed: violation.is_none(),
                observed: violation.unwrap_or(observed),
            });
        }
        Ok(())
    }

    /// Runs a race of writers that create or replace the object at `key`. Returns what is wrong with the result; `None` if exactly one
    /// writer won.
    fn race(
        &self,
        key: &Path,
        replaces: bool,
        writers: usize,
        others: &mut BTreeMap<String, usize>,
    ) -> Result<Option<String>, RequestFailure> {
        for _ in 0..REPEATS {
            let (key, mode) = match replaces {
                false => (key.clone(), PutMode::Create),
                true => {
                    let (key, version) = self.create_to_replace(key)?;
                    let mode = PutMode::Update(styled(&version, self.client.etag_style()));
                    (key, mode)
                }
            };
            let responses = self.run_race(&key, &mode, writers);
            for (kind, count) in &responses.others {
                *others.entry(kind.clone()).or_default() += count;
            }
            match self.result_of_race(&key, &responses)? {
                RaceResult::OneWinner => return Ok(None),
                RaceResult::Violation(found) => return Ok(Some(found)),
                RaceResult::NoWinner => std::thread::sleep(PAUSE),
            }
        }
        Ok(Some(format!("no writer won in {REPEATS} attempts")))
    }

    fn run_race(&self, key: &Path, mode: &PutMode, writers: usize) -> Responses {
        let start = |_| {
            let (store, counters) = (
                self.client.stores.manifest.clone(),
                self.client.counters.clone(),
            );
            let (key, mode, text) = (key.clone(), mode.clone(), random_hex::<16>());
            self.client.spawn(async move {
                let payload = PutPayload::from(text.clone());
                let put = store.put_opts(&key, payload, PutOptions::from(mode));
                (text, counted(&counters, RequestKind::Probe, put).await)
            })
        };
        let tasks: Vec<_> = (0..writers).map(start).collect();
        let mut responses = Responses::default();
        for task in tasks {
            let Ok((text, result)) = self.client.block_on(task) else {
                continue;
            };
            let kind = match result {
                Ok(_) => {
                    responses.winners.push(text);
                    continue;
                }
                Err(RequestFailure::NotFound | RequestFailure::Condition(_)) => {
                    "rejected".to_owned()
                }
                Err(RequestFailure::Rejected(reason)) => reason,
                Err(RequestFailure::Unknown(reason)) => {
                    responses.unknown.push(text);
                    reason
                }
            };
            *responses.others.entry(kind).or_default() += 1;
        }
        responses
    }

    fn result_of_race(
        &self,
        key: &Path,
        responses: &Responses,
    ) -> Result<RaceResult, RequestFailure> {
        let content = match self.get_until_known(key) {
            Ok((content, _)) => Some(content),
            Err(RequestFailure::NotFound) => None,
            Err(failure) => return Err(failure),
        };
        let is_of = |list: &[String]| {
            content
                .as_ref()
                .is_some_and(|content| list.contains(content))
        };
        Ok(match responses.winners.len() {
            1 if is_of(&responses.winners) => RaceResult::OneWinner,
            1 => RaceResult::Violation(
                "one writer got a success, and the object has other content".to_owned(),
            ),
            // The response of the winner was lost, or the store failed after the write.
            0 if is_of(&responses.unknown) => RaceResult::OneWinner,
            0 => RaceResult::NoWinner,
            count => RaceResult::Violation(format!(
                "{count} writers got a success, so writes would be lost"
            )),
        })
    }

    /// Reads an object. Repeats the request while its result is unknown.
    fn get_until_known(&self, key: &Path) -> Result<(String, UpdateVersion), RequestFailure> {
        until_known(|| self.probe_get(key))
    }

    /// Creates an object that several writers will then try to replace at the same time. Returns its key and version. A failed request may still have an effect
    /// later, so each attempt uses another key.
    fn create_to_replace(&self, key: &Path) -> Result<(Path, UpdateVersion), RequestFailure> {
        until_known(|| {
            let start = random_hex::<16>();
            let key = Path::from(format!("{key}-{start}"));
            let created = self.probe_put(&key, &start, PutMode::Create);
            created.map(|version| (key, version))
        })
    }
}
