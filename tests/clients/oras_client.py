"""Pushes and pulls modules with oras-py, on a server without keys and on one with keys.

Usage: oras_client.py OPEN_URL KEYED_URL
"""

import pathlib
import sys
import tempfile
import urllib.request

import oras.client

MODULE = b"\0asm\1\0\0\0\0\3\1aa"


def request(url, key, method="GET", body=None):
    headers = {"Wasmstore-Auth": key} if key else {}
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    with urllib.request.urlopen(request) as response:
        return response.read()


def run(url, key):
    host = url.removeprefix("http://")
    client = oras.client.OrasClient(hostname=host, insecure=True, auth_backend="basic")
    if key:
        client.auth.set_basic_auth("any", key)
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        file = directory / "pushed.wasm"
        file.write_bytes(MODULE)
        # What oras pushes is a module for every other client.
        pushed = client.push(
            target=f"{host}/or/pushed:1.0.0",
            files=[f"{file}:application/wasm"],
            disable_path_validation=True,
        )
        assert pushed.status_code == 201, pushed.text
        assert request(f"{url}/api/v1/module/or/pushed/1.0.0.wasm", key) == MODULE
        assert client.get_tags(f"{host}/or/pushed") == ["1.0.0"]
        # What other clients upload, oras pulls.
        request(f"{url}/api/v1/module/or/uploaded/2.0.0.wasm", key, "POST", MODULE)
        pulled = client.pull(target=f"{host}/or/uploaded:2.0.0", outdir=str(directory / "out"))
        assert [pathlib.Path(name).name for name in pulled] == ["2.0.0.wasm"], pulled
        assert pathlib.Path(pulled[0]).read_bytes() == MODULE


run(sys.argv[1], None)
run(sys.argv[2], "writer")
print("oras: pushed and pulled, without and with keys")
