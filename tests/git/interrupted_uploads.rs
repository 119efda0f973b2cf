//! Pushes whose upload is cut by the client or the server: nothing of them remains.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{begin_push, files, push_count_is, wait_until};
use crate::push::Clone;
use crate::support::program::World;
use crate::support::server::{Server, read_response};
use crate::support::store::custom_section;

/// A served store, and the body of a push whose pack is larger than all buffers.
struct Upload {
    world: World,
    server: Server,
    body: Vec<u8>,
    files_before: Vec<PathBuf>,
}

impl Upload {
    fn to_server(args: &[&str]) -> Self {
        let world = World::with_store("sha1");
        let clone = Clone::of(&world, "clone");
        let mut state = 1_u32;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let commit = clone.commit("m", custom_section(noise.take(8 << 20)));
        fs::write(world.path("revs"), format!("{commit}\n^{commit}~1\n")).unwrap();
        let revs = fs::File::open(world.path("revs")).unwrap();
        let mut pack = clone.command(&["pack-objects", "-q", "--revs", "--stdout"]);
        let pack = pack.stdin(revs).output().unwrap();
        assert!(pack.status.success(), "{pack:?}");
        let zeros = "0".repeat(40);
        let line = format!("{zeros} {commit} refs/heads/new\0report-status side-band-64k");
        let line = format!("{:04x}{line}0000", line.len() + 4);
        let body = [line.as_bytes(), &pack.stdout].concat();
        let server = Server::start(&world, args);
        let files_before = files(&world.root().join("objects"));
        Self {
            world,
            server,
            body,
            files_before,
        }
    }

    /// Sends half of a body, as one chunk or as part of a longer body, and waits until git has written some of it.
    fn send_half(&self, headers: &str, body: &[u8]) -> TcpStream {
        let mut stream = begin_push(&self.server, headers);
        let half = &body[..body.len() / 2];
        if headers.contains("chunked") {
            stream
                .write_all(format!("{:x}\r\n", half.len()).as_bytes())
                .unwrap();
        }
        stream.write_all(half).unwrap();
        if headers.contains("chunked") {
            stream.write_all(b"\r\n").unwrap();
        }
        wait_until("git writes a pack", || self.quarantined_bytes() > 1 << 20);
        stream
    }

    fn quarantined_bytes(&self) -> u64 {
        let objects = files(&self.world.root().join("objects"));
        let quarantined = objects
            .iter()
            .filter(|path| path.to_string_lossy().contains("/tmp_objdir-"));
        quarantined
            .map_while(|path| Some(fs::metadata(path).ok()?.len()))
            .sum()
    }

    /// Waits until git ends, and checks that nothing of the push remains.
    #[track_caller]
    fn assert_nothing_remains(&self) {
        wait_until("git ends", || self.server.git_processes().is_empty());
        let objects = self.world.root().join("objects");
        assert_eq!(files(&objects), self.files_before);
        let entries = fs::read_dir(&objects).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(!names.any(|name| name.starts_with("tmp_objdir-")));
        assert_eq!(self.world.git(&["for-each-ref", "refs/heads/new"]), "");
    }
}

#[test]
fn upload_that_is_cut_leaves_nothing() {
    let upload = Upload::to_server(&[]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&upload.body).unwrap();
    let gzip = gzip.finish().unwrap();
    let length = format!("Content-Length: {}", upload.body.len());
    let encoded = "Content-Encoding: gzip\r\nTransfer-Encoding: chunked";
    let bodies = [
        ("Transfer-Encoding: chunked", &upload.body),
        (&length, &upload.body),
        (encoded, &gzip),
    ];
    for (headers, body) in bodies {
        drop(upload.send_half(headers, body));
        upload.assert_nothing_remains();
        wait_until("the permit is released", || {
            let metrics = upload.server.get("/metrics");
            metrics.text().contains("wasmstore_git_services 0")
        });
    }
}

/// Checks that the server ends an upload with `status` while the client stays connected, and that nothing remains.
#[track_caller]
fn check_refused(args: &[&str], more: usize, status: u16, outcome: &str) {
    let upload = Upload::to_server(args);
    let mut stream = upload.send_half("Transfer-Encoding: chunked", &upload.body);
    let rest = &upload.body[upload.body.len() / 2..][..more];
    stream
        .write_all(format!("{more:x}\r\n").as_bytes())
        .unwrap();
    // The server may have closed the connection already.
    let _ = stream.write_all(rest);
    assert_eq!(read_response(stream).status, status);
    upload.assert_nothing_remains();
    wait_until("the request is counted", || {
        push_count_is(&upload.server, outcome, 1)
    });
}

#[test]
fn upload_that_is_too_slow_leaves_nothing() {
    check_refused(&["--body-timeout", "2"], 1, 408, "refused");
}

#[test]
fn upload_that_takes_too_long_leaves_nothing() {
    check_refused(&["--git-timeout", "5"], 1, 503, "timed_out");
}

#[test]
fn upload_that_is_too_large_leaves_nothing() {
    check_refused(&["--max-push-bytes", "5000000"], 2 << 20, 413, "refused");
}

#[test]
fn upload_that_is_running_at_shutdown_leaves_nothing() {
    let upload = Upload::to_server(&["--shutdown-grace", "1"]);
    let _stream = upload.send_half("Transfer-Encoding: chunked", &upload.body);
    upload.server.signal("TERM");
    wait_until("git ends", || upload.server.git_processes().is_empty());
    upload.assert_nothing_remains();
}
