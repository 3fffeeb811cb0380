"""`GET /v1/stream`: scorecards that are told again whenever their figures change, as Server-Sent Events."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Hashable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.types import Receive, Scope, Send

from app.api.figures.scorecard import Scorecard, scorecard_of
from app.api.figures.view import View, viewing
from app.api.http.auth import Access, Reading
from app.api.http.openapi.parameters import COMMON, LAST_EVENT_ID, MOST_UNITS, UNITS
from app.api.http.openapi.routes import FIGURE, Router, streamed
from app.api.http.parameters import Asked, asked
from app.api.http.problems import Problem
from app.api.http.service import Service, Serving
from app.api.http.watcher import Figure, Subscriber, Watched
from app.messages import Message

router = Router()

_RETRY_MILLISECONDS: Final = 2_000
_HEADERS: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""A proxy in front is not to gather what comes: an event is of use at once."""
_PATH: Final = "/v1/scorecard"
"""Whose answers these are: one that is kept for a stream serves the next poll, and the other way round."""


@router.get(
    "/v1/stream",
    summary="Scorecards, again whenever they change",
    **streamed(Scorecard, "scorecard", parameters=(UNITS, *COMMON[1:], LAST_EVENT_ID), problems=FIGURE),
)
async def stream(request: Request, access: Reading, service: Serving) -> Response:
    """Server-Sent Events: at once a `scorecard` event with the answer of `/v1/scorecard`, then another within a second
    whenever its figures have changed; with events, catalogue edits and passing instants.

    Given several times, `unit` asks for the scorecards of several units, all else being the same: an event for each,
    which names its unit, then one for each that has changed. Whoever may not read one of them gets none.

    The event's `id` is the figures' ETag: a client that comes back with it in `Last-Event-ID` gets the next event only
    when they have changed since; those of other units come at once. A comment keeps a quiet stream open.
    """
    each_wanted = _asked(request)
    service.watcher.require_room(len(each_wanted))
    watched: dict[Hashable, Watched] = {}
    for wanted in each_wanted:
        one = await _watched(service, access, wanted)
        watched.setdefault(one.name, one)
    service.watcher.require_room(len(watched))
    # What the request cost ends here; how long somebody watches is no latency.
    request.state.answered = time.perf_counter()
    watching = service.watcher.watching(list(watched.values()), access.key_id)
    return _Stream(service, watching, request.headers.get("last-event-id", ""), access.until)


def _asked(request: Request) -> list[Asked]:
    """What is asked for of each unit; other parameters are given once."""
    query = request.query_params.multi_items()
    units = [each for each in query if each[0] == "unit"]
    if len(units) > MOST_UNITS:
        raise Problem(
            "invalid_parameter", Message("at most {most} units", "tối đa {most} đơn vị", most=MOST_UNITS), "unit"
        )
    rest = [each for each in query if each[0] != "unit"]
    alone = [urlencode([*rest, each]) for each in units] or [urlencode(rest)]
    return [asked(Request({**request.scope, "query_string": each.encode()})) for each in alone]


async def _watched(service: Service, access: Access, wanted: Asked) -> Watched:
    """The scorecard of a unit that the key reaches, and how it is computed again."""
    async with viewing(service, access, wanted) as view:
        figure = await _figure(service, view)
    # The key's reach was looked at; from here on the unit's figures are the same for everybody who watches them.
    wanted = replace(wanted, unit=view.unit.code)
    everything = Access(figure.root_id, view.catalogues.root, "", "", "stream")

    async def compute() -> Figure:
        async with viewing(service, everything, wanted) as view:
            return await _figure(service, view)

    return Watched((figure.root_id, wanted), figure, compute)


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
        told = [self._last for _ in subscriber.watches]
        while not subscriber.ended and time.time() < self._until:
            quiet = True
            for place, before in enumerate(told):
                # The latest, however long those before it took to be sent.
                figure = subscriber.figure(place)
                if figure.tag != before and not subscriber.ended:
                    told[place], quiet = figure.tag, False
                    self._service.metrics.stream_events.inc()
                    yield figure.message
            if quiet and not await subscriber.wait(self._service.settings.streams.comment_seconds):
                yield KEEPALIVE_COMMENT
