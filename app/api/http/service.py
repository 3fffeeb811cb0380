"""What a running service is made of (every route gets it by `Depends(service_of)`), and what bodies may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Request

from app.api.http.access.limits import Limits
from app.api.http.caching import FigureCache
from app.api.http.login.recording import Logins
from app.api.http.login.session import Sessions
from app.api.http.metrics import Metrics
from app.api.http.problems import Problem
from app.api.http.watcher import Watcher
from app.messages import Message
from app.settings import IntakeSettings
from app.store.store import Store

if TYPE_CHECKING:
    from app.api.http.login.oidc import Provider

_SMALL: Final = 256 * 1024
"""Up to so many bytes a body is a small one."""


class Budget:
    """What all bodies being worked on hold, in bytes: bounded in all, for each key, with a rest for small ones only."""

    def __init__(self, settings: IntakeSettings) -> None:
        self._room = settings.max_bytes_in_flight
        self._reserve = settings.reserved_bytes_in_flight
        self._share = settings.max_bytes_in_flight_of_key
        self._of_key: dict[str, int] = {}
        self.held = 0

    def hold(self, key_id: str) -> Hold:
        """Room for a body sent with a key."""
        return Hold(self, key_id)

    def take(self, key_id: str, size: int, whole: int) -> None:
        """Take `size` bytes for a body that then holds `whole`.

        Raises:
            Problem: overloaded.
        """
        of_key = self._of_key.get(key_id, 0) + size
        if of_key > self._share:
            raise Problem(
                "overloaded",
                Message(
                    "this key has too many bytes being worked on; send one body after the other",
                    "khóa API này đang có quá nhiều byte được xử lý; hãy gửi lần lượt từng lô",
                ),
            )
        if self.held + size > self._room + (self._reserve if whole <= _SMALL else 0):
            raise Problem(
                "overloaded",
                Message("too many bytes are being worked on; try again", "đang xử lý quá nhiều byte; hãy thử lại"),
            )
        self._of_key[key_id] = of_key
        self.held += size

    def give_back(self, key_id: str, size: int) -> None:
        """Give bytes back."""
        self.held -= size
        if (of_key := self._of_key.pop(key_id, 0) - size) > 0:
            self._of_key[key_id] = of_key


class Hold:
    """What one body holds."""

    def __init__(self, budget: Budget, key_id: str) -> None:
        self._budget = budget
        self._key_id = key_id
        self.size = 0

    def take(self, size: int) -> None:
        """Take more."""
        self._budget.take(self._key_id, size, self.size + size)
        self.size += size

    def give_back(self, size: int | None = None) -> None:
        """Give some back, or all."""
        size = self.size if size is None else size
        self._budget.give_back(self._key_id, size)
        self.size -= size


@dataclass(kw_only=True)
class Service(Store):
    """The store, and what answering needs beside it; wired once in app.main."""

    metrics: Metrics
    figures: FigureCache
    watcher: Watcher
    budget: Budget
    limits: Limits
    sessions: Sessions
    logins: Logins
    provider: Provider | None = None


async def service_of(request: Request) -> Service:
    """The service behind a request. A coroutine only because FastAPI runs plain functions in a thread, at a price."""
    service: Service = request.app.state.service
    return service


Serving = Annotated[Service, Depends(service_of)]
"""A parameter of routes."""
