//! The screen with the status of the server.

use std::time::Duration;

use maud::{Markup, html};

use super::format::{bytes, count, counted, time};
use super::links::{Place, Site};
use super::text::{shown, shown_cut};
use crate::store::{CappedCount, MaintenanceState, Overview, Statistics, TaskState};

/// The state of a mirror, or of the connection to the primary of a replica.
pub struct Peer {
    /// The name of the mirror, or the URL of the primary.
    pub name: String,
    /// How long the mirror has been behind this server, or this replica behind its primary.
    pub lag: Duration,
    /// The time of the last successful synchronization, in seconds since 1970-01-01 UTC.
    pub last_success_s: Option<i64>,
    /// The number of failures since the last success.
    pub failures: u32,
    /// The error text of the last failure.
    pub error: Option<String>,
}

/// The state of a server whose store is in a bucket.
#[derive(Clone)]
pub struct Bucket {
    /// The generation (version number) of the local copy of the store.
    pub generation: u64,
    /// The URL of the server that last wrote to the bucket.
    pub writer: Option<String>,
    /// Whether this server last wrote to the bucket.
    pub is_last_writer: bool,
    /// The time since the local copy was last known to be equal to the state in the bucket; `None` before the first time.
    pub lag: Option<Duration>,
    /// The number of failed reads of the bucket since the last read that succeeded.
    pub failures: u32,
    /// The error text of the last failure.
    pub error: Option<String>,
}

/// The data that the status page shows.
pub struct Status<'s> {
    /// The server, and the rights of the client.
    pub site: &'s Site,
    /// The branch or commit whose modules are counted.
    pub place: &'s Place,
    /// The token that protects the forms against cross-site requests.
    pub token: &'s str,
    /// The numbers of branches, modules and commits.
    pub overview: &'s Overview,
    /// The numbers of objects and packs.
    pub statistics: &'s Statistics,
    /// The times and results of the last runs of the maintenance tasks gc and verify.
    pub maintenance: &'s MaintenanceState,
    /// The state of each mirror.
    pub mirrors: &'s [Peer],
    /// The state of the connection to the primary, if the server is a replica.
    pub primary: Option<&'s Peer>,
    /// The state of the bucket, if the store is in a bucket.
    pub bucket: Option<&'s Bucket>,
    /// The memory that is in use for requests, and its limit, in bytes.
    pub memory: (u64, u64),
}

