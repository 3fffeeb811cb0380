"""A reader that asks the same questions in turn, over one connection, until the block ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import uvloop

from bench.running import Beside
from bench.targets import Chiso
from bench.wire import Disconnected, Wire, request

_PAUSE_S = 0.02


class Asked(NamedTuple):
    """A question's address, when it was asked, how long the answer took, its status (0: none) and its ETag."""

    path: str
    at: float
    took: float
    status: int
    etag: str


class Watch(Beside):
    """Asks while the block runs; what was answered is in `asked`."""

    def __init__(self, chiso: Chiso, paths: Sequence[str]) -> None:
        self._port, self._requests = chiso.port, [(path, request("GET", path, chiso.headers())) for path in paths]
        super().__init__(lambda: uvloop.run(self._ask()))
        self.asked: list[Asked] = []

    async def _ask(self) -> None:
        wire = await Wire.open("127.0.0.1", self._port)
        while not self._done.is_set():
            for path, whole in self._requests:
                began = time.monotonic()
                try:
                    if wire.closed:
                        wire = await Wire.open("127.0.0.1", self._port)
                    answer = await wire.ask(whole)
                    status, etag = answer.status, answer.header("etag") or ""
                except (Disconnected, OSError):
                    status, etag = 0, ""
                self.asked.append(Asked(path, began, time.monotonic() - began, status, etag))
            self._done.wait(_PAUSE_S)
        wire.close()
