"""Clones of the servers, made and checked by stock git."""

import re

import processes
from check import Commit

NONE = re.compile("0+")


def clone(url, directory):
    """Clones a repository with all its refs. Returns the error, or none."""
    status, output = processes.run(["git", "clone", "--quiet", "--mirror", url, directory], seconds=300, check=False)
    return output.strip() if status else None


def fsck(directory):
    """Returns what `git fsck --strict` finds in a clone, or none."""
    status, output = processes.run(["git", "-C", directory, "fsck", "--strict", "--full", "--no-dangling"], seconds=600, check=False)
    return f"exit code {status}: {output.strip()}" if status or output.strip() else None


def refs(directory):
    """Returns the refs of a clone as text, one a line."""
    return processes.run(["git", "-C", directory, "for-each-ref", "--format=%(objectname) %(refname)"])[1]


def tip(directory, branch="HEAD"):
    return processes.run(["git", "-C", directory, "rev-parse", branch])[1].strip()


def first_parents(directory, commit):
    """Returns the first-parent history of a commit, newest first."""
    return processes.run(["git", "-C", directory, "rev-list", "--first-parent", commit])[1].split()


def history(directory):
    """Returns the commits of the default branch, oldest first."""
    command = ["git", "-C", directory, "-c", "log.showRoot=true", "-c", "core.quotePath=true", "log", "--reverse", "--topo-order", "-m"]
    command += ["--first-parent", "--raw", "--no-abbrev", "--no-renames", "--format=commit %H%x09%P%x09%s", "HEAD"]
    return parse(processes.run(command, seconds=600)[1])


def parse(text):
    """Parses the output of `git log --raw`."""
    commits = []
    for line in text.splitlines():
        if line.startswith("commit "):
            identifier, parents, message = line[len("commit ") :].split("\t", 2)
            commits.append(Commit(identifier, parents.split(), message, {}))
        elif line.startswith(":"):
            fields, path = line.split("\t", 1)
            old, new = (None if NONE.fullmatch(blob) else blob for blob in fields.split(" ")[2:4])
            commits[-1].changes[path] = (old, new)
    return commits
