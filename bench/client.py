"""A client in a process of its own: `python -m bench.client PLAN RESULT` sends what was built before, full speed.

Says "ready" on standard output, waits for a line on standard input, sends, and writes what came of it to RESULT, as
JSON. Told to terminate, it begins no request any more and ends in the same way. Clocks are the system's monotonic one,
which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import itertools
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from bench.wire import Answer, Disconnected, Wire

_FRAME: Final = 8
_LONGEST_WAIT_S: Final = 1.0


class Plan(msgspec.Struct):
    """What a client sends: requests from a file, over so many connections, beginning none after `seconds`."""

    host: str
    port: int
    requests: str
    connections: int
    seconds: float
    every: float = 0.0
    """Seconds between two requests of the whole client; 0 = as fast as they are answered."""

    again: bool = False
    """Go through the requests again and again until the time is over, instead of once."""

    seed: int = 0
    """The seed in the subjects of the requests' events: with each time again another of its length, for other dossiers.
    0 = the very same requests again."""

    bodies: bool = True
    """Whether the answers' bodies are told."""

    lanes: bool = False
    """Each connection has its own requests: of n the first has numbers 0, n, 2n …; with `again` only."""


class Told(msgspec.Struct):
    """What became of them. `sent` are the numbers of the requests that were answered with 2xx, `at` when they were
    begun and `took` their times. `unnamed` of the refused were not told when to come again."""

    began: float = 0.0
    ended: float = 0.0
    sent: list[int] = []
    at: list[float] = []
    took: list[float] = []
    bodies: list[str] = []
    refused: int = 0
    unnamed: int = 0
    failed: list[str] = []
    cpu: float = 0.0


def frame(file: Path, requests: list[bytes]) -> None:
    """Write requests for a client to read."""
    with file.open("wb") as stream:
        for each in requests:
            stream.write(len(each).to_bytes(_FRAME, "big"))
            stream.write(each)


def framed(file: Path) -> Iterator[bytes]:
    """The requests of a file."""
    with file.open("rb") as stream:
        while size := stream.read(_FRAME):
            yield stream.read(int.from_bytes(size, "big"))


def renewed(request: bytes, seed: int, other: int) -> bytes:
    """The request with its events told of dossiers of another seed, whose digits are as many."""
    return request.replace(b".b%d." % seed, b".b%d." % other)


class _Client:
    def __init__(self, plan: Plan, requests: list[bytes]) -> None:
        self._plan, self._requests = plan, requests
        left = itertools.count() if plan.again else iter(range(len(requests)))
        lanes = range(plan.connections)
        self._left = [itertools.count(lane, len(lanes)) for lane in lanes] if plan.lanes else [left for _ in lanes]
        self._answers: list[bytes] = []
        self._due = self._ends = 0.0
        self.told = Told()

    async def run(self) -> Told:
        wires = [await Wire.open(self._plan.host, self._plan.port) for _ in range(self._plan.connections)]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        used = _cpu()
        self.told.began = self._due = time.monotonic()
        self._ends = self.told.began + self._plan.seconds
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop)
        await asyncio.gather(*map(self._use, wires, self._left))
        self.told.ended = time.monotonic()
        self.told.cpu = _cpu() - used
        self.told.bodies = [body.decode(errors="replace") for body in self._answers]
        return self.told

    async def _use(self, wire: Wire, left: Iterator[int]) -> None:
        """Send one request after another over a connection."""
        while time.monotonic() < self._ends:
            number = next(left, None)
            if number is None:
                break
            if self._plan.every:
                self._due += self._plan.every
                await asyncio.sleep(self._due - time.monotonic())
                if time.monotonic() >= self._ends:
                    break
            try:
                wire = await self._send(wire, number)
            except (Disconnected, OSError) as error:
                self.told.failed.append(str(error))
                if len(self.told.failed) > 100:
                    break
                wire = await Wire.open(self._plan.host, self._plan.port)
        wire.close()

    def _stop(self) -> None:
        """Begin no request any more."""
        self._ends = 0.0

    def _request(self, number: int) -> bytes:
        time, which = divmod(number, len(self._requests))
        whole = self._requests[which]
        return renewed(whole, self._plan.seed, self._plan.seed + time) if time and self._plan.seed else whole

    async def _send(self, wire: Wire, number: int) -> Wire:
        """One request until it is taken: a 503 is asked again after the time it names."""
        whole = self._request(number)
        while True:
            if wire.closed:  # some servers close after so many requests
                wire = await Wire.open(self._plan.host, self._plan.port)
            began = time.monotonic()
            answer = await wire.ask(whole)
            took = time.monotonic() - began
            if answer.status < 300:
                self.told.sent.append(number)
                self.told.at.append(began)
                self.told.took.append(took)
                if self._plan.bodies:
                    self._answers.append(answer.body)
                return wire
            if answer.status not in (429, 503):
                self.told.failed.append(f"{answer.status} {answer.body[:300].decode(errors='replace')}")
                return wire
            self.told.refused += 1
            self.told.unnamed += answer.header("retry-after") is None
            await asyncio.sleep(min(_LONGEST_WAIT_S, _retry_after(answer)))


def _retry_after(answer: Answer) -> float:
    try:
        return float(answer.header("retry-after") or 0.05)
    except ValueError:
        return _LONGEST_WAIT_S


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run the plan in the file named on the command line."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    told = uvloop.run(_Client(plan, list(framed(Path(plan.requests)))).run())
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(told))


if __name__ == "__main__":
    main()