impl Status<'_> {
    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        html! {
            div.head { div { h1 { "Status" } div.what { span.muted { "wasmstore " (env!("CARGO_PKG_VERSION")) " at " (shown(&self.site.url)) } } } }
            div.columns {
                div {
                    (self.tasks())
                    @if let Some(bucket) = self.bucket { (bucket.render()) }
                    (self.peers())
                }
                div { (self.counts()) }
            }
        }
    }

    fn counts(&self) -> Markup {
        let (overview, statistics) = (self.overview, self.statistics);
        let capped = |counted: CappedCount| {
            format!(
                "{}{}",
                count(counted.count as u64),
                if counted.has_more { "+" } else { "" }
            )
        };
        html! {
            section.card aria-labelledby="counts" {
                h2 #counts { "Store" }
                dl.facts {
                    dt { "Default branch" } dd { (shown(overview.default_branch.as_str())) }
                    dt { "Branches" } dd { (count(overview.branches as u64)) }
                    dt { "Tags" } dd { (count(overview.tags as u64)) }
                    dt { "Modules" } dd { (capped(overview.modules)) " " (self.counted_on()) }
                    dt { "Commits" } dd { (capped(overview.commits)) " " (self.counted_on()) }
                    dt { "On disk" } dd { (bytes(overview.objects_bytes)) }
                    dt { "Objects" } dd { (count(statistics.packed_objects)) " in " (counted(usize::try_from(statistics.packs).unwrap_or(usize::MAX), "pack", "packs")) ", " (count(statistics.loose_objects)) " loose" }
                    dt { "Memory for clients" } dd { (bytes(self.memory.0)) " of " (bytes(self.memory.1)) }
                }
            }
        }
    }

    fn tasks(&self) -> Markup {
        html! {
            section.card aria-labelledby="tasks" {
                h2 #tasks { "Maintenance" }
                div.scroll tabindex="0" role="region" aria-label="Runs of maintenance" {
                    table {
                        caption.sr { "Maintenance" }
                        thead { tr { th scope="col" { "Task" } th scope="col" { "Last success" } th.num.wide scope="col" { "Took" } th scope="col" { "Result" } } }
                        tbody {
                            (task("gc", &self.maintenance.gc))
                            (task("verify", &self.maintenance.verify))
                        }
                    }
                }
                @if self.site.rights.post { (self.runs()) }
                p.small.muted {
                    "Runs that " code { "--gc-every" } " and " code { "--verify-every" } " schedule, by any server of the store, and those of this page. The log of the \
                     server has the faults that verify finds."
                }
            }
        }
    }

    /// Renders the buttons with which the user runs maintenance tasks.
    fn runs(&self) -> Markup {
        let site = self.site;
        let run = |path: &str, text: &str| {
            html! {
                form method="post" action=(format!("{}{path}", site.base)) {
                    input type="hidden" name="token" value=(self.token);
                    input type="hidden" name="branch" value=(site.default_branch);
                    button { (text) }
                }
            }
        };
        html! {
            div.actions {
                (run("/ui/gc", "Run gc"))
                (run("/ui/verify", "Run verify"))
                @if site.rights.delete { a.button.danger href=(site.squash(&site.default_branch)) { "Drop the history…" } }
            }
            p.small.muted { "gc deletes what no branch and no tag needs, and keeps all history. verify reads everything, in the background." }
        }
    }

    fn counted_on(&self) -> Markup {
        html! { span.muted { "on " (shown_cut(&self.place.name(), 60)) } }
    }

    fn peers(&self) -> Markup {
        html! {
            section.card aria-labelledby="peers" {
                h2 #peers { "Mirrors and replication" }
                @if self.mirrors.is_empty() && self.primary.is_none() { p.muted { "There are no mirrors, and this is not a replica." } }
                @else {
                    div.scroll tabindex="0" role="region" aria-label="State of mirrors and replication" {
                        table {
                            caption.sr { "Mirrors" }
                            thead { tr { th scope="col" { "Name" } th scope="col" { "State" } th scope="col" { "Last success" } th.wide scope="col" { "Last failure" } } }
                            tbody {
                                @if let Some(primary) = self.primary { (peer("primary", primary)) }
                                @for mirror in self.mirrors { (peer("mirror", mirror)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Bucket {
    fn render(&self) -> Markup {
        html! {
            section.card aria-labelledby="bucket" {
                h2 #bucket { "Bucket" }
                dl.facts {
                    dt { "Generation" } dd { (count(self.generation)) }
                    dt { "Last writer" }
                    dd {
                        @match (&self.writer, self.is_last_writer) {
                            (_, true) => "this server",
                            (Some(writer), false) => (shown_cut(writer, 100)),
                            (None, false) => span.muted { "none" },
                        }
                    }
                    dt { "State" }
                    dd {
                        @match (self.failures, self.lag) {
                            (0, Some(_)) => span.tag.good { "up to date" },
                            (0, None) => span.tag { "not read yet" },
                            (failures, Some(lag)) => { span.tag.warn { (count(lag.as_secs())) " s behind" } ", " (counted(failures as usize, "failure", "failures")) },
                            (failures, None) => { span.tag.bad { "never read" } ", " (counted(failures as usize, "failure", "failures")) },
                        }
                    }
                    @if let Some(error) = &self.error { dt { "Last failure" } dd { (shown_cut(error, 200)) } }
                }
            }
        }
    }
}

fn task(name: &str, task: &TaskState) -> Markup {
    let seconds = |ms: u64| i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    html! {
        tr {
            th scope="row" { (name) }
            td { @match task.success_ms { Some(ms) => (time(seconds(ms))), None => span.muted { "never" } } }
            td.num.wide { @if let Some(ms) = task.duration_ms { (ms / 1000) "." (ms % 1000 / 100) " s" } }
            td {
                @if let Some(ms) = task.running_since_ms() { span.tag.warn { "running" } " since " (time(seconds(ms))) ". " }
                @match (task.failures(), task.faults, task.success_ms) {
                    (0, Some(0), _) | (0, None, Some(_)) => span.tag.good { "ok" },
                    (0, Some(faults), _) => span.tag.bad { (count(faults)) " faults" },
                    (0, None, None) => span.tag { "has not run" },
                    (failures, ..) => span.tag.bad { (failures) " failures" },
                }
                @if let Some(freed) = task.freed_bytes { " freed " (bytes(freed)) }
            }
        }
    }
}

fn peer(kind: &str, peer: &Peer) -> Markup {
    html! {
        tr {
            th scope="row" { (shown_cut(&peer.name, 100)) " " span.muted.small { (kind) } }
            td {
                @if peer.lag.as_secs() == 0 && peer.failures == 0 { span.tag.good { "up to date" } }
                @else { span.tag.warn { (count(peer.lag.as_secs())) " s behind" } }
            }
            td { @match peer.last_success_s { Some(seconds) => (time(seconds)), None => span.muted { "–" } } }
            td.wide { @if peer.failures > 0 { (peer.failures) "× " @if let Some(error) = &peer.error { (shown_cut(error, 200)) } } }
        }
    }
}
