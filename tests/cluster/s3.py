"""Signed requests to an S3 endpoint (AWS Signature Version 4)."""

import datetime
import hashlib
import hmac
import http.client
import time
import urllib.parse

from processes import Failure


def quote(text):
    return urllib.parse.quote(text, safe="-_.~")


def hmac_sha256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def authorization(method, path, query, headers, payload, keys, region, now):
    """Returns the value of the header `Authorization`. `headers` must contain all headers to be signed, in lower case."""
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        [
            method,
            urllib.parse.quote(path, safe="/-_.~"),
            "&".join(f"{quote(name)}={quote(value)}" for name, value in sorted(query.items())),
            *[f"{name}:{headers[name].strip()}" for name in sorted(headers)],
            "",
            names,
            payload,
        ]
    )
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + keys[1]).encode()
    for part in scope.split("/"):
        key = hmac_sha256(key, part)
    signature = hmac_sha256(key, text).hex()
    return f"AWS4-HMAC-SHA256 Credential={keys[0]}/{scope},SignedHeaders={names},Signature={signature}"


class S3:
    """An endpoint on the loopback address, with its keys."""

    def __init__(self, port, access_key, secret_key, region="us-east-1", timeout=10):
        self.port, self.keys, self.region, self.timeout = port, (access_key, secret_key), region, timeout

    def request(self, method, path, query=None, body=b"", headers=None):
        """Returns the status, the headers and the body of the response."""
        query = query or {}
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        payload = hashlib.sha256(body).hexdigest()
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        sent.update({"host": f"127.0.0.1:{self.port}", "x-amz-content-sha256": payload, "x-amz-date": now})
        signed = authorization(method, path, query, sent, payload, self.keys, self.region, now)
        target = urllib.parse.quote(path, safe="/-_.~")
        if query:
            target += "?" + "&".join(f"{quote(name)}={quote(value)}" for name, value in sorted(query.items()))
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            connection.request(method, target, body, {**sent, "authorization": signed})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def create_bucket(self, name, seconds=60):
        """Creates a bucket as soon as the engine takes requests."""
        end = time.monotonic() + seconds
        while True:
            try:
                status, _, body = self.request("PUT", f"/{name}")
                if status == 200:
                    return
            except OSError as error:
                status, body = 0, str(error)
            except http.client.HTTPException as error:
                status, body = 0, repr(error)
            if time.monotonic() > end:
                raise Failure(f"cannot create the bucket {name}: status {status}: {body[:300]}")
            time.sleep(0.3)
