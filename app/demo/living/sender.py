"""Sending a living province to a service over HTTP, the way a careful vendor does.

Nothing counts as sent before the service has said so: after 503, another failure of the server or a lost connection the
same batch goes out again, with the same ids, until it is answered; what had come in after all is then a duplicate.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.demo.living.plots import Offices
from app.demo.living.stream import Living, part_of
from app.demo.year.lives import CloudEvent
from app.domain.calendar.civil import Instant, day_of
from app.messages import Told

if TYPE_CHECKING:
    # Imported where it is used: six MiB that a served process does not need.
    import httpx

BATCH: Final = 300
"""Most events in one request."""

_BEAT: Final = 0.5
_CATCH_UP: Final = 10
_LONGEST_WAIT: Final = 30.0
_SECOND: Final = 1_000_000
_NDJSON: Final = "application/x-ndjson"


class Refused(Told):
    """The service will not take this however often it is sent; the message is for the person who started it."""


class Watch:
    """Time as the sender sees it: what instant it is, waiting, and being told to stop. Tests have one of their own."""

    def __init__(self) -> None:
        self._stopped = asyncio.Event()

    def now(self) -> Instant:
        """The present instant."""
        return Instant(time.time_ns() // 1000)

    async def wait(self, seconds: float) -> None:
        """Let time pass; ends at once when stopped."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether to send nothing more."""
        return self._stopped.is_set()


@dataclass
class Totals:
    """What became of everything so far. `unanswered`: sent or meant to be, but never answered for."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    again: int = 0
    unanswered: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        """How many events the service has answered for."""
        return self.accepted + self.duplicates + self.rejected

    def __str__(self) -> str:
        told = f"{self.accepted:,} accepted, {self.duplicates:,} duplicates, {self.rejected:,} rejected"
        if self.codes:
            told += f" ({', '.join(f'{code} {count:,}' for code, count in self.codes.most_common(3))})"
        if self.again:
            told += f", {self.again:,} times sent again"
        if self.unanswered:
            told += f", {self.unanswered:,} left unanswered"
        return told


class Sender:
    """Speaks to a service. `client` has its address and the key; `totals` says what came of it."""

    def __init__(self, client: httpx.AsyncClient, watch: Watch) -> None:
        self._client = client
        self._watch = watch
        self.totals = Totals()

    async def catalogue(self, unit: str) -> Offices:
        """The offices under a unit, as the service itself lists them.

        Raises:
            Refused: the service cannot be asked, or the key may not.
            NothingToDo: no unit has a procedure.
        """
        import httpx

        listed = []
        for name in ("units", "procedures", "calendar"):
            try:
                answer = await self._client.get(f"/v1/{name}", params={"unit": unit})
            except httpx.TransportError as error:
                raise Refused(f"nothing answers at {self._client.base_url}: {error or type(error).__name__}") from error
            listed.append(_read(answer))
        units, procedures, calendar = listed
        try:
            return Offices.read(unit, units, procedures, calendar, day_of(self._watch.now()))
        except (KeyError, TypeError) as error:
            raise Refused(f"{self._client.base_url} lists no catalogues the way chiso does") from error

    async def send(self, batch: Sequence[CloudEvent]) -> None:
        """Send a batch until it is answered; once the watch says stop, only once more.

        Raises:
            Refused: sending it again would not help.
        """
        import httpx

        body = b"\n".join(map(msgspec.json.encode, batch))
        patience = 1.0
        while True:
            wait = patience
            try:
                answer = await self._client.post("/v1/events", content=body, headers={"content-type": _NDJSON})
            except httpx.TransportError:
                pass
            else:
                if answer.status_code == 413 and len(batch) > 1:
                    # The service is set to take less at once.
                    half = len(batch) // 2
                    await self.send(batch[:half])
                    return await self.send(batch[half:])
                if answer.status_code < 500 and answer.status_code != 429:
                    return self._told(_read(answer))
                wait = _retry_after(answer, patience)
            if self._watch.stopped:
                break
            self.totals.again += 1
            patience = min(patience * 2, _LONGEST_WAIT)
            await self._watch.wait(wait)
        self.totals.unanswered += len(batch)
        return None

    def _told(self, outcome: Any) -> None:
        self.totals.accepted += outcome["accepted"]
        self.totals.duplicates += outcome["duplicates"]
        self.totals.rejected += outcome["rejected"]
        self.totals.codes.update(each["code"] for each in outcome["errors"])


def _read(answer: httpx.Response) -> Any:
    """The JSON of an answer.

    Raises:
        Refused: it says no, or it is none of chiso's.
    """
    try:
        told = answer.json()
        if answer.is_success:
            return told
        why = f"{told['code']}: {told['detail']}"
    except (ValueError, KeyError, TypeError):
        why = "not the way chiso answers; is the address right?"
    hint = ""
    if answer.status_code == 401:
        hint = "; give a key with --key or CHISO_KEY (chiso keys create makes one)"
    elif answer.status_code == 403:
        hint = "; the key must have the scopes read and ingest, and reach the unit"
    raise Refused(f"{answer.request.method} {answer.request.url.path} is answered {answer.status_code}, {why}{hint}")


def _retry_after(answer: httpx.Response, otherwise: float) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), 2 * _LONGEST_WAIT) if text.isascii() and text.isdigit() else otherwise


@dataclass(frozen=True)
class Pace:
    """How fast: events a second on average, the hours of the day followed or not, for how many seconds (None: ever)."""

    rate: float
    daily: bool = False
    seconds: float | None = None


async def live(
    sender: Sender, catalogue: Offices, seed: int, pace: Pace, watch: Watch, told: Callable[[float], None]
) -> None:
    """Keep the offices of a catalogue living until the time is over or the watch says stop.

    What could not be sent for more than ten seconds is not made up for: a service that was away is not flooded.

    Args:
        told: called after every beat with the seconds since the start.

    Raises:
        Refused: the service will not take it.
    """
    start = last = watch.now()
    living = Living(catalogue, seed, start)
    owed = 0.0
    while not watch.stopped:
        await watch.wait(_BEAT)
        now = watch.now()
        if pace.seconds is not None:
            now = min(now, Instant(start + int(pace.seconds * _SECOND)))
        passed = max(0, now - last)
        tempo = part_of(now, catalogue.calendar).tempo if pace.daily else 1.0
        # The small part makes up for what halves and tenths lose on their way.
        owed = min(owed + pace.rate * tempo * passed / _SECOND, max(1.0, pace.rate * _CATCH_UP)) + 1e-9
        count = int(owed)
        owed -= count
        # Spread over the beat, not all at one instant.
        batch = [living.next(Instant(last + (nth + 1) * passed // count)) for nth in range(count)]
        last = max(last, now)
        for first in range(0, count, BATCH):
            await sender.send(batch[first : first + BATCH])
        told((now - start) / _SECOND)
        if pace.seconds is not None and now - start >= pace.seconds * _SECOND:
            return
