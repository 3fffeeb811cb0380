"""`chiso simulate`: a living province sent to a service, with a line of life on standard error every few seconds."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from app.demo.living import sender, stream
from app.demo.living.plots import NothingToDo, Offices, demo_offices
from app.demo.living.sender import Pace, Refused, Sender, Watch
from app.domain.calendar.civil import Instant

__all__ = ["NothingToDo", "Pace", "Refused", "Simulation"]

_URL: Final = "http://127.0.0.1:8000"
_LINE_SECONDS: Final = 5.0
_SHOWN: Final = 20
_GRACE_SECONDS: Final = 30.0
Say = Callable[[str], None]


@dataclass
class Simulation:
    """What was asked for. `say` tells people how it goes, `show` is given the events of a dry run.

    Without `url` the service on this machine is meant, and a dry run asks none: it is of the demo province.
    """

    url: str | None
    key: str
    unit: str
    seed: int
    pace: Pace
    say: Say
    show: Say
    _last: tuple[float, int] = field(default=(0.0, 0))

    def run(self, dry: bool) -> None:
        """Until the time is over or Ctrl-C, which lets the batch under way end; a second one does not wait for it.

        Raises:
            Refused, NothingToDo: it cannot be done, and why.
        """
        import httpx

        try:
            asyncio.run(self._whole(dry))
        except httpx.InvalidURL as error:
            raise Refused(f"{self.url} is no address: {error}") from error
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None

    async def _whole(self, dry: bool) -> None:
        import httpx

        watch = Watch()
        _stop_on_signals(watch)
        if dry and self.url is None:
            self._shown(demo_offices(self.unit, watch.now()), watch.now())
            return
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        url = self.url or _URL
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            sending = Sender(client, watch)
            catalogue = await sending.catalogue(self.unit)
            if dry:
                self._shown(catalogue, watch.now())
                return
            self.say(f"{len(catalogue.offices)} offices of {self.unit} come to life at {url}; Ctrl-C ends it")
            if self.pace.seconds is not None:
                # A service that went away is waited for, but not for ever where an end was asked for.
                asyncio.get_running_loop().call_later(self.pace.seconds + _GRACE_SECONDS, watch.stop)
            try:
                await sender.live(sending, catalogue, self.seed, self.pace, watch, lambda at: self._line(sending, at))
            finally:
                self.say(f"in all: {sending.totals}")

    def _shown(self, catalogue: Offices, now: Instant) -> None:
        spacing = int(1_000_000 / self.pace.rate)
        moments = (Instant(now + nth * spacing) for nth in itertools.count())
        for event in itertools.islice(stream.events(catalogue, self.seed, moments), _SHOWN):
            self.show(json.dumps(event, ensure_ascii=False))

    def _line(self, sending: Sender, at: float) -> None:
        before, answered = self._last
        if at - before < _LINE_SECONDS:
            return
        rate = (sending.totals.answered - answered) / (at - before)
        of = f"/{self.pace.seconds:g}" if self.pace.seconds is not None else ""
        self.say(f"{at:.0f}{of} s: {rate:.1f}/s; {sending.totals}")
        self._last = (at, sending.totals.answered)


def _stop_on_signals(watch: Watch) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def interrupted() -> None:
        if watch.stopped:
            task.cancel()
        watch.stop()

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, interrupted)
