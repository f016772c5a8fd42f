"""Ends with 0 when the server of this container can answer requests."""

from __future__ import annotations

import http.client
import os

server = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8000), timeout=4)
server.request("GET", "/healthz/ready")
raise SystemExit(server.getresponse().status != 200)
