"""dulwich, which is git in Python, clones a served store, and reads every module.

Usage: dulwich_clone.py URL FOLDER CLONE [KEY], where FOLDER holds the modules that the store has to have.
"""

import pathlib
import sys

from dulwich import porcelain
from dulwich.object_store import iter_tree_contents


def main(url, folder, clone, key=None):
    who = {"username": "git", "password": key} if key else {}
    repository = porcelain.clone(url, clone, bare=True, errstream=porcelain.NoneStream(), **who)
    tree = repository[repository.head()].tree
    entries = iter_tree_contents(repository.object_store, tree)
    found = {entry.path.decode(): repository[entry.sha].data for entry in entries}
    files = [file for file in pathlib.Path(folder).rglob("*") if file.is_file()]
    expected = {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}
    assert found == expected, f"{found.keys() ^ expected.keys()} differ, or what is in them"
    print(f"dulwich: {len(found)} modules passed")


main(*sys.argv[1:])
