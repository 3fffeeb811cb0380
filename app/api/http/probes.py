"""For the operator: is it alive, is it ready, and how does it go."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from fastapi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from typing_extensions import TypedDict

from app.api.http.answers import json_response
from app.api.http.auth import bears
from app.api.http.fields import answer, said
from app.api.http.metrics import Metrics, instant_of
from app.api.http.openapi.routes import Router, plain, told
from app.api.http.problems import Problem
from app.api.http.service import Service, Serving
from app.messages import Message
from app.store import keys, lineage, snapshot
from app.store.connections.causes import READ_ONLY
from app.store.connections.unavailable import DatabaseUnavailable, unavailable
from app.store.proof import outcomes

router = Router("operations")
_log = logging.getLogger(__name__)
_SCRAPE_SECONDS: Final = 1.0
_MEASURED_SECONDS: Final = 1.0
_WEIGHED_SECONDS: Final = 60.0
_WEIGHING_SECONDS: Final = 5.0
_READY_SECONDS: Final = 0.9
"""So that the answer is there within a second, whatever the pools do."""


@answer
class Alive(TypedDict):
    """The process answers."""

    status: Annotated[Literal["alive"], said("Always this.", "alive")]


@answer
class Ready(TypedDict):
    """The service can answer."""

    status: Annotated[Literal["ready"], said("Always this.", "ready")]
    revision: Annotated[str, said("The database's migration revision.", "0001")]
    refolding: Annotated[
        bool, said("Whether lives of any root are still being folded again after an edit or an upgrade.", False)
    ]


_PAGE: Final = (
    "# HELP chiso_events_total Events taken in, by type and outcome.\n"
    "# TYPE chiso_events_total counter\n"
    'chiso_events_total{outcome="accepted",type="dossier.received"} 2490.0\n'
)


@router.get("/livez", summary="Is the process alive", **told(Alive, scope=None, tag=None))
async def livez() -> Response:
    """200 as long as the process answers; the database is not asked."""
    return json_response(Alive(status="alive"))


_NOT_READY: Final = ("overloaded", "database_unavailable")


@router.get("/readyz", summary="Can the service answer", **told(Ready, scope=None, problems=_NOT_READY, tag=None))
async def readyz(service: Serving) -> Response:
    """200 when the database answers within a second, for reading and for writing, can be written, has the migration
    revision this version needs or a newer one, no newer version's rules and no keys of another pepper; else why not.
    At a newer revision figures are read on, and what is sent is answered by 503.

    `refolding` says whether lives of any root are being folded again after an edit or an upgrade.
    """
    return json_response(await _ready(service))


async def _ready(service: Service) -> Ready:
    """What /readyz tells.

    Raises:
        Problem: overloaded or database_unavailable, where it is not ready.
    """
    try:
        async with asyncio.timeout(_READY_SECONDS):
            async with service.database.connection("read") as connection:
                revision = await snapshot.revision(connection)
                newer = refolding = False
                if not lineage.is_behind(revision):
                    newer, refolding = await snapshot.rules(connection)
                    await keys.prove(connection, *service.peppers)
            # As pushes go: another pool, which may be served otherwise.
            async with service.database.connection("write") as connection:
                read_only = await snapshot.is_read_only(connection)
    except (DatabaseUnavailable, TimeoutError) as error:
        service.metrics.up.set(0)
        raise Problem("database_unavailable", _of_database(unavailable(error).told)) from error
    service.metrics.up.set(1)
    if read_only:
        raise Problem("database_unavailable", _of_database(READ_ONLY.says))
    try:
        revision = lineage.require_readable(revision)
    except DatabaseUnavailable as error:
        raise Problem("database_unavailable", error.told) from error
    if newer:
        raise Problem(
            "database_unavailable",
            Message(
                "lives are folded with the rules of a newer version: this one is outdated",
                "hồ sơ được tính theo quy tắc của phiên bản mới hơn: phiên bản này đã cũ",
            ),
        )
    return Ready(status="ready", revision=revision, refolding=refolding)


def _of_database(says: Message) -> Message:
    return Message("the database: {says}", "cơ sở dữ liệu: {says}", says=says)


@router.get("/metrics", summary="Metrics for Prometheus", **plain("Prometheus' exposition format.", _PAGE))
async def metrics(request: Request, service: Serving) -> Response:
    """The metrics in Prometheus' exposition format; with `CHISO_METRICS__KEY` set, only for who sends that key."""
    key = service.settings.metrics.key
    if key is not None and not bears(request, key.get_secret_value()):
        raise Problem(
            "unauthenticated",
            Message(
                "send Authorization: Bearer <key>, the key of CHISO_METRICS__KEY",
                "gửi Authorization: Bearer <khóa>, khóa là CHISO_METRICS__KEY",
            ),
        )
    _measure_process(service)
    await asyncio.gather(_measure_database(service), _measure_readiness(service))
    return Response(await run_in_threadpool(service.metrics.page), media_type=CONTENT_TYPE_LATEST)


