//! The command line against a server: the same output, messages and exit codes as with the store's directory.

mod broken;
mod broken_uploads;
mod changes;
mod keys;
mod pinned;
mod proxies;
mod reads;
mod refusals;
mod schemes;
mod transfer;
mod watching;

use crate::support::program::{CommandOutput, World, module};
use crate::support::server::Server;

/// A store in a directory, and a server of the same store.
struct Twin {
    world: World,
    server: Server,
}

impl Twin {
    /// Starts a server of the world's store.
    fn of(world: World) -> Self {
        let server = Server::start(&world, &[]);
        Self { world, server }
    }

    /// Returns the URL of the server.
    fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Runs a command against the server.
    fn served(&self, args: &[&str]) -> CommandOutput {
        let url = self.url();
        self.world.run(&[args, &["--root", &url]].concat())
    }

    /// Runs a command on the directory and against the server, and asserts that there is no difference. Returns the output.
    #[track_caller]
    fn same(&self, args: &[&str]) -> String {
        let (local, served) = (self.world.run(args), self.served(args));
        let result = |ran: &CommandOutput| (ran.code, ran.out.clone(), ran.err.clone());
        assert_eq!(result(&served), result(&local), "{args:?}");
        local.out
    }
}

/// Creates a store with some history: versions, a removal, directories, branches, a merge, and names that need escaping or are not
/// ASCII.
fn history(format: &str) -> World {
    let world = World::with_store(format);
    for (n, path) in [
        (1, "math/add.wasm"),
        (2, "math/add.wasm"),
        (3, "math/sub.wasm"),
    ] {
        world.add(path, n);
    }
    for (n, path) in [
        (4, "odd/100% a+b?#&;=.wasm"),
        (5, "odd/größe/é.wasm"),
        (6, "top"),
    ] {
        world.add(path, n);
    }
    world.changes(&["remove", "math/sub.wasm", "--message", "Away\n\nwith it"]);
    world.changes(&["branch", "feat/x"]);
    world.file("other.wasm", module(7));
    let author = "Jörg <j@example.org>";
    let add = ["add", "other.wasm", "side/seven.wasm", "--branch", "feat/x"];
    world.changes(&[&add[..], &["--author", author]].concat());
    world.add("math/add.wasm", 8);
    world.changes(&["merge", "feat/x"]);
    world
}
