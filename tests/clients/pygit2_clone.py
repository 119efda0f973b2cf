"""Clones a served store with libgit2 through its Python binding, and reads every module.

Usage: pygit2_clone.py URL DIRECTORY CLONE [KEY], where DIRECTORY contains the modules that the store must have.
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


def main(url, directory, clone, key=None):
    callbacks = pygit2.RemoteCallbacks(credentials=pygit2.UserPass("git", key)) if key else None
    repository = pygit2.clone_repository(url, clone, bare=True, callbacks=callbacks)
    found = dict(modules(repository.head.peel(pygit2.Commit).tree))
    files = [file for file in pathlib.Path(directory).rglob("*") if file.is_file()]
    expected = {file.relative_to(directory).as_posix(): file.read_bytes() for file in files}
    assert found == expected, f"{found.keys() ^ expected.keys()} differ, or their contents"
    print(f"pygit2: {len(found)} modules passed")


main(*sys.argv[1:])
