"""Answers each row of CSV with a price: GET /ping, POST /invocations."""

import csv
import io
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

MODEL = json.loads(Path("/opt/ml/model/model.json").read_text())
HUNDREDS = 100.0


def price(row: list[str]) -> float:
    """Of a house, whose columns are in the order of the units."""
    values = [1.0, *(float(value) / unit for value, unit in zip(row, MODEL["units"].values(), strict=False))]
    return HUNDREDS * sum(weight * value for weight, value in zip(MODEL["weights"], values, strict=True))


class Handler(BaseHTTPRequestHandler):
    """One request after the other."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """GET /ping: ready."""
        self.reply(b"")

    def do_POST(self) -> None:
        """POST /invocations: a part of the channel, the first one with its header row."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        rows = [row for row in csv.reader(io.StringIO(body)) if row and row[0] not in MODEL["units"]]
        self.reply("".join(f"{price(row):.1f}\n" for row in rows).encode())

    def reply(self, body: bytes) -> None:
        """200, with a body."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
