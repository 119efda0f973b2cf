"""Fills the store, and lets schemathesis use names from it: nearly every name that it generates itself leads to 404."""

import json
import os
import urllib.request

import schemathesis
from hypothesis import strategies as st


def send(method, route, body=None, **headers):
    url = os.environ["WASMSTORE_URL"] + "/api/v1" + route
    headers["Wasmstore-Auth"] = os.environ["WASMSTORE_KEY"]
    request = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.urlopen(request) as response:
        return response.read().decode()


def module(name):
    """Returns a module with a custom section with this name of less than 126 bytes."""
    return b"\0asm\x01\0\0\0" + bytes([0, len(name) + 1, len(name)]) + name


for n, path in enumerate(["main.wasm", "tools/a.wasm", "tools/b.wasm", "tools/deep/c.wasm", "tools/a.wasm"]):
    send("POST", "/module/" + path, module(b"%d" % n))
for branch in ("feature/x", "topic"):
    send("POST", "/branch/" + branch)
send("POST", "/module/topic.wasm", module(b"topic"), **{"Wasmstore-Branch": "topic"})
send("POST", "/rollback/tools/a.wasm")



def begin_upload():
    """Begins an upload in chunks, and returns its id."""
    url = os.environ["WASMSTORE_URL"] + "/api/v1/uploads"
    request = urllib.request.Request(url, None, {"Wasmstore-Auth": os.environ["WASMSTORE_KEY"]}, method="POST")
    with urllib.request.urlopen(request) as response:
        return response.headers["Location"].rsplit("/", 1)[1]


MODULES = json.loads(send("GET", "/modules"))
PATHS = [path[1:] for path in MODULES]
HASHES = sorted(set(MODULES.values()))
COMMITS = [commit["hash"] for commit in json.loads(send("GET", "/commits"))]
BRANCHES = json.loads(send("GET", "/branches"))
EXISTING = {
    "name": PATHS + HASHES,
    "path": PATHS,
    "prefix": ["tools", "tools/deep", "main.wasm"],
    "hash": HASHES,
    "commit": COMMITS,
    "branch": BRANCHES,
    "index": ["0", "1"],
    "id": [begin_upload() for _ in range(10)],
    "Wasmstore-Branch": BRANCHES,
    "Wasmstore-Commit": COMMITS,
    "If-Match": [f'"{hash}"' for hash in HASHES],
    "Range": ["bytes=0-3", "bytes=8-", "bytes=-2"],
}


def with_existing(values):
    """Replaces about half of the generated values with names that exist in the store."""
    for name, value in (values or {}).items():
        choices = EXISTING.get(name)
        if choices and isinstance(value, str) and len(value) % 2 == 0:
            values[name] = choices[sum(map(ord, value)) % len(choices)]
    return values


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    return with_existing(path_parameters)


@schemathesis.hook
def map_headers(context, headers):
    return with_existing(headers)


names = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40).map(str.encode)
schemathesis.openapi.media_type("application/wasm", st.one_of(names.map(module), st.binary(max_size=64)))
