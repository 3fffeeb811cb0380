"""`GET /v1/stream`: a scorecard that is told again whenever its figures change, as Server-Sent Events."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.types import Receive, Scope, Send

from app.api.figures.scorecard import Scorecard, scorecard_of
from app.api.figures.view import View, viewing
from app.api.http.auth import Access, Reading
from app.api.http.openapi.parameters import COMMON, LAST_EVENT_ID
from app.api.http.openapi.routes import FIGURE, streamed
from app.api.http.parameters import asked
from app.api.http.service import Service, Serving
from app.api.http.watcher import Figure, Subscriber

router = APIRouter()

_RETRY_MILLISECONDS: Final = 2_000
_HEADERS: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""A proxy in front is not to gather what comes: an event is of use at once."""
_PATH: Final = "/v1/scorecard"
"""Whose answers these are: one that is kept for a stream serves the next poll, and the other way round."""


@router.get(
    "/v1/stream",
    summary="A scorecard, again whenever it changes",
    **streamed(Scorecard, "scorecard", parameters=(*COMMON, LAST_EVENT_ID), problems=FIGURE),
)
async def stream(request: Request, access: Reading, service: Serving) -> Response:
    """Server-Sent Events: at once a `scorecard` event with the answer of `/v1/scorecard`, then another within a second
    whenever its figures have changed; with events, catalogue edits and passing instants.

    The event's `id` is the figures' ETag: a client that comes back with it in `Last-Event-ID` gets the next event only
    when they have changed since. A comment keeps a quiet stream open.
    """
    wanted = asked(request)
    service.watcher.require_room()
    async with viewing(service, access, wanted) as view:
        figure = await _figure(service, view)
    # The key's reach was looked at; from here on the unit's figures are the same for everybody who watches them.
    wanted = replace(wanted, unit=view.unit.code)
    everything = Access(figure.root_id, view.catalogues.root, "", "", "stream")

    async def compute() -> Figure:
        async with viewing(service, everything, wanted) as view:
            return await _figure(service, view)

    service.watcher.require_room()
    # What the request cost ends here; how long somebody watches is no latency.
    request.state.answered = time.perf_counter()
    watching = service.watcher.watching((figure.root_id, wanted), access.key_id, figure, compute)
    return _Stream(service, watching, request.headers.get("last-event-id", ""), access.until)


async def _figure(service: Service, view: View) -> Figure:
    """The scorecard of a view as an event."""
    kept = await view.answer(service, (_PATH,), lambda: scorecard_of(view))
    tag = kept.figure.tag
    message = format_sse_event(event="scorecard", data_str=kept.figure.sent(view.later).decode(), id=tag)
    return Figure(view.catalogues.root_id, view.counted, kept.version, view.moment.now, kept.until, tag, message)


class _Stream(Response):
    """The answer that does not end by itself: somebody watches as long as it is being sent."""

    def __init__(self, service: Service, watching: AbstractContextManager[Subscriber], last: str, until: float) -> None:
        super().__init__()
        self._service = service
        self._watching = watching
        self._last = last
        self._until = until

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._watching as subscriber:
            await EventSourceResponse(self._events(subscriber), headers=_HEADERS)(scope, receive, send)

    async def _events(self, subscriber: Subscriber) -> AsyncIterator[bytes]:
        yield format_sse_event(retry=_RETRY_MILLISECONDS)
        while not subscriber.ended and time.time() < self._until:
            figure = subscriber.figure
            if figure.tag != self._last:
                self._last = figure.tag
                self._service.metrics.stream_events.inc()
                yield figure.message
            elif not await subscriber.wait(self._service.settings.streams.comment_seconds):
                yield KEEPALIVE_COMMENT
