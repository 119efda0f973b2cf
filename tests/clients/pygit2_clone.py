"""libgit2, in Python's clothes, clones a served store, and reads every module.

Usage: pygit2_clone.py URL FOLDER CLONE [KEY], where FOLDER holds the modules that the store has to have.
"""

import pathlib
import sys

import pygit2


def modules(tree, prefix=""):
    for entry in tree:
        if isinstance(entry, pygit2.Tree):
            yield from modules(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.data


def main(url, folder, clone, key=None):
    callbacks = pygit2.RemoteCallbacks(credentials=pygit2.UserPass("git", key)) if key else None
    repository = pygit2.clone_repository(url, clone, bare=True, callbacks=callbacks)
    found = dict(modules(repository.head.peel(pygit2.Commit).tree))
    files = [file for file in pathlib.Path(folder).rglob("*") if file.is_file()]
    expected = {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}
    assert found == expected, f"{found.keys() ^ expected.keys()} differ, or what is in them"
    print(f"pygit2: {len(found)} modules passed")


main(*sys.argv[1:])
