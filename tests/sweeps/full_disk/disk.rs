//! A small file system of its own, and how much room is left on it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::program::{Ran, World};

/// What a file system runs out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Of 4 KiB each.
    Blocks,
    Inodes,
}

/// Both.
pub const ROOMS: [Room; 2] = [Room::Blocks, Room::Inodes];

pub const BLOCK_BYTES: u64 = 4096;

/// How often it is filled anew because a server took some of what was left.
const TRIES_MAX: usize = 20;

/// A world whose home, and so its store, is on a small tmpfs. It is unmounted at the end, whatever happens.
pub struct Disk {
    // Before the world, which removes what it was mounted on.
    mount: Mount,
    pub world: World,
}

impl Disk {
    /// One of 16 MiB and 4,000 inodes, with nothing on it; `None`, said why, where nothing can be mounted.
    pub fn empty() -> Option<Self> {
        let world = World::empty();
        let home = world.root().parent().unwrap().to_owned();
        let mount = Mount::new(&home, "size=16m,nr_inodes=4000")?;
        fs::create_dir(home.join("inodes")).unwrap();
        fs::write(home.join("blocks"), "").unwrap();
        Some(Self { mount, world })
    }

    /// With a new store on it.
    pub fn with_store() -> Option<Self> {
        let disk = Self::empty()?;
        disk.world.ok(&["init"]);
        Some(disk)
    }

    /// How much more can be written.
    pub fn left(&self, room: Room) -> u64 {
        let format = match room {
            Room::Blocks => "--format=%a %S",
            Room::Inodes => "--format=%d 4096",
        };
        let mut stat = self.world.command("stat");
        let output = stat.arg("--file-system").arg(format).arg(self.home());
        let said = Ran::from(output.output().unwrap()).out;
        let (left, size_bytes) = said.trim().split_once(' ').unwrap();
        assert_eq!(size_bytes, BLOCK_BYTES.to_string());
        left.parse().unwrap()
    }

    /// Fills the disk, or clears some of what it was filled with, until exactly `count` are left. A server makes its index
    /// meanwhile, and takes some of them: then it is tried again.
    pub fn leave(&self, room: Room, count: u64) {
        for _ in 0..TRIES_MAX {
            self.fill(room, count);
            if self.left(room) == count {
                return;
            }
        }
        panic!("{room:?}: {} are left, not {count}", self.left(room));
    }

    fn fill(&self, room: Room, count: u64) {
        let left = self.left(room) + self.filled(room);
        let fill = left.checked_sub(count).expect("the disk is not so large");
        match room {
            Room::Blocks => {
                let mut file = File::create(self.home().join("blocks")).unwrap();
                // If there is no room any more, that is seen by who asks what is left.
                let _ = file.write_all(&vec![1; (fill * BLOCK_BYTES) as usize]);
            }
            Room::Inodes => {
                let folder = self.home().join("inodes");
                let filled = self.filled(room);
                (fill..filled).for_each(|n| fs::remove_file(folder.join(n.to_string())).unwrap());
                let _ = (filled..fill).try_for_each(|n| fs::write(folder.join(n.to_string()), ""));
            }
        }
    }

    /// Clears all that it was filled with.
    pub fn clear(&self) {
        File::create(self.home().join("blocks")).unwrap();
        fs::remove_dir_all(self.home().join("inodes")).unwrap();
        fs::create_dir(self.home().join("inodes")).unwrap();
    }

    /// Makes it read-only, as the kernel does after errors, whoever has files open: it is mounted once more over itself.
    pub fn make_read_only(&self) {
        self.root_runs("mount", &["--bind", self.home().to_str().unwrap()]);
        self.root_runs("mount", &["-o", "remount,bind,ro"]);
    }

    /// Makes it writable again.
    pub fn make_writable(&self) {
        self.root_runs("umount", &["--lazy"]);
    }

    fn root_runs(&self, program: &str, args: &[&str]) {
        let mut command = Command::new(program);
        let ran = Ran::from(command.args(args).arg(self.home()).output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    }

    /// How much it was filled with.
    fn filled(&self, room: Room) -> u64 {
        match room {
            Room::Blocks => {
                let bytes = self.home().join("blocks").metadata().unwrap().len();
                bytes / BLOCK_BYTES
            }
            Room::Inodes => fs::read_dir(self.home().join("inodes")).unwrap().count() as u64,
        }
    }

    fn home(&self) -> &Path {
        &self.mount.0
    }
}

/// A mounted tmpfs.
struct Mount(PathBuf);

impl Mount {
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

impl Drop for Mount {
    fn drop(&mut self) {
        // At once out of sight, also if somebody still has a file open.
        let umount = Command::new("umount").arg("--lazy").arg(&self.0).status();
        if !umount.is_ok_and(|status| status.success()) {
            eprintln!("{:?} is still mounted", self.0);
        }
    }
}
