"""What a running service is made of; every route gets it by `Depends(service_of)`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from app.api.http.caching import FigureCache
from app.api.http.metrics import Metrics
from app.api.http.watcher import Watcher
from app.settings import Settings
from app.store.store import Store


@dataclass(kw_only=True)
class Service(Store):
    """The store, and what answering needs beside it; wired once in app.main."""

    settings: Settings
    metrics: Metrics
    figures: FigureCache
    watcher: Watcher
    pepper: bytes
    bytes_in_flight: int = field(default=0)


async def service_of(request: Request) -> Service:
    """The service behind a request. A coroutine only because FastAPI runs plain functions in a thread, at a price."""
    service: Service = request.app.state.service
    return service


Serving = Annotated[Service, Depends(service_of)]
"""A parameter of routes."""
