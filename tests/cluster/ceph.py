"""Ceph: a monitor, an object storage daemon on a file, and the gateway with the S3 protocol (RGW). All on the loopback address."""

import os
import pathlib
import random
import re
import shutil
import uuid

import processes
from engines import BUCKET, KEYS, Engine, Unavailable
from processes import Child, free_port, is_listening, wait_for

CONFIGURATION = """
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_warn_on_pool_no_redundancy = false
mon_allow_pool_size_one = true
mon_data_avail_crit = 1
mon_data_avail_warn = 1
keyring = {work}/keyring
run_dir = {work}
log_file = {work}/$name.log
pid_file = {work}/$name.pid
admin_socket = {work}/$name.asok
mon_cluster_log_file = {work}/cluster.log
plugin_dir = {libraries}
erasure_code_dir = {libraries}/erasure-code
compressor_dir = {libraries}/compressor
osd_class_dir = {classes}
[mon.a]
mon_data = {work}/mon
[osd.0]
osd_data = {work}/osd
bluestore_block_size = 8589934592
bluestore_block_create = true
osd_memory_target = 1073741824
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:{port}
rgw_data = {work}/rgw
rgw_enable_usage_log = false
rgw_gc_max_objs = 8
rgw_override_bucket_index_max_shards = 1
"""


class Ceph(Engine):
    """Ceph as Debian packages it. Where it is not installed, the packages are unpacked into a directory of their own."""

    PACKAGES = ("radosgw", "ceph-osd", "ceph-mon")

    def __init__(self, programs, work):
        super().__init__(programs, work)
        self.daemons = {}

    def install(self):
        self.root = self.programs / "ceph"
        if all(shutil.which(name) for name in ("radosgw", "ceph-osd", "ceph-mon")):
            self.root = pathlib.Path("/")
        elif not (self.root / "usr/bin/radosgw").exists():
            self.unpack()
        libraries = next(iter(sorted(self.root.glob("usr/lib/*/ceph"))), None)
        if not libraries:
            raise Unavailable("Ceph cannot be installed: its libraries are not where they are expected")
        self.libraries = libraries
        self.variables = {
            **os.environ,
            "LD_LIBRARY_PATH": f"{libraries.parent}:{libraries}:{self.root}/lib/{libraries.parent.name}:{self.root}/usr/lib",
            "PATH": f"{self.root}/usr/bin:{os.environ['PATH']}",
            "PYTHONPATH": f"{self.root}/usr/lib/python3/dist-packages",
            "CEPH_CONF": f"{self.work}/ceph.conf",
        }
        self.version = "Ceph " + self.tool("radosgw", "--version").split()[2]

    def unpack(self):
        """Downloads the packages that are not installed here, and unpacks them."""
        for tool in ("apt-get", "dpkg"):
            if not shutil.which(tool):
                raise Unavailable(f"Ceph cannot be installed: {tool} is missing")
        plan = processes.run(["apt-get", "install", "--simulate", "--no-install-recommends", *self.PACKAGES], check=False)[1]
        names = re.findall(r"^Inst (\S+)", plan, re.MULTILINE)
        packages = self.programs / "packages"
        packages.mkdir(exist_ok=True)
        script = 'cd "$1" && shift && apt-get download "$@"'
        status, output = processes.run(["sh", "-c", script, "sh", packages, *names], seconds=600, check=False)
        if status or not names:
            raise Unavailable(f"Ceph cannot be installed: {(output.strip() or plan.strip()).splitlines()[-1][:160]}")
        self.root.mkdir(exist_ok=True)
        for package in sorted(packages.glob("*.deb")):
            processes.run(["dpkg", "-x", package, self.root])
        shutil.rmtree(packages)

    def tool(self, *command):
        return processes.run(command, self.variables, seconds=60)[1]

    def ceph(self, *arguments):
        # Its first line names the interpreter of the system, whose version the modules of the package are for.
        return self.tool("/usr/bin/python3", self.root / "usr/bin/ceph", *arguments)

    def start(self):
        self.port = free_port()
        for directory in ("mon", "osd", "rgw"):
            (self.work / directory).mkdir()
        fsid = uuid.uuid4()
        ports = [free_port(), free_port()]
        self.configure(fsid, *ports)
        self.create_keys()
        addresses = f"[v2:127.0.0.1:{ports[0]},v1:127.0.0.1:{ports[1]}]"
        self.tool("monmaptool", "--create", "--fsid", fsid, "--addv", "a", addresses, self.work / "monmap")
        self.tool("ceph-mon", "--mkfs", "-i", "a", "--monmap", self.work / "monmap", "--keyring", self.work / "mon.keyring")
        self.run("mon")
        wait_for("the monitor of Ceph", lambda: is_listening(ports[0]), 30)
        osd = uuid.uuid4()
        self.ceph("osd", "new", osd)
        self.tool("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self.run("osd")
        wait_for("the storage daemon of Ceph", lambda: "1 up" in self.ceph("osd", "stat"), 60, every=0.3)
        access, secret = KEYS
        user = ["user", "create", "--uid=cluster", "--display-name=cluster", f"--access-key={access}", f"--secret={secret}"]
        self.tool("radosgw-admin", *user)
        self.run("rgw")
        self.s3().create_bucket(BUCKET)

    def configure(self, fsid, mon_v2, mon_v1):
        classes = self.libraries.parent / "rados-classes"
        text = CONFIGURATION.format(
            fsid=fsid, mon_v2=mon_v2, mon_v1=mon_v1, work=self.work, port=self.port, libraries=self.libraries, classes=classes
        )
        (self.work / "ceph.conf").write_text(text)

    def create_keys(self):
        monitor, keyring = self.work / "mon.keyring", self.work / "keyring"
        self.tool("ceph-authtool", "--create-keyring", monitor, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        keyring.write_text("")
        for name, capabilities in {
            "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *"},
            "client.rgw": {"mon": "allow rwx", "osd": "allow rwx"},
            "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
        }.items():
            allowed = [part for service, rule in capabilities.items() for part in ("--cap", service, rule)]
            self.tool("ceph-authtool", keyring, "--gen-key", "-n", name, *allowed)
        self.tool("ceph-authtool", monitor, "--import-keyring", keyring)

    def run(self, daemon):
        """Starts a daemon in the foreground, so that its process id is that of the child."""
        command = {
            "mon": ["ceph-mon", "-f", "-i", "a"],
            "osd": ["ceph-osd", "-f", "-i", "0"],
            "rgw": ["radosgw", "-f", "-n", "client.rgw"],
        }[daemon]
        program = self.root / "usr/bin" / command[0]
        self.daemons[daemon] = Child([program, *command[1:]], self.work / f"{daemon}.out", self.variables)

    def kill_and_restart(self):
        daemon = random.choice(["rgw", "rgw", "osd"])
        self.daemons[daemon].kill()
        self.run(daemon)
        return daemon

    def stop(self):
        for daemon in ("rgw", "osd", "mon"):
            if daemon in self.daemons:
                self.daemons[daemon].terminate()
