"""A registry with one small image, as much of the distribution API as a pull asks for."""

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass
class Registry:
    address: str
    digest: str
    layer: str
    asked: list[str] = field(default_factory=list)


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@contextmanager
def registry(name: str, tag: str, machine: str) -> Iterator[Registry]:
    """Serves NAME:TAG: an image whose only file is /hello, which cannot be executed."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        member = tarfile.TarInfo("hello")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"hello"))
    packed = gzip.compress(layer.getvalue(), mtime=0)
    root = {"type": "layers", "diff_ids": [digest_of(layer.getvalue())]}
    config = json.dumps({"architecture": machine, "os": "linux", "config": {}, "rootfs": root}).encode()
    kinds = ("application/vnd.docker.container.image.v1+json", "application/vnd.docker.image.rootfs.diff.tar.gzip")
    parts = [
        {"mediaType": kind, "size": len(data), "digest": digest_of(data)}
        for kind, data in zip(kinds, (config, packed), strict=True)
    ]
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[0], "layers": parts[1:]}).encode()
    served = {f"/v2/{name}/blobs/{digest_of(data)}": data for data in (config, packed)}
    served |= {f"/v2/{name}/manifests/{which}": manifest for which in (tag, digest_of(manifest))}
    served["/v2/"] = b"{}"
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            data = served.get(self.path)
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            if data == manifest:
                self.send_header("Content-Type", MANIFEST)
                self.send_header("Docker-Content-Digest", digest_of(manifest))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data or b"")

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Registry(f"127.0.0.1:{server.server_port}", digest_of(manifest), digest_of(packed), asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
