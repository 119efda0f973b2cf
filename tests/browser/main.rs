//! The web UI in a real browser: Debian's `chromium` and `chromium-driver`.
//!
//! `cargo test` leaves these tests out, because they need the browser; `.ci/run` runs them with `cargo test --test browser`. Without the browser
//! they say that they are skipped. Screenshots are in the directory that the first test prints.

mod axe;
mod driver;
mod forms;
mod screens;
mod sign_in;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "the other test programs use the rest")]
mod support;
mod uploads;

use std::path::PathBuf;

use driver::{Browser, Options};
use support::program::World;
use support::server::Server;

/// A server with some history, and a browser that visits it.
pub struct Site {
    pub world: World,
    pub server: Server,
    pub browser: Browser,
}

impl Site {
    /// Opens a browser on a server with these arguments; `None` if there is no browser.
    pub async fn open(args: &[&str], options: Options) -> Option<Self> {
        let world = World::with_store("sha1");
        add_history(&world);
        let server = Server::start(&world, args);
        let origin = format!("http://{}", server.address);
        let browser = Browser::open(&origin, options).await?;
        Some(Self {
            world,
            server,
            browser,
        })
    }

    /// Writes a module to a file of this name, and returns its path.
    pub fn module_file(&self, name: &str, text: &str) -> PathBuf {
        self.world.file(name, wat::parse_str(text).unwrap());
        self.world.path(name)
    }
}

const ADD: &str = r#"(module $add (import "env" "log" (func $log (param i32)))
    (memory (export "memory") 1)
    (func $math::add (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
    (func $math::helper (param i64) (drop (local.get 0))))"#;
const ADD_AND_SUB: &str = r#"(module $add (import "env" "log" (func $log (param i32)))
    (memory (export "memory") 1)
    (func $math::add (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
    (func $math::sub (export "sub") (param i32 i32) (result i32) local.get 0 local.get 1 i32.sub)
    (func $math::helper (param i64) (drop (local.get 0))))"#;
pub const SUB: &str = r#"(module $add (func (export "sub") (param i32 i32) (result i32) local.get 0 local.get 1 i32.sub))"#;

fn add_history(world: &World) {
    let add = |text: &str, path: &str, author: &str, message: &str| {
        world.file("added.wasm", wat::parse_str(text).unwrap());
        world.ok(&["add", "added.wasm", path, "--author", author, "-m", message]);
    };
    add(
        ADD,
        "math/add.wasm",
        "Ann <ann@example.org>",
        "Add addition",
    );
    add(
        SUB,
        "math/sub.wasm",
        "Bob <bob@example.org>",
        "Add subtraction",
    );
    add(
        ADD_AND_SUB,
        "math/add.wasm",
        "Bob <bob@example.org>",
        "Export sub, too",
    );
    let component = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/adder.wasm");
    world.ok(&[
        "add",
        component.to_str().unwrap(),
        "tools/adder.wasm",
        "--author",
        "Ann <ann@example.org>",
    ]);
    world.ok(&["tag", "v1.0", "-m", "The first release\n\nwith <notes>"]);
    world.ok(&["tag", "latest"]);
    world.ok(&["branch", "next"]);
    world.file("added.wasm", wat::parse_str(SUB).unwrap());
    world.ok(&[
        "--branch",
        "next",
        "add",
        "added.wasm",
        "math/extra.wasm",
        "-m",
        "Try something",
    ]);
}