async def measure_forever(service: Service) -> None:
    """Keep up to date what another worker may be asked to tell; alone, a process measures itself when it is asked."""
    while service.metrics.shared:
        _measure_process(service)
        await asyncio.sleep(_MEASURED_SECONDS)


def _measure_process(service: Service) -> None:
    told = service.metrics
    for pool, lent in service.database.pools().items():
        for gauge, value in zip(
            (told.pool_in_use, told.pool_open, told.pool_waiting, told.pool_most), lent, strict=True
        ):
            gauge.labels(pool).set(value)
    service.metrics.bytes_in_flight.set(service.budget.held)
    service.metrics.measure_quiet(service.settings.metrics.sources, instant_of(service.clock))


async def _measure_database(service: Service) -> None:
    """What only the database knows; unknown (NaN) when it does not say so at once."""
    told, backlog = service.metrics, snapshot.UNKNOWN
    try:
        async with asyncio.timeout(_SCRAPE_SECONDS), service.database.connection("read") as connection:
            proved = await outcomes.proved(connection)
            backlog = await snapshot.backlog(connection)
        _tell_proved(told, proved)
    except Exception:  # noqa: BLE001 - a scrape without some numbers tells more than one that failed
        _log.debug("the database did not tell its metrics", exc_info=True)
    told.up.set(0 if math.isnan(backlog.rejections) else 1)
    told.rejections_kept.set(backlog.rejections)
    told.refold_to_do.set(backlog.to_do)
    told.refold_done.set(backlog.done)
    told.refold_seconds.set(backlog.waiting_seconds)
    told.feeds_behind.set(backlog.feeds_behind)


def _tell_proved(told: Metrics, proved: Sequence[outcomes.Proved]) -> None:
    told.unproved_since.clear()
    told.differences.clear()
    for each in proved:
        kind = "deep" if each.deep else "plain"
        told.unproved_since.labels(each.root, kind).set(each.since)
        if each.differences is not None:
            told.differences.labels(each.root, kind).set(each.differences)


async def _measure_readiness(service: Service) -> None:
    try:
        await _ready(service)
    except Exception:  # noqa: BLE001 - whatever it is, /readyz says no
        service.metrics.ready.set(0)
    else:
        service.metrics.ready.set(1)


async def weigh_forever(service: Service) -> None:
    """Ask the database for its size once a minute, until cancelled: it looks at all of its files."""
    while True:
        try:
            async with asyncio.timeout(_WEIGHING_SECONDS), service.database.connection("read") as connection:
                service.metrics.database_bytes.set(await snapshot.size(connection))
        except Exception:  # noqa: BLE001 - the database may be away in more ways than can be listed
            _log.debug("the database did not tell its size", exc_info=True)
        await asyncio.sleep(_WEIGHED_SECONDS)
