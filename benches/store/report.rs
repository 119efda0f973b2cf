//! Formats the results.

use std::time::Duration;

use crate::operations::Measured;
use crate::peers::Peers;
use crate::samples::Times;
use crate::shape::Shape;

/// The number of calls is printed if it is smaller than this.
const FEW_CALLS: usize = 10;

/// The measurements of one store.
pub struct Row {
    pub shape: Shape,
    pub measured: Measured,
    pub peers: Peers,
}

/// Formats a table of the operations and a table of the commands.
pub fn tables(rows: &[Row]) -> String {
    let operations = rows.iter().map(operations).collect();
    let peers = rows.iter().map(peers).collect();
    format!(
        "p50 / p99\n\n{}\n{}",
        table(&OPERATIONS, operations),
        table(&PEERS, peers)
    )
}

const OPERATIONS: [&str; 13] = [
    "store",
    "open, find",
    "catch-up",
    "find",
    "again",
    "hash",
    "digest",
    "list",
    "versions",
    "first put",
    "put",
    "rollback",
    "RSS / peak",
];

fn operations(row: &Row) -> Vec<String> {
    let m = &row.measured;
    let rss = m
        .rss_kib
        .map(|(now, peak)| format!("{} / {} MiB", now >> 10, peak >> 10));
    vec![
        row.shape.to_string(),
        median(m.open_find),
        duration(m.catch_up),
        spread(m.find),
        spread(m.find_again),
        spread(m.by_hash),
        spread(m.by_digest),
        spread(m.list),
        spread(m.versions),
        duration(m.first_put),
        spread(m.put),
        median(m.rollback),
        rss.unwrap_or_default(),
    ]
}

const PEERS: [&str; 8] = [
    "store",
    "git --version",
    "git log -- PATH",
    "git rev-parse HEAD:PATH",
    "wasmstore hash /PATH",
    "git cat-file --batch",
    "versions",
    "git log / versions",
];

fn peers(row: &Row) -> Vec<String> {
    let (peers, versions) = (&row.peers, row.measured.versions);
    let ratio = peers.log.median.as_secs_f64() / versions.median.as_secs_f64();
    vec![
        row.shape.to_string(),
        median(peers.version),
        spread(peers.log),
        spread(peers.rev_parse),
        spread(peers.hash),
        spread(peers.cat_file),
        spread(versions),
        if ratio < 10.0 {
            format!("{ratio:.2}x")
        } else {
            format!("{ratio:.0}x")
        },
    ]
}

/// Formats a Markdown table with aligned columns.
fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let head: Vec<_> = head.iter().map(|&cell| cell.to_owned()).collect();
    let width = |nth: usize| {
        let cells = rows.iter().chain([&head]).map(|row| row[nth].chars());
        cells.map(Iterator::count).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let rule = widths.iter().map(|width| "-".repeat(*width)).collect();
    let lines = [&head, &rule].into_iter().chain(&rows);
    lines
        .map(|row| {
            let cells = row.iter().zip(&widths);
            let cells: Vec<_> = cells
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            format!("| {} |\n", cells.join(" | "))
        })
        .collect()
}

/// Formats `p50 / p99`, and the number of calls if there were few.
pub fn spread(times: Times) -> String {
    let (median, p99) = (duration(times.median), duration(times.p99));
    match times.count {
        1 => format!("{median} (1x)"),
        count if count < FEW_CALLS => format!("{median} / {p99} ({count}x)"),
        _ => format!("{median} / {p99}"),
    }
}

/// Formats the median, and the number of calls if there were few.
fn median(times: Times) -> String {
    match times.count {
        count if count < FEW_CALLS => format!("{} ({count}x)", duration(times.median)),
        _ => duration(times.median),
    }
}

/// Formats `p50 / p99` in milliseconds.
pub fn spread_ms(calls: Vec<Duration>) -> String {
    let times = Times::of(calls);
    let [p50, p99] = [times.median, times.p99].map(|time| time.as_secs_f64() * 1e3);
    format!("{p50:.2} / {p99:.2}")
}

/// Formats a duration with three digits and a unit.
pub fn duration(duration: Duration) -> String {
    let us = duration.as_secs_f64() * 1e6;
    let (number, unit) = match us {
        us if us < 1e3 => (us, "µs"),
        us if us < 1e6 => (us / 1e3, "ms"),
        us => (us / 1e6, "s"),
    };
    let digits = match number {
        number if number < 9.995 => 2,
        number if number < 99.95 => 1,
        _ => 0,
    };
    format!("{number:.digits$} {unit}")
}
