//! Signals that stop a server, and those that do not.

use crate::support::program::World;
use crate::support::server::Server;

#[test]
fn a_server_that_drains_still_serves() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &["--drain", "3600"]);
    assert_eq!(server.get("/readyz").status, 200);
    server.signal("TERM");
    server.wait_for("draining");
    let ready = server.get("/readyz");
    assert_eq!(
        (ready.status, ready.text()),
        (503, "the server is stopping")
    );
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/api/v1/branch").text(), "main");
    // A second signal ends the drain.
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopped"), "{log}");
}

#[test]
fn drain_ends_by_itself() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &["--drain", "1"]);
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("draining") && log.contains("stopped"), "{log}");
}

#[test]
#[cfg(target_os = "linux")]
fn an_ignored_interrupt_stays_ignored() {
    let world = World::with_store("sha1");
    let mut command = world.command("env");
    let program = env!("CARGO_BIN_EXE_wasmstore");
    command.args(["--ignore-signal=INT", program, "server", "--port", "0"]);
    let server = Server::start_command(command);
    server.signal("INT");
    assert_eq!(server.get("/healthz").text(), "ok");
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.matches(": stopping").count(), 1, "{log}");
}
