//! A small file system, and control over its free space.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::program::{CommandOutput, World};

/// A resource of a file system that can run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Blocks of 4 KiB.
    Blocks,
    Inodes,
}

/// All resources.
pub const RESOURCES: [Resource; 2] = [Resource::Blocks, Resource::Inodes];

pub const BLOCK_BYTES: u64 = 4096;

/// The maximum number of attempts to fill the disk while a server uses some of the free space.
const TRIES_MAX: usize = 20;

/// A world whose home directory, and so its store, is on a small tmpfs. The tmpfs is unmounted on drop.
pub struct SmallDisk {
    // Declared before the world, which deletes the mount point.
    mount: TmpfsMount,
    pub world: World,
}

impl SmallDisk {
    /// Mounts an empty disk of 16 MiB and 4,000 inodes. Returns `None` and prints the reason if nothing can be mounted.
    pub fn empty() -> Option<Self> {
        let world = World::empty();
        let home = world.root().parent().unwrap().to_owned();
        let mount = TmpfsMount::new(&home, "size=16m,nr_inodes=4000")?;
        fs::create_dir(home.join("inodes")).unwrap();
        fs::write(home.join("blocks"), "").unwrap();
        Some(Self { mount, world })
    }

    /// Mounts a disk with a new store.
    pub fn with_store() -> Option<Self> {
        let disk = Self::empty()?;
        disk.world.ok(&["init"]);
        Some(disk)
    }

    /// Returns the free amount of a resource.
    pub fn free(&self, resource: Resource) -> u64 {
        let format = match resource {
            Resource::Blocks => "--format=%a %S",
            Resource::Inodes => "--format=%d 4096",
        };
        let mut stat = self.world.command("stat");
        let output = stat.arg("--file-system").arg(format).arg(self.home());
        let stdout = CommandOutput::from(output.output().unwrap()).out;
        let (free, size_bytes) = stdout.trim().split_once(' ').unwrap();
        assert_eq!(size_bytes, BLOCK_BYTES.to_string());
        free.parse().unwrap()
    }

    /// Fills the disk, or frees some of the filling, until exactly `count` are free. Repeats this if a server writes its index at the
    /// same time and uses some of them.
    pub fn leave(&self, resource: Resource, count: u64) {
        for _ in 0..TRIES_MAX {
            self.fill(resource, count);
            if self.free(resource) == count {
                return;
            }
        }
        panic!(
            "{resource:?}: {} are free, not {count}",
            self.free(resource)
        );
    }

    fn fill(&self, resource: Resource, count: u64) {
        let available = self.free(resource) + self.filled(resource);
        let fill = available.checked_sub(count).expect("the disk is too small");
        match resource {
            Resource::Blocks => {
                let mut file = File::create(self.home().join("blocks")).unwrap();
                // If this fails, `leave` finds a wrong amount of free space.
                let _ = file.write_all(&vec![1; (fill * BLOCK_BYTES) as usize]);
            }
            Resource::Inodes => {
                let directory = self.home().join("inodes");
                let filled = self.filled(resource);
                (fill..filled)
                    .for_each(|n| fs::remove_file(directory.join(n.to_string())).unwrap());
                let _ =
                    (filled..fill).try_for_each(|n| fs::write(directory.join(n.to_string()), ""));
            }
        }
    }

    /// Deletes all of the filling.
    pub fn clear(&self) {
        File::create(self.home().join("blocks")).unwrap();
        fs::remove_dir_all(self.home().join("inodes")).unwrap();
        fs::create_dir(self.home().join("inodes")).unwrap();
    }

    /// Makes the disk read-only, also for open files, like the kernel after errors: mounts the disk over itself.
    pub fn make_read_only(&self) {
        self.run_on_mount("mount", &["--bind", self.home().to_str().unwrap()]);
        self.run_on_mount("mount", &["-o", "remount,bind,ro"]);
    }

    /// Makes the disk writable again.
    pub fn make_writable(&self) {
        self.run_on_mount("umount", &["--lazy"]);
    }

    /// Runs a program with the mount point as its last argument.
    fn run_on_mount(&self, program: &str, args: &[&str]) {
        let mut command = Command::new(program);
        let ran = CommandOutput::from(command.args(args).arg(self.home()).output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    }

    /// Returns the amount of the filling.
    fn filled(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Blocks => {
                let bytes = self.home().join("blocks").metadata().unwrap().len();
                bytes / BLOCK_BYTES
            }
            Resource::Inodes => fs::read_dir(self.home().join("inodes")).unwrap().count() as u64,
        }
    }

    fn home(&self) -> &Path {
        &self.mount.0
    }
}

/// A mounted tmpfs.
struct TmpfsMount(PathBuf);

impl TmpfsMount {
    fn new(at: &Path, options: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at);
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self(at.to_owned())),
            Ok(output) => {
                println!(
                    "skipped: {}",
                    String::from_utf8_lossy(&output.stderr).trim()
                );
                None
            }
            Err(error) => {
                println!("skipped: mount(8) cannot be run: {error}");
                None
            }
        }
    }
}

impl Drop for TmpfsMount {
    fn drop(&mut self) {
        // A lazy unmount succeeds even if a process still has a file open.
        let umount = Command::new("umount").arg("--lazy").arg(&self.0).status();
        if !umount.is_ok_and(|status| status.success()) {
            eprintln!("{:?} is still mounted", self.0);
        }
    }
}
