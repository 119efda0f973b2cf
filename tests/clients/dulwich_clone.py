"""Clones a served store with dulwich, an implementation of git in Python, and reads every module.

Usage: dulwich_clone.py URL DIRECTORY CLONE [KEY], where DIRECTORY contains the modules that the store must have.
"""

import pathlib
import sys

from dulwich import porcelain
from dulwich.object_store import iter_tree_contents


def main(url, directory, clone, key=None):
    credentials = {"username": "git", "password": key} if key else {}
    repository = porcelain.clone(url, clone, bare=True, errstream=porcelain.NoneStream(), **credentials)
    tree = repository[repository.head()].tree
    entries = iter_tree_contents(repository.object_store, tree)
    found = {entry.path.decode(): repository[entry.sha].data for entry in entries}
    files = [file for file in pathlib.Path(directory).rglob("*") if file.is_file()]
    expected = {file.relative_to(directory).as_posix(): file.read_bytes() for file in files}
    assert found == expected, f"{found.keys() ^ expected.keys()} differ, or their contents"
    print(f"dulwich: {len(found)} modules passed")


main(*sys.argv[1:])
