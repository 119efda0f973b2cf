//! Several processes that use one index.

use std::fs;
use std::process::Child;

use crate::support::program::World;

#[test]
fn processes_that_catch_up_concurrently_return_the_same_versions() {
    let world = World::with_store("sha1");
    let root = world.root();
    let mut stream = String::new();
    for n in 1..=3000 {
        let directory = n % 50;
        let from = if n == 1 {
            "from refs/heads/main^0\n"
        } else {
            ""
        };
        stream += &format!(
            "commit refs/heads/main\ncommitter c <c> {} +0000\ndata 1\nx\n{from}M 100644 inline m/{directory}\ndata {}\n{n}\n",
            1_700_000_000 + n,
            n.to_string().len(),
        );
    }
    crate::support::store::git_with_input(&root, &["fast-import", "--quiet"], stream.as_bytes());
    let _ = fs::remove_file(root.join("wasmstore/index-v2"));
    let spawn_query = || {
        world
            .wasmstore(&["versions", "m/7"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children: Vec<Child> = (0..6).map(|_| spawn_query()).collect();
    let answers: Vec<_> = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap())
        .map(|output| {
            (
                output.status.code(),
                String::from_utf8(output.stdout).unwrap(),
            )
        })
        .collect();
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(answers[0].1.lines().count(), 60);
    assert_eq!(world.ok(&["reindex"]), "3001\n");
    assert_eq!(world.ok(&["versions", "m/7"]), answers[0].1);
}
