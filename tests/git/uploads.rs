//! Pushes whose upload is cut, by the client or by the server: nothing is left of them.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{begin_push, counts, files, wait_until};
use crate::push::Clone;
use crate::support::program::World;
use crate::support::server::{Server, answer};
use crate::support::store::custom_section;

/// A store that is served, and the body of a push whose pack fits into no buffers.
struct Upload {
    world: World,
    server: Server,
    body: Vec<u8>,
    before: Vec<PathBuf>,
}

impl Upload {
    fn to(args: &[&str]) -> Self {
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
        let before = files(&world.root().join("objects"));
        Self {
            world,
            server,
            body,
            before,
        }
    }

    /// Sends half of it, as one chunk or as so many bytes of more, and waits until git has written some of that.
    fn half(&self, headers: &str, body: &[u8]) -> TcpStream {
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

    /// Waits for the end of git, which leaves nothing.
    #[track_caller]
    fn leaves_nothing(&self) {
        wait_until("git ends", || self.server.gits().is_empty());
        let objects = self.world.root().join("objects");
        assert_eq!(files(&objects), self.before);
        let folders = fs::read_dir(&objects).unwrap();
        let mut names = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(!names.any(|name| name.starts_with("tmp_objdir-")));
        assert_eq!(self.world.git(&["for-each-ref", "refs/heads/new"]), "");
    }
}

#[test]
fn an_upload_that_is_cut_leaves_nothing() {
    let upload = Upload::to(&[]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&upload.body).unwrap();
    let gzip = gzip.finish().unwrap();
    let length = format!("Content-Length: {}", upload.body.len());
    let coded = "Content-Encoding: gzip\r\nTransfer-Encoding: chunked";
    let ways = [
        ("Transfer-Encoding: chunked", &upload.body),
        (&length, &upload.body),
        (coded, &gzip),
    ];
    for (headers, body) in ways {
        drop(upload.half(headers, body));
        upload.leaves_nothing();
        wait_until("its place is free", || {
            let metrics = upload.server.get("/metrics");
            metrics.text().contains("wasmstore_git_services 0")
        });
    }
}

/// What is left when the client stays, and the server does not wait for it.
#[track_caller]
fn is_refused(args: &[&str], more: usize, status: u16, outcome: &str) {
    let upload = Upload::to(args);
    let mut stream = upload.half("Transfer-Encoding: chunked", &upload.body);
    let rest = &upload.body[upload.body.len() / 2..][..more];
    stream
        .write_all(format!("{more:x}\r\n").as_bytes())
        .unwrap();
    // The server may have refused it already.
    let _ = stream.write_all(rest);
    assert_eq!(answer(stream).status, status);
    upload.leaves_nothing();
    wait_until("it is counted", || counts(&upload.server, outcome, 1));
}

#[test]
fn an_upload_that_is_too_slow_leaves_nothing() {
    is_refused(&["--body-timeout", "2"], 1, 408, "refused");
}

#[test]
fn an_upload_that_takes_too_long_leaves_nothing() {
    is_refused(&["--git-timeout", "3"], 1, 503, "timed_out");
}

#[test]
fn an_upload_that_is_too_large_leaves_nothing() {
    is_refused(&["--max-push-bytes", "5000000"], 2 << 20, 413, "refused");
}

#[test]
fn an_upload_that_is_under_way_when_the_server_stops_leaves_nothing() {
    let upload = Upload::to(&["--shutdown-grace", "1"]);
    let _stream = upload.half("Transfer-Encoding: chunked", &upload.body);
    upload.server.signal("TERM");
    wait_until("git ends", || upload.server.gits().is_empty());
    upload.leaves_nothing();
}
