//! The store under test: `wasmstore server`, and stock git to check that all acknowledged pushes are stored.

use std::path::{Path, PathBuf};
use std::process::Command;

use hyper::body::Bytes;
use hyper::{Method, StatusCode};

use crate::Result;
use crate::http::Connection;
use crate::servers::{Server, free_address};

const WASM: &str = "application/wasm";

/// A server with a new store.
pub struct Store {
    pub server: Server,
    root: PathBuf,
    /// See `--folders`.
    fan_out: u64,
}

impl Store {
    /// Runs `program` to serve a new store in the directory `dir`.
    pub async fn start(program: &Path, dir: &Path, fan_out: u64) -> Result<Self> {
        let root = dir.join("store");
        let address = free_address()?;
        let mut command = Command::new(program);
        command.arg("--quiet").arg("--root").arg(&root);
        command.args(["server", "--port", &address.port().to_string()]);
        let server = Server::start(&mut command, address, "/readyz").await?;
        Ok(Self {
            server,
            root,
            fan_out,
        })
    }

    /// Returns the URL path of the module `n`.
    pub fn target(&self, n: u64) -> String {
        // The multiplication spreads consecutive numbers.
        let spread = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        match self.fan_out {
            0 => format!("/api/v1/module/bench/{n}.wasm"),
            fan_out => format!(
                "/api/v1/module/bench/{:02x}/{:02x}/{n}.wasm",
                spread % fan_out,
                spread / fan_out % fan_out
            ),
        }
    }

    /// Posts the module `n`.
    pub async fn push(&self, connection: &mut Connection, n: u64, module: Bytes) -> Result<()> {
        let target = self.target(n);
        let response = connection.send(Method::POST, &target, WASM, module);
        response.await?.expect(StatusCode::OK).map(drop)
    }

    /// Gets the module `n`.
    pub async fn get(&self, connection: &mut Connection, n: u64) -> Result<()> {
        let target = self.target(n);
        let response = connection.send(Method::GET, &target, WASM, Bytes::new());
        response.await?.expect(StatusCode::OK).map(drop)
    }

    /// Runs a gc, and returns the body of the response.
    pub async fn gc(&self) -> Result<String> {
        let mut connection = Connection::open(self.server.address).await?;
        let target = "/api/v1/gc?keep_history=true";
        let response = connection.send(Method::POST, target, WASM, Bytes::new());
        let body = response.await?.expect(StatusCode::OK)?.body;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Returns the number of packs.
    pub fn packs(&self) -> usize {
        let files = std::fs::read_dir(self.root.join("objects/pack"));
        let names = files.into_iter().flatten().flatten();
        names
            .filter(|file| file.path().extension().is_some_and(|e| e == "pack"))
            .count()
    }

    /// Kills the server, and checks with git that all acknowledged pushes are stored. Returns a summary.
    pub fn check(&mut self, acknowledged: u64) -> Result<String> {
        self.server.kill()?;
        let commits = self.git(&["rev-list", "--count", "HEAD"])?;
        // The first commit is the empty root commit of the store.
        let expected = (acknowledged + 1).to_string();
        let listing = self.git(&["ls-tree", "-r", "--name-only", "HEAD"])?;
        let paths = listing.lines().count();
        if commits != expected || paths as u64 != acknowledged {
            let found = format!("{commits} commits and {paths} paths");
            return Err(format!("LOST: {acknowledged} pushes were acknowledged, {found}").into());
        }
        let report = self.git(&[
            "fsck",
            "--strict",
            "--full",
            "--no-dangling",
            "--no-progress",
        ])?;
        if !report.is_empty() {
            return Err(format!("git fsck: {report}").into());
        }
        let found = format!("{commits} commits (including the root commit), {paths} paths");
        Ok(format!(
            "{acknowledged} pushes acknowledged: {found}; git fsck --strict --full found no errors"
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
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(format!("git {args:?}: {stderr}").into());
        }
        let out = String::from_utf8(output.stdout)?;
        Ok(out.trim_end().to_owned())
    }
}
