//! The store under test: `wasmstore server`, and stock git as the referee of what it acknowledged.

use std::path::{Path, PathBuf};
use std::process::Command;

use hyper::body::Bytes;
use hyper::{Method, StatusCode};

use crate::Result;
use crate::http::Connection;
use crate::servers::{Server, free_address};

const WASM: &str = "application/wasm";

/// A server of a store of its own.
pub struct Store {
    pub server: Server,
    root: PathBuf,
    /// See `--folders`.
    folders: u64,
}

impl Store {
    /// Runs `program` to serve a new store in the folder `dir`.
    pub async fn start(program: &Path, dir: &Path, folders: u64) -> Result<Self> {
        let root = dir.join("store");
        let address = free_address()?;
        let mut command = Command::new(program);
        command.arg("--quiet").arg("--root").arg(&root);
        command.args(["server", "--port", &address.port().to_string()]);
        let server = Server::start(&mut command, address, "/readyz").await?;
        Ok(Self {
            server,
            root,
            folders,
        })
    }

    /// Where the module `n` is put, and got from.
    pub fn target(&self, n: u64) -> String {
        // The multiplication spreads numbers that follow each other.
        let spread = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        match self.folders {
            0 => format!("/api/v1/module/bench/{n}.wasm"),
            folders => format!(
                "/api/v1/module/bench/{:02x}/{:02x}/{n}.wasm",
                spread % folders,
                spread / folders % folders
            ),
        }
    }

    /// Puts a module.
    pub async fn push(&self, connection: &mut Connection, n: u64, module: Bytes) -> Result<()> {
        let target = self.target(n);
        let answer = connection.send(Method::POST, &target, WASM, module);
        answer.await?.expect(StatusCode::OK).map(drop)
    }

    /// Gets a module.
    pub async fn get(&self, connection: &mut Connection, n: u64) -> Result<()> {
        let target = self.target(n);
        let answer = connection.send(Method::GET, &target, WASM, Bytes::new());
        answer.await?.expect(StatusCode::OK).map(drop)
    }

    /// Collects garbage; what it says that it did.
    pub async fn gc(&self) -> Result<String> {
        let mut connection = Connection::open(self.server.address).await?;
        let target = "/api/v1/gc?keep_history=true";
        let answer = connection.send(Method::POST, target, WASM, Bytes::new());
        let body = answer.await?.expect(StatusCode::OK)?.body;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// How many packs there are.
    pub fn packs(&self) -> usize {
        let files = std::fs::read_dir(self.root.join("objects/pack"));
        let names = files.into_iter().flatten().flatten();
        names
            .filter(|file| file.path().extension().is_some_and(|e| e == "pack"))
            .count()
    }

    /// Kills the server, and lets git count and check what it left.
    pub fn check(&mut self, acknowledged: u64) -> Result<String> {
        self.server.kill()?;
        let commits = self.git(&["rev-list", "--count", "HEAD"])?;
        // The first commit is the store's own.
        let wanted = (acknowledged + 1).to_string();
        let paths = self.git(&["ls-tree", "-r", "--name-only", "HEAD"])?;
        let paths = paths.lines().count();
        if commits != wanted || paths as u64 != acknowledged {
            let found = format!("{commits} commits and {paths} paths");
            return Err(format!("LOST: {acknowledged} pushes were acknowledged, {found}").into());
        }
        let faults = self.git(&[
            "fsck",
            "--strict",
            "--full",
            "--no-dangling",
            "--no-progress",
        ])?;
        if !faults.is_empty() {
            return Err(format!("git fsck: {faults}").into());
        }
        let found = format!("{commits} commits (the first is the store's own), {paths} paths");
        Ok(format!(
            "{acknowledged} pushes acknowledged: {found}; git fsck --strict --full: clean"
        ))
    }

    fn git(&self, args: &[&str]) -> Result<String> {
        let output = Command::new("git")
            .args(["-c", "safe.directory=*", "--git-dir"])
            .arg(&self.root)
            .args(args)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("git {args:?}: {said}").into());
        }
        let out = String::from_utf8(output.stdout)?;
        Ok(out.trim_end().to_owned())
    }
}
