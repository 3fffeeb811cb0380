"""Viewers in a process of their own: `python -m bench.viewers PLAN RESULT` polls, subscribes, and times changes.

Says "ready" once every stream is open, waits for a line on standard input, and writes what came of it to RESULT. A
change is a push of one dossier to a marked unit, whose number of received dossiers nothing else moves: a stream has
shown the n-th change when it says that n more are received. Pushes and streams share this process's clock.
"""

from __future__ import annotations

import asyncio
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from bench.client import framed
from bench.listening import Sent, Subscription
from bench.wire import Answer, Disconnected, Wire, request

_PATIENCE_S: Final = 10.0
_LOOK_S: Final = 0.05

Seen = tuple[int, float]
"""A number of received dossiers and when it was known."""


class Plan(msgspec.Struct):
    """What the viewers do. `streams` and `polls` are addresses, one for each viewer; `changes` a file of pushes, in
    turn one to each of the `marked` addresses, one every `change_every` seconds."""

    host: str
    port: int
    headers: dict[str, str]
    streams: list[str]
    polls: list[str]
    marked: list[str]
    changes: str
    seconds: float
    poll_every: float
    change_every: float


class Watched(msgspec.Struct):
    """What the viewers saw. `delays`: from a push's answer to its change on a stream; `unseen`: never within 10 s."""

    began: float = 0.0
    ended: float = 0.0
    polls: list[float] = []
    status: dict[str, int] = {}
    repeated: int = 0
    """Polls that named the ETag of an answer before."""
    closed: int = 0
    """Polls that met a connection being closed by the server and were asked again."""
    streams: dict[str, int] = {}
    """Streams by the status they were answered with."""
    events: int = 0
    delays: list[float] = []
    pushed: list[float] = []
    unseen: int = 0
    ended_early: int = 0
    failed: list[str] = []
    cpu: float = 0.0


def delays(pushed: Sequence[Seen], shown: Sequence[Seen]) -> tuple[list[float], int]:
    """From each push to the first of what was shown that has it; and how many were never shown. Both in order."""
    found, later = [], iter(shown)
    at = next(later, None)
    for number, answered in pushed:
        while at is not None and at[0] < number:
            at = next(later, None)
        if at is None:
            break
        found.append(max(0.0, at[1] - answered))
    return found, len(pushed) - len(found)


class _Balance(msgspec.Struct):
    received: int


class _Scorecard(msgspec.Struct):
    balance: _Balance


_RECEIVED: Final = msgspec.json.Decoder(_Scorecard)


class _Viewers:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._shown: list[tuple[str, list[Seen]]] = []
        self._pushed: dict[str, list[Seen]] = {path: [] for path in plan.marked}
        self._statuses = Counter[str]()
        self._streams: list[Subscription] = []
        self._running = False
        self.watched = Watched()

    async def run(self) -> Watched:
        await self._subscribe()
        wires = [await self._wire() for _ in self._plan.polls]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        used, self._running = _cpu(), True
        self.watched.began = time.monotonic()
        dice = random.Random(1)  # noqa: S311  when a client begins to poll is no secret
        starts = [dice.random() * self._plan.poll_every for _ in wires]
        polls = [self._poll(*each) for each in zip(wires, self._plan.polls, starts, strict=True)]
        await asyncio.gather(self._change(), *polls)
        self.watched.ended = time.monotonic()
        self.watched.cpu = _cpu() - used
        self._running = False
        await self._shown_all()
        self._gather()
        return self.watched

    async def _wire(self) -> Wire:
        return await Wire.open(self._plan.host, self._plan.port)

    def _get(self, path: str, **more: str) -> bytes:
        return request("GET", path, self._plan.headers | more)

    async def _subscribe(self) -> None:
        refused = Counter[str]()
        for path in self._plan.streams:
            wanted = self._get(path.replace("/v1/scorecard", "/v1/stream"), Accept="text/event-stream")
            shown: list[Seen] = []
            stream = await Subscription.open(
                self._plan.host, self._plan.port, wanted, self._teller(shown, path in self._pushed)
            )
            status = await stream.status
            refused[str(status)] += 1
            if status == 200:
                self._streams.append(stream)
                self._shown.append((path, shown))
            else:
                stream.close()
        self.watched.streams = dict(refused)

    def _teller(self, shown: list[Seen], marked: bool) -> Callable[[Sent], None]:
        def told(sent: Sent) -> None:
            if sent.kind == "scorecard":
                self.watched.events += self._running
                if marked:
                    shown.append((_RECEIVED.decode(sent.data).balance.received, time.monotonic()))

        return told

    async def _poll(self, wire: Wire, path: str, start: float) -> None:
        """Ask again and again with the last answer's ETag."""
        due, ends, etag = self.watched.began + start, self.watched.began + self._plan.seconds, ""
        while due < ends:
            await asyncio.sleep(due - time.monotonic())
            due += self._plan.poll_every
            whole = self._get(path, **({"If-None-Match": etag} if etag else {}))
            began = time.monotonic()
            try:
                wire, answer = await self._asked(wire, whole)
            except (Disconnected, OSError) as error:
                self.watched.failed.append(f"poll: {error}")
                continue
            self.watched.polls.append(time.monotonic() - began)
            self.watched.repeated += bool(etag)
            self._statuses[str(answer.status)] += 1
            etag = answer.header("etag") or etag
        wire.close()

    async def _asked(self, wire: Wire, whole: bytes) -> tuple[Wire, Answer]:
        """The answer to a poll. A server may close a connection that was idle just as it is used again: as a browser
        does, ask once more over a new one; the time of both counts."""
        try:
            if not wire.closed:
                return wire, await wire.ask(whole)
        except Disconnected:
            self.watched.closed += 1
        wire = await self._wire()
        return wire, await wire.ask(whole)

    async def _change(self) -> None:
        """Push one dossier after another, to the marked units in turn."""
        wire = await self._wire()
        known = {}
        for path in self._plan.marked:
            known[path] = _RECEIVED.decode((await wire.ask(self._get(path))).body).balance.received
        due, ends = self.watched.began, self.watched.began + self._plan.seconds
        for number, change in enumerate(framed(Path(self._plan.changes))):
            await asyncio.sleep(due - time.monotonic())
            due += self._plan.change_every
            if time.monotonic() > ends:
                break
            began = time.monotonic()
            answer = await wire.ask(change)
            answered = time.monotonic()
            if answer.status != 200:
                self.watched.failed.append(f"push: {answer.status} {answer.body[:200].decode(errors='replace')}")
                break
            path = self._plan.marked[number % len(self._plan.marked)]
            known[path] += 1
            self._pushed[path].append((known[path], answered))
            self.watched.pushed.append(answered - began)
        wire.close()

    async def _shown_all(self) -> None:
        """Wait until every stream has shown the last change of its unit."""
        ends = time.monotonic() + _PATIENCE_S
        while time.monotonic() < ends and self._unseen():  # noqa: ASYNC110  the state of many streams, not an event
            await asyncio.sleep(_LOOK_S)

    def _unseen(self) -> bool:
        return any(delays(self._pushed.get(path, []), shown)[1] for path, shown in self._shown)

    def _gather(self) -> None:
        self.watched.status = dict(self._statuses)
        for path, shown in self._shown:
            if path in self._pushed:
                found, unseen = delays(self._pushed[path], shown)
                self.watched.delays += found
                self.watched.unseen += unseen
        for stream in self._streams:
            self.watched.ended_early += stream.ended
            stream.close()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run the plan in the file named on the command line."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    watched = uvloop.run(_Viewers(plan).run())
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(watched))


if __name__ == "__main__":
    main()
