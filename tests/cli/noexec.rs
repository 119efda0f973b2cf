//! A store on a file system that is mounted with `noexec`, where git runs no hooks.

use std::path::Path;
use std::process::Command;

use crate::support::program::{World, module};
use crate::support::server::Server;

/// A mounted tmpfs, which is unmounted on drop.
struct Mount<'p>(&'p Path);

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_check_and_a_server_warn_that_hooks_cannot_run() {
    let world = World::empty();
    let home = world.root().parent().unwrap().to_owned();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "noexec,size=16m", "tmpfs"])
        .arg(&home)
        .output();
    if !mount.is_ok_and(|ran| ran.status.success()) {
        eprintln!("skipped: mounting a tmpfs needs root");
        return;
    }
    let _mount = Mount(&home);
    let warning = "is mounted with noexec, so git cannot run the store's hooks";
    let checked = world.run(&["server", "--check"]);
    assert!(
        checked.code == Some(0) && checked.err.contains(warning),
        "{checked:?}"
    );
    let created = world.run(&["init"]);
    assert!(
        created.code == Some(0) && created.err.contains(warning),
        "{created:?}"
    );
    let checked = world.run(&["server", "--check"]);
    assert!(
        checked.code == Some(0) && checked.err.contains(warning),
        "{checked:?}"
    );
    let server = Server::start(&world, &[]);
    server.wait_for(warning);
    // Everything but pushes works.
    let created = server.send("POST", "/api/v1/module/a.wasm", &[], &module(1));
    assert_eq!(created.status, 200);
    let push = format!(
        "git clone -q http://{0}/wasmstore.git c && cd c && git -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m x && git push",
        server.address
    );
    let pushed = world.command("sh").args(["-c", &push]).output().unwrap();
    assert!(!pushed.status.success());
    assert_eq!(world.git(&["rev-list", "--count", "HEAD"]), "2");
}
