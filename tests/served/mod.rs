//! The command line against a server: the same output, messages and exit codes as in the store's folder.

mod broken;
mod changes;
mod reads;
mod refusals;
mod transfer;
mod watching;

use crate::support::program::{Ran, World, module};
use crate::support::server::Server;

/// A server of a world's store.
struct Twin {
    world: World,
    server: Server,
}

impl Twin {
    /// Serves the store of a world.
    fn of(world: World) -> Self {
        let server = Server::start(&world, &[]);
        Self { world, server }
    }

    /// The URL of the server.
    fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Runs a command against the server.
    fn served(&self, args: &[&str]) -> Ran {
        let url = self.url();
        self.world.run(&[args, &["--root", &url]].concat())
    }

    /// Runs a command in the folder and against the server, and finds no difference; returns what was printed.
    #[track_caller]
    fn same(&self, args: &[&str]) -> String {
        let (here, there) = (self.world.run(args), self.served(args));
        let told = |ran: &Ran| (ran.code, ran.out.clone(), ran.err.clone());
        assert_eq!(told(&there), told(&here), "{args:?}");
        here.out
    }
}

/// A store with some history: versions, a removal, folders, branches, a merge, names that have to be escaped, and all that is not
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
