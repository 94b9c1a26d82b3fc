#!/usr/bin/env python3
# mypy: ignore-errors
"""Serving in the style of AWS's samples: HTTP/1.0, one request at a time, and no length in its answers."""

import logging
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from handler import load_model, predict

logging.basicConfig(level=logging.INFO, stream=sys.stdout)
logger = logging.getLogger(__name__)


class InferenceHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ping" else 404)
        self.end_headers()

    def do_POST(self):
        try:
            result = predict(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        except Exception as problem:
            logger.exception("Invocation error")
            self.send_response(500)
            self.end_headers()
            self.wfile.write(str(problem).encode())
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.end_headers()
        self.wfile.write(result.encode())


if __name__ == "__main__":
    load_model()
    HTTPServer(("0.0.0.0", 8080), InferenceHandler).serve_forever()
