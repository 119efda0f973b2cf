"""Pushes and pulls modules with oras-py, on a server without keys, on one with keys, and on one with TLS and keys.

Usage: [CA=FILE] oras_client.py OPEN_URL KEYED_URL [TLS_URL]
"""

import os
import pathlib
import ssl
import sys
import tempfile
import urllib.request

import oras.client
import oras.defaults

MODULE = b"\0asm\1\0\0\0\0\3\1aa"


def request(url, key, method="GET", body=None):
    headers = {"Wasmstore-Auth": key} if key else {}
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    trusted = ssl.create_default_context(cafile=os.environ["CA"]) if url.startswith("https:") else None
    with urllib.request.urlopen(request, context=trusted) as response:
        return response.read()


def client_of(url, key):
    host = url.split("://")[1]
    client = oras.client.OrasClient(hostname=host, insecure=url.startswith("http:"), auth_backend="basic")
    if key:
        client.auth.set_basic_auth("any", key)
    return client, host


def run(url, key):
    client, host = client_of(url, key)
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        file = directory / "pushed.wasm"
        file.write_bytes(MODULE)
        # What oras pushes is a module for every other client.
        pushed = client.push(
            target=f"{host}/or/pushed:1.0.0",
            files=[f"{file}:application/wasm"],
            manifest_annotations={"org.example.note": "pushed"},
            disable_path_validation=True,
        )
        assert pushed.status_code == 201, pushed.text
        assert request(f"{url}/api/v1/module/or/pushed/1.0.0.wasm", key) == MODULE
        assert client.get_tags(f"{host}/or/pushed") == ["1.0.0"]
        manifest = client.get_manifest(f"{host}/or/pushed:1.0.0")
        assert manifest["annotations"] == {"org.example.note": "pushed"}, manifest
        # oras takes the title, which is the path of the file, as the path below the directory.
        pulled = client.pull(target=f"{host}/or/pushed:1.0.0", outdir=str(directory / "back"))
        assert pathlib.Path(pulled[0]).read_bytes() == MODULE
        # What other clients upload, oras pulls.
        request(f"{url}/api/v1/module/or/uploaded/2.0.0.wasm", key, "POST", MODULE)
        pulled = client.pull(target=f"{host}/or/uploaded:2.0.0", outdir=str(directory / "out"))
        assert [pathlib.Path(name).name for name in pulled] == ["2.0.0.wasm"], pulled
        assert pathlib.Path(pulled[0]).read_bytes() == MODULE
        # A tag is deleted with its module.
        deleted = client.delete_tag(f"{host}/or/pushed:1.0.0", "1.0.0")
        assert deleted, deleted
        try:
            request(f"{url}/api/v1/module/or/pushed/1.0.0.wasm", key)
        except urllib.error.HTTPError as error:
            assert error.code == 404, error
        else:
            raise AssertionError("the module is still there")


def is_refused(url, key):
    """A key that may only GET does not push."""
    client, host = client_of(url, key)
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory) / "refused.wasm"
        file.write_bytes(MODULE)
        try:
            client.push(target=f"{host}/or/refused:1.0.0", files=[f"{file}:application/wasm"], disable_path_validation=True)
        except ValueError:
            return
    raise AssertionError("a key that may only GET has pushed")


run(sys.argv[1], None)
run(sys.argv[2], "writer")
is_refused(sys.argv[2], "reader")
shown = "without and with keys"
if len(sys.argv) > 3:
    os.environ["REQUESTS_CA_BUNDLE"] = os.environ["CA"]
    run(sys.argv[3], "writer")
    shown += ", and with TLS"
print(f"oras: pushed, pulled and deleted, {shown}")
