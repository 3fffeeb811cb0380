"""Puts the parts together; nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import platform
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from app import VERSION, traces
from app.api import audit, catalogues, events, feeds, indicators, rejections
from app.api.dvcqg import parked
from app.api.dvcqg import routes as dvcqg
from app.api.events_direct import Direct
from app.api.figures import advice, breakdown, ranking, reconcile, scorecard, series, stream
from app.api.http import docs, openapi, probes, problems
from app.api.http.access.limits import Limits
from app.api.http.caching import FigureCache
from app.api.http.login.recording import Logins
from app.api.http.login.session import Sessions
from app.api.http.metrics import Metrics
from app.api.http.middleware import Methods, Requests
from app.api.http.service import Budget, Service
from app.api.http.watcher import Watcher
from app.api.lives import dossiers, life, quality, today
from app.logs import set_up_logging
from app.pages import site
from app.settings import InvalidSettings, Settings, of_environment
from app.start import Unwritable, create_store, prove, weakness
from app.store import check, lineage
from app.store.connections.database import Clock
from app.store.store import Store

if TYPE_CHECKING:
    from app.api.http.login.oidc import Provider

_ENDING_SECONDS = 2.0
_OF_OTHERS: Final[Mapping[str, Any]] = {
    "allow_methods": ("GET", "HEAD"),
    "allow_headers": ("Authorization", "If-None-Match", "Last-Event-ID"),
    "expose_headers": ("ETag", "Link", "Content-Disposition", "Retry-After", "WWW-Authenticate", "X-Request-ID"),
    "max_age": 3600,
}
"""What pages of other origins may do: ask. Their scripts see these headers of the answers."""

_ROUTES = (
    *(events, dvcqg, catalogues, indicators, scorecard, stream, ranking, series, breakdown, advice, reconcile),
    *(dossiers, today, life, quality, rejections, feeds, audit, probes),
)


def create_service(settings: Settings, dsn: str, clock: Clock = lambda: None, secret: bytes | None = None) -> Service:
    """The parts of the service on a database; its arguments are those of `create_store`."""
    return service_over(create_store(settings, dsn, clock, secret))


def service_over(store: Store) -> Service:
    """What answering needs beside a store."""
    settings, metrics = store.settings, Metrics()
    metrics.build.labels(VERSION, platform.python_version(), lineage.REVISION).set(1)
    return Service(
        **vars(store),
        figures=FigureCache(settings.figures.cache_bytes),
        watcher=Watcher(store.database, store.clock, settings.streams, metrics),
        metrics=metrics,
        budget=Budget(settings.intake),
        limits=Limits(settings.limits, metrics.rate_limited),
        sessions=Sessions(settings, *store.peppers),
        logins=Logins(store.database, store.pepper),
        provider=_provider(settings),
    )


def _provider(settings: Settings) -> Provider | None:
    if settings.oidc.issuer is None:
        return None
    from app.api.http.login.oidc import Provider  # late: what it rests on takes 13 MB

    return Provider(settings.oidc, f"{settings.http.public_url}/login/oidc/back")


def create_app(service: Service | None = None) -> FastAPI:
    """The HTTP application of a service; without one, of the service the environment describes.

    So `uvicorn --factory app.main:create_app --http app.server.protocol:Http` serves. The database is then a step of
    its own: CHISO_DATABASE__DSN names it, and `chiso migrate` has been there.
    """
    service = service or _service_of_environment()
    app = FastAPI(
        title="chiso766",
        version=VERSION,
        lifespan=_living,
        openapi_url="/openapi.json" if service.settings.docs.open else None,
        docs_url=None,
        redoc_url=None,
        # One address for one thing: a redirect would name the scheme and host that a proxy in front has hidden.
        redirect_slashes=False,
        # The service tells its own metrics; asking at every request whether a tracer was configured costs more than
        # reading an event.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.service = service
    problems.install(app)
    for each in _ROUTES:
        # As they are: `include_router` would make each anew, for every app and at its first request.
        app.router.routes.extend(each.router.routes)
    site.install(app)
    if service.settings.docs.open:
        docs.install(app)
    openapi.install(app)
    app.add_middleware(Methods, routes=app)
    if origins := service.settings.http.cors_origins:
        # Within Direct: a push is no page's to send, and pays nothing for it.
        app.add_middleware(CORSMiddleware, **_OF_OTHERS, allow_origins=origins, allow_credentials=origins != ["*"])
    app.add_middleware(Direct, service=service)
    app.add_middleware(Requests, metrics=service.metrics, public=service.settings.http.public_url)
    if (traced := traces.of_environment(VERSION)) is not None:
        traced.watch(service.gatherer, service.database, service.figures)
        app.add_middleware(traced.requests)
        app.state.traces = traced
    return app


@contextlib.asynccontextmanager
async def _living(app: FastAPI) -> AsyncIterator[None]:
    """What goes on beside requests as long as the application is there."""
    service: Service = app.state.service
    beside = (service.refolder, service.watcher, service.follower)
    measuring = (probes.measure_forever, probes.weigh_forever, feeds.measure_forever, parked.measure_forever)
    loops = (
        *(each.run_forever() for each in beside),
        *(each(service) for each in (*measuring, parked.release_forever)),
    )
    tasks = [asyncio.create_task(each) for each in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait([*tasks, *service.logins.telling], timeout=_ENDING_SECONDS)
        # What still waits for the database gets its connections cut off.
        await service.database.close()
        if hasattr(app.state, "traces"):
            await app.state.traces.close()


def _service_of_environment() -> Service:
    try:
        settings = of_environment()
        if settings.database.dsn is None:
            raise InvalidSettings(
                "CHISO_DATABASE__DSN is not set; `chiso serve` starts an embedded database without it"
            )
        set_up_logging(settings.log.level, check.plainly)
        dsn = settings.database.dsn.get_secret_value()
        # On a thread: whoever calls the factory may run an event loop already, and has nothing else to do yet.
        with ThreadPoolExecutor(1) as thread:
            amiss = thread.submit(asyncio.run, prove(settings, dsn)).result()
        if amiss is not None:
            logging.getLogger(__name__).warning("not ready yet: %s", amiss)
        if (weak := weakness(settings)) is not None:
            logging.getLogger(__name__).warning("%s", weak)
        return create_service(settings, dsn)
    except (InvalidSettings, Unwritable, check.NotMigrated) as error:
        raise SystemExit(str(error)) from None
    except check.FAILURES as error:
        raise SystemExit(check.told(error).en) from None
