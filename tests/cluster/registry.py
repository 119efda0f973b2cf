"""docker-registry with its S3 driver, as Debian packages it, to compare with."""

import shutil

import processes
from engines import KEYS, Unavailable
from processes import Child, free_port, is_listening, wait_for

CONFIGURATION = """
version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  redirect:
    disable: true
  s3:
    region: us-east-1
    regionendpoint: http://127.0.0.1:{engine}
    bucket: {bucket}
    accesskey: {access}
    secretkey: {secret}
    secure: false
    v4auth: true
    rootdirectory: /registry
http:
  addr: 127.0.0.1:{port}
"""


class Registry:
    """A registry on a bucket of its own."""

    def __init__(self, engine, work):
        self.program = shutil.which("docker-registry")
        if not self.program:
            raise Unavailable("docker-registry is not installed")
        self.port = free_port()
        engine.s3().create_bucket("registry")
        work.mkdir(parents=True, exist_ok=True)
        file = work / "registry.yml"
        text = CONFIGURATION.format(engine=engine.port, bucket="registry", access=KEYS[0], secret=KEYS[1], port=self.port)
        file.write_text(text)
        self.child = Child([self.program, "serve", file], work / "registry.log", engine.environment())
        wait_for("docker-registry", lambda: is_listening(self.port), 20)

    def stop(self):
        self.child.terminate()

    @staticmethod
    def version():
        return processes.run(["docker-registry", "--version"])[1].split()[-1]
