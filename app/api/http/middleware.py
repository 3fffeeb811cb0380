"""Around every request: an id, a log line without any body, a latency measurement, and no exception that escapes."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http import problems
from app.api.http.metrics import Metrics
from app.api.http.problems import KINDS, Problem

_log = structlog.get_logger("chiso.request")

_LEFT = 499
"""What proxies write down for a client that has gone; it is never sent."""


class Requests:
    """ASGI middleware; the outermost layer of the app."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = os.urandom(16).hex()
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.perf_counter()
        status = 0

        async def stamped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, stamped)
        except ClientDisconnect:
            # Left while its body was being read: nobody is there to be answered, and nothing here has failed.
            status = _LEFT
        except asyncio.CancelledError:
            # The process ends and could not wait any longer. Nothing was acknowledged: the sender comes again.
            if status:
                raise
            answer = problems.response(Request(scope), Problem("overloaded", "the service is stopping; send it again"))
            await answer(scope, receive, stamped)
        except Exception:
            _log.exception("failed", request_id=request_id)
            if status:
                raise
            answer = problems.response(Request(scope), Problem("internal", KINDS["internal"].advice))
            await answer(scope, receive, stamped)
        finally:
            # A stream says when its answer began; it may then go on for days.
            answered: float = scope["state"].get("answered", time.perf_counter())
            self._told(scope, request_id, status, answered - began)

    def _told(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route: Any = scope.get("route")
        template = getattr(route, "path", "none")
        method = scope["method"] if scope["method"] in ("GET", "PUT", "POST") else "other"
        self._metrics.request_seconds.labels(template, method, f"{status // 100}xx").observe(seconds)
        quiet = template in ("/livez", "/readyz", "/metrics")
        (_log.debug if quiet else _log.info)(
            "request",
            request_id=request_id,
            method=scope["method"],
            route=template,
            status=status,
            problem=scope["state"].get("problem"),
            milliseconds=round(seconds * 1000, 2),
        )
