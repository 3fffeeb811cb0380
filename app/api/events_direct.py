"""The straight way to `POST /v1/events`: single events come by the thousand, and the framework's way to a route
(matching, dependencies, exit stacks) costs more than an event itself.

The route stands in the application as any other, for its description and for the methods it does not have; here its
function is called with what its dependencies would have given it.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api import events
from app.api.http import problems
from app.api.http.auth import access_of
from app.api.http.service import Service

_PATH: Final = "/v1/events"


class Direct:
    """ASGI middleware within `Requests`."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        [self._route] = [route for route in events.router.routes if getattr(route, "path", "") == _PATH]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != _PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        scope["route"] = self._route
        request = Request(scope, receive, send)
        try:
            answer = await events.push(request, await access_of(request, self._service, "ingest"), self._service)
        except problems.EXPECTED as error:
            answer = problems.response(request, problems.of(error))
        await answer(scope, receive, send)
