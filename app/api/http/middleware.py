"""Around every request: an id, a log line without any body, a latency measurement, no exception that escapes; and the
methods that go without saying, HEAD and OPTIONS.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from typing import Any, Final

import structlog
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import messages
from app.api.http import problems
from app.api.http.access.headers import Guard, private
from app.api.http.metrics import Metrics
from app.api.http.problems import Problem

_STOPPING: Final = messages.Message("the service is stopping; send it again", "dịch vụ đang dừng; hãy gửi lại")
_log = structlog.get_logger("chiso.request")

_LEFT = 499
"""What proxies write down for a client that has gone; it is never sent."""


_TOLD: Final = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT"))
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Requests:
    """ASGI middleware; the outermost layer of the app."""

    def __init__(self, app: ASGIApp, metrics: Metrics, public: str | None = None) -> None:
        self._app = app
        self._guard = Guard(public)
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
                told = message.get("headers", [])
                if scope["state"].get("session"):
                    told = private(told)
                guarded = self._guard.of(scope["method"], scope["path"])
                message["headers"] = [*told, (b"x-request-id", request_id.encode()), *guarded]
            await send(message)

        try:
            await self._app(scope, receive, stamped)
        except ClientDisconnect:
            # Left while its body was being read: nobody is there to be answered, and nothing here has failed.
            status = _LEFT
        except asyncio.CancelledError:
            # The process ends and could not wait any longer. Nothing was acknowledged: the sender comes again.
            if not status:
                stopping = Problem("overloaded", _STOPPING)
                await problems.response(Request(scope), stopping)(scope, receive, stamped)
        except Exception:
            _log.exception("failed", request_id=request_id)
            if status:
                raise
            answer = problems.response(Request(scope), Problem("internal"))
            await answer(scope, receive, stamped)
        finally:
            # A stream says when its answer began; it may then go on for days.
            answered: float = scope["state"].get("answered", time.perf_counter())
            self._told(scope, request_id, status, answered - began)

    def _told(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route: Any = scope.get("route")
        template = getattr(route, "path", "none")
        method = scope["method"] if scope["method"] in _TOLD else "other"
        self._metrics.request_seconds.labels(template, method, f"{status // 100}xx").observe(seconds)
        if (problem := scope["state"].get("problem")) is not None:
            self._metrics.problems.labels(problem).inc()
        quiet = template in ("/livez", "/readyz", "/metrics")
        (_log.debug if quiet else _log.info)(
            "request",
            request_id=request_id,
            method=scope["method"],
            route=template,
            status=status,
            problem=problem,
            milliseconds=round(seconds * 1000, 2),
        )


class Methods:
    """ASGI middleware nearest to the routes: HEAD wherever GET is, OPTIONS everywhere, `Allow` with all there are."""

    def __init__(self, app: ASGIApp, routes: FastAPI) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        way = {"HEAD": self._head, "OPTIONS": self._options}.get(scope.get("method", ""), self._known)
        await way(scope, receive, send)

    async def _known(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def allowing(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 405:
                others = [each for each in message["headers"] if each[0] != b"allow"]
                message["headers"] = [*others, (b"allow", self._allow(scope).encode())]
            await send(message)

        await self._app(scope, receive, allowing)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What GET answers, without its body. A stream ends with its head: the server tells it that all is sent."""
        ended = False

        async def without_body(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
            elif not ended:
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        asked: Scope = {**scope, "method": "GET"}
        try:
            await self._known(asked, receive, without_body)
        finally:
            scope.update({name: asked[name] for name in ("route",) if name in asked})

    async def _options(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The methods of a path; to who is about to send CloudEvents there (webhooks, validation), that it may."""
        allowed = self._allowed(scope)
        headers = {"Allow": _listed(allowed)}
        if not allowed:
            await self._known(scope, receive, send)
            return
        request = Request(scope)
        if "POST" in allowed and "webhook-request-origin" in request.headers:
            headers |= {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "*"}
        await Response(status_code=204, headers=headers)(scope, receive, send)

    def _allow(self, scope: Scope) -> str:
        return _listed(self._allowed(scope))

    def _allowed(self, scope: Scope) -> list[str]:
        """The methods that a route of the path has; * is any path."""
        if scope["path"] == "*":
            return ["GET", "POST", "PUT"]
        routes = self._routes.router.routes
        # A scope of its own, with what was asked: matching leaves marks, and a route that was found has left its own.
        root = scope.get("app_root_path", scope.get("root_path", ""))
        asked = {"type": "http", "path": scope["path"], "root_path": root, "headers": scope["headers"]}
        found = {
            method: [each for each in routes if each.matches({**asked, "method": method})[0] is Match.FULL]
            for method in _METHODS
        }
        # A folder takes all methods, and has files only.
        return [
            method
            for method, those in found.items()
            if any(method == "GET" or not isinstance(each, Mount) for each in those)
        ]


def _listed(methods: Iterable[str]) -> str:
    methods = list(methods)
    return ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])
