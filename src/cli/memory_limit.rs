//! The default limit on the memory that a server uses for its clients.

use std::fs;
use std::path::{Path, PathBuf};

/// The default memory for clients is the available memory divided by this number. The rest is for git processes, caches and the page
/// cache.
const CLIENT_SHARE: u64 = 4;

/// The size of the memory that is assumed if the system does not report it, in bytes.
const MEMORY_FALLBACK: u64 = 4 << 30;

/// Returns the default limit on the memory for clients, in bytes. It is a fixed share of the machine's memory, or of the cgroup's memory
/// limit if that is lower.
pub(super) fn default_client_memory() -> u64 {
    let proc_dir = Path::new("/proc");
    let limits = [
        machine_bytes(proc_dir),
        cgroup_bytes(proc_dir, Path::new("/sys/fs/cgroup")),
    ];
    let smallest = limits.into_iter().flatten().min();
    smallest.unwrap_or(MEMORY_FALLBACK) / CLIENT_SHARE
}

/// Returns the size of the machine's memory: `MemTotal` in proc_meminfo(5).
fn machine_bytes(proc_dir: &Path) -> Option<u64> {
    let text = fs::read_to_string(proc_dir.join("meminfo")).ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: u64 = total?.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1 << 10)
}

/// Returns the smallest memory limit of the process's cgroup and its ancestors, in version 2 or 1 of cgroups(7). The files of a
/// container's own cgroup may be at the root of `cgroup_dir` although /proc/self/cgroup shows another path. So all directories from that
/// path up to the root are tried, and those that do not exist are skipped.
fn cgroup_bytes(proc_dir: &Path, cgroup_dir: &Path) -> Option<u64> {
    let text = fs::read_to_string(proc_dir.join("self/cgroup")).ok()?;
    let limits = text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let (root, file) = match controllers {
            "" => (cgroup_dir.to_owned(), "memory.max"),
            names if names.split(',').any(|name| name == "memory") => {
                (cgroup_dir.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        smallest_limit(&root, path, file)
    });
    limits.min()
}

fn smallest_limit(root: &Path, path: &str, file: &str) -> Option<u64> {
    let relative = PathBuf::from(path.trim_start_matches('/'));
    let limits = relative.ancestors().filter_map(|directory| {
        let text = fs::read_to_string(root.join(directory).join(file)).ok()?;
        // Without a limit, the file contains `max` in version 2, which is skipped, and in version 1 the largest multiple of the page size.
        text.trim().parse().ok()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_of_the_cgroup_and_its_ancestors_counts() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let (proc_dir, cgroup_dir) = (directory.path().join("proc"), directory.path().join("cg"));
        let limit = || cgroup_bytes(&proc_dir, &cgroup_dir);
        assert_eq!((machine_bytes(&proc_dir), limit()), (None, None));
        write(
            "proc/meminfo",
            "MemTotal:       24682972 kB\nMemFree: 1 kB\n",
        );
        assert_eq!(machine_bytes(&proc_dir), Some(24_682_972 << 10));
        write("proc/self/cgroup", "0::/system.slice/wasmstore.service\n");
        assert_eq!(limit(), None);
        write("cg/system.slice/wasmstore.service/memory.max", "max\n");
        assert_eq!(limit(), None);
        write("cg/system.slice/memory.max", "1073741824\n");
        assert_eq!(limit(), Some(1 << 30));
        write(
            "cg/system.slice/wasmstore.service/memory.max",
            "536870912\n",
        );
        assert_eq!(limit(), Some(512 << 20));
        // cgroups version 1, in a container in which /proc/self/cgroup shows the host's path.
        write("proc/self/cgroup", "9:cpu,cpuacct:/x\n4:memory:/docker/1\n");
        write("cg/memory/memory.limit_in_bytes", "268435456\n");
        assert_eq!(limit(), Some(256 << 20));
    }
}
