"""What a running service is made of; every route gets it by `Depends(service_of)`."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import Request

from app.api.cache import FigureCache
from app.api.metrics import Metrics
from app.api.watching import Watcher
from app.settings import Settings
from app.store.batcher import Batcher
from app.store.database import Database
from app.store.directory import Directories
from app.store.intake import Clock, Intake
from app.store.keys import Keys
from app.store.refold import Refolder
from app.store.relay import Relay
from app.store.settled import SettledSums


@dataclass
class Service:
    """The parts, wired once in app.main. `clock()` is the present instant, None for the database's own clock."""

    settings: Settings
    database: Database
    directories: Directories
    intake: Intake
    batcher: Batcher | Relay
    refolder: Refolder
    metrics: Metrics
    figures: FigureCache
    watcher: Watcher
    keys: Keys
    pepper: bytes
    clock: Clock
    bytes_in_flight: int = field(default=0)
    settled: SettledSums = field(default_factory=SettledSums)


async def service_of(request: Request) -> Service:
    """The service behind a request. A coroutine only because FastAPI runs plain functions in a thread, at a price."""
    service: Service = request.app.state.service
    return service
