"""AWS KMS as far as moto does not go: keys that are disabled, refusals, and a server that is slow or not there.

It answers over HTTP, to botocore's own client: what is tested is what botocore makes of its answers.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.config import Config
from botocore.session import Session

_QUICKLY = Config(connect_timeout=0.3, read_timeout=0.3, retries={"mode": "standard", "total_max_attempts": 1})


class FakeKms:
    """Keys of one region, each named by its ARN."""

    def __init__(self, *keys: str) -> None:
        self.keys = {key: secrets.token_bytes(16) for key in keys}
        self.disabled: set[str] = set()
        self.refusal = ""
        """The error code of every answer."""
        self.trouble = ""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._made: dict[bytes, tuple[str, dict[str, str], bytes]] = {}
        kms = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if kms.trouble == "silence":
                    time.sleep(0.6)
                status, answer = kms.answer(self.headers["X-Amz-Target"].rpartition(".")[2], request)
                body = b"<html>" if kms.trouble == "nonsense" else json.dumps(answer).encode()
                self.send_response(502 if kms.trouble == "nonsense" else status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def client(self, region: str) -> Any:
        """A client of botocore's that asks this one."""
        session = Session()
        if self.trouble != "no credentials":
            session.set_credentials("AKIAEXAMPLE", "secret")
        else:
            session.get_component("credential_provider").providers.clear()
        port = 1 if self.trouble == "nobody" else self._server.server_port
        return session.create_client(
            "kms", region_name=region, endpoint_url=f"http://127.0.0.1:{port}", config=_QUICKLY
        )

    def answer(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """What KMS says."""
        self.asked.append((operation, request))
        key, context = request["KeyId"], request["EncryptionContext"]
        refusal = self.refusal or ("DisabledException" if key in self.disabled else "")
        refusal = refusal or ("NotFoundException" if key not in self.keys else "")
        if refusal:
            return 400, {"__type": refusal, "message": "No."}
        if operation == "GenerateDataKey":
            plain, blob = secrets.token_bytes(request["NumberOfBytes"]), secrets.token_bytes(152)
            self._made[blob] = (key, context, plain)
            return 200, {"KeyId": key, "Plaintext": _text(plain), "CiphertextBlob": _text(blob)}
        made = self._made.get(base64.b64decode(request["CiphertextBlob"]))
        if made is None or made[1] != context:
            return 400, {"__type": "InvalidCiphertextException", "message": None}
        if made[0] != key:
            return 400, {"__type": "IncorrectKeyException", "message": "No."}
        return 200, {"KeyId": key, "Plaintext": _text(made[2])}


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
