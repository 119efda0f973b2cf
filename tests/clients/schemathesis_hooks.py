"""Fills the store, and makes schemathesis ask for what is in it: nearly every name that it makes up is answered 404."""

import json
import os
import urllib.request

import schemathesis
from hypothesis import strategies as st


def ask(method, route, body=None, **headers):
    url = os.environ["WASMSTORE_URL"] + "/api/v1" + route
    headers["Wasmstore-Auth"] = os.environ["WASMSTORE_KEY"]
    request = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()


def module(name):
    """A module with a custom section of that name, of less than 126 bytes."""
    return b"\0asm\x01\0\0\0" + bytes([0, len(name) + 1, len(name)]) + name


for n, path in enumerate(["main.wasm", "tools/a.wasm", "tools/b.wasm", "tools/deep/c.wasm", "tools/a.wasm"]):
    ask("POST", "/module/" + path, module(b"%d" % n))
for branch in ("feature/x", "topic"):
    ask("POST", "/branch/" + branch)
ask("POST", "/module/topic.wasm", module(b"topic"), **{"Wasmstore-Branch": "topic"})
ask("POST", "/rollback/tools/a.wasm")

MODULES = json.loads(ask("GET", "/modules"))
PATHS = [path[1:] for path in MODULES]
HASHES = sorted(set(MODULES.values()))
COMMITS = [commit["hash"] for commit in json.loads(ask("GET", "/commits"))]
BRANCHES = json.loads(ask("GET", "/branches"))
KNOWN = {
    "name": PATHS + HASHES,
    "path": PATHS,
    "prefix": ["tools", "tools/deep", "main.wasm"],
    "hash": HASHES,
    "commit": COMMITS,
    "branch": BRANCHES,
    "index": ["0", "1"],
    "Wasmstore-Branch": BRANCHES,
    "Wasmstore-Commit": COMMITS,
    "If-Match": [f'"{hash}"' for hash in HASHES],
    "Range": ["bytes=0-3", "bytes=8-", "bytes=-2"],
}


def known(values):
    """Puts what is there in the place of every other value that was made up."""
    for name, value in (values or {}).items():
        choices = KNOWN.get(name)
        if choices and isinstance(value, str) and len(value) % 2 == 0:
            values[name] = choices[sum(map(ord, value)) % len(choices)]
    return values


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    return known(path_parameters)


@schemathesis.hook
def map_headers(context, headers):
    return known(headers)


names = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40).map(str.encode)
schemathesis.openapi.media_type("application/wasm", st.one_of(names.map(module), st.binary(max_size=64)))
