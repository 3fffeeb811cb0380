"""A service that keeps what it is sent, each id once, and answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Reply = tuple[int, dict[str, str], dict[str, Any]]
Script = Callable[[int, list[Any]], Reply | None]
"""The number of the request, from 1, and what it holds → the answer; None takes all."""


class Stub:
    """Serves on a port of its own until the block is left. `kept` are ids (or MaHoSo) in the order they came first."""

    def __init__(self, script: Script = lambda nth, items: None) -> None:
        self.script, self.kept, self.requests = script, dict[str, Any](), list[tuple[str, str, list[Any]]]()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                events = self.path == "/v1/events"
                items = [json.loads(each) for each in body.split(b"\n")] if events else json.loads(body)["data"]
                stub.requests.append((self.path, self.headers.get("authorization", ""), items))
                status, headers, told = stub.script(len(stub.requests), items) or stub.take(items, {})
                text = json.dumps(told).encode()
                try:
                    self.send_response(status)
                    for name, value in {**headers, "content-length": str(len(text))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass  # who asked has gone

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def take(self, items: list[Any], errors: dict[int, dict[str, Any]]) -> Reply:
        """Keep all but those with an error."""
        new = 0
        for place, each in enumerate(items):
            if place not in errors:
                name = each.get("id") or each["MaHoSo"]
                new += name not in self.kept
                self.kept[name] = each
        told = [{"index": place} | error for place, error in errors.items()]
        duplicates = len(items) - len(errors) - new
        outcome = {"accepted": new, "duplicates": duplicates, "rejected": len(errors), "errors": told}
        return 200, {}, outcome | {"error_code": "1" if errors else "0", "message": "Thành công"}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
