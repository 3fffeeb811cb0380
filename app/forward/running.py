"""The forwarder at work: take in, send, wait; ends at a signal, or when a pipe is at its end and all is sent."""

from __future__ import annotations

import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.forward.config import Config
from app.forward.queue import Queue, Status
from app.forward.send import Answer, Sender
from app.forward.sources import Origin, Say, origin
from app.intake.lines import Refused
from app.messages import Message, of_error, verbatim

_MOST_BYTES: Final = 4 * 1024 * 1024
_JITTER: Final = 0.25


class Stopped(BaseException):
    """A signal came while something was waited for; whatever was under way has no outcome and is sent again."""


class Forwarder:
    """Takes from a source into the queue and sends what waits there.

    Args:
        once: end when the source has nothing more and all has an outcome, as a pipe's end does.
        now: seconds of a clock that never jumps; `pause` lets so many pass.
    """

    def __init__(
        self, config: Config, queue: Queue, source: Origin, sender: Sender, say: Say, once: bool = False,
        now: Callable[[], float] = time.monotonic, pause: Callable[[float], None] | None = None,
    ) -> None:  # fmt: skip
        self._config, self._queue, self._source, self._sender = config, queue, source, sender
        self._say, self._once, self._now = say, once, now
        self._event = threading.Event()
        self._pause = pause or (lambda seconds: void(self._event.wait(seconds)))
        self._waiting = False
        self._size = config.target.batch
        self._failures, self._not_before = 0, 0.0
        self._told: dict[str, str] = {}

    def stop(self) -> None:
        """End after what is under way; what is only waited for is broken off."""
        self._event.set()
        if self._waiting:
            raise Stopped

    def run(self) -> Status:
        """Until it is stopped or has nothing more to do."""
        try:
            while not self._event.is_set():
                taken = self._take()
                sent = self._send()
                if taken or sent:
                    continue
                if (self._once or self._source.ended) and taken is not None and not self._queue.status.waiting:
                    break
                with self._breakable():
                    self._pause(self._rest())
        except Stopped:
            pass
        return self._queue.status

    def _rest(self) -> float:
        """Seconds until there may be something to do."""
        poll = self._config.queue.poll
        if self._source.ended and self._failures:
            return max(self._not_before - self._now(), 0.01)
        return poll if not self._failures else min(poll, max(self._not_before - self._now(), 0.01))

    def _take(self) -> int | None:
        """How many were taken in; None when the source or the queue is in trouble, in which nothing is lost."""
        import psycopg

        try:
            taken = self._source.take()
        except (sqlite3.Error, psycopg.Error, OSError, Refused) as error:
            self._tell("source", _trouble(error))
            return None
        self._told.pop("source", None)
        return taken

    def _send(self) -> bool:
        """Whether a request had an outcome for anything, or is to be made smaller at once."""
        if self._now() < self._not_before:
            return False
        batch = self._queue.first(self._size, _MOST_BYTES)
        if not batch:
            return False
        with self._breakable():
            answer = self._sender.send([each.item for each in batch])
        done = [batch[place].seq for place in answer.done]
        rejected = [(batch[place].seq, reason) for place, reason in answer.rejected.items()]
        try:
            overtaken = self._queue.settle(done, rejected) if done or rejected else 0
        except sqlite3.Error as error:
            # Sent again: what has arrived already is a duplicate.
            self._tell("queue", _trouble(error))
            self._back_off(0)
            return False
        self._told.pop("queue", None)
        for place, reason in answer.rejected.items():
            self._say(_refused(batch[place].item.origin, reason))
        if overtaken:
            self._say(_overtaken(overtaken))
        if answer.warned:
            self._say(_warned(answer.warned))
        return self._next(answer, len(batch))

    def _next(self, answer: Answer, sent: int) -> bool:
        self._size = max(1, sent // 2) if answer.smaller else min(self._size * 2, self._config.target.batch)
        if answer.trouble is not None:
            self._tell("target", answer.trouble)
            self._back_off(answer.pause)
            return False
        if self._told.pop("target", None):
            self._say(Message("the service takes again", "dịch vụ đã nhận trở lại"))
        self._failures, self._not_before = 0, 0.0
        return True

    def _back_off(self, asked: float) -> None:
        """Wait twice as long as after the failure before, within bounds, and not less than was asked for."""
        target = self._config.target
        wait = min(target.first_wait * 2 ** min(self._failures, 40), target.longest_wait)
        self._failures += 1
        spread = 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311  no secret: that not all come at once
        self._not_before = self._now() + max(wait * spread, asked)

    def _tell(self, about: str, message: Message) -> None:
        """Say what is wrong, once as long as it is the same."""
        if self._told.get(about) != message.en:
            self._told[about] = message.en
            self._say(message)

    @contextmanager
    def _breakable(self) -> Iterator[None]:
        self._waiting = True
        try:
            if self._event.is_set():
                raise Stopped
            yield
        finally:
            self._waiting = False


def void(_: object) -> None:
    """Nothing."""


def _warned(warned: Sequence[Mapping[str, str]]) -> Message:
    first = " ".join(warned[0].get(name, "") for name in ("MaHoSo", "field", "detail"))
    return Message(
        "taken, but {count:,} values are not understood; the first: {first}",
        "đã nhận, nhưng {count:,} giá trị không hiểu; đầu tiên: {first}",
        count=len(warned),
        first=first,
    )


def _overtaken(count: int) -> Message:
    return Message(
        "given up: {count:,} refused states of dossiers of which newer ones were taken",
        "bỏ: {count:,} trạng thái từng bị từ chối của hồ sơ đã được nhận trạng thái mới hơn",
        count=count,
    )


def _refused(where: str, reason: dict[str, str]) -> Message:
    told = " ".join(reason[name] for name in ("code", "field") if name in reason)
    return Message(
        "refused and kept aside: {where}: {told}", "bị từ chối, để riêng: {where}: {told}", where=where, told=told
    )


def _trouble(error: Exception) -> Message:
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return Message(
            "no room for the queue (the disk is full, or `queue.max_mb` is reached); nothing is lost, the source waits",
            "hàng đợi hết chỗ (đầy đĩa hoặc chạm `queue.max_mb`); không mất gì, nguồn chờ",
        )
    said = of_error(error) if isinstance(error, Refused) else verbatim(next(iter(str(error).splitlines()), ""))
    return Message("in trouble, tried again: {what}", "gặp trục trặc, sẽ thử lại: {what}", what=said)


def forward(config: Config, say: Say, once: bool = False) -> Status:
    """Run until a signal, or the end of a pipe (or of what there is, with `once`).

    Raises:
        InUse: another forwarder has the queue.
    """
    with Queue(Path(config.queue.file), config.queue.max_mb) as queue:
        sender = Sender(config.target)
        forwarder = Forwarder(config, queue, origin(config.source, queue, say), sender, say, once)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: forwarder.stop())
        try:
            return forwarder.run()
        finally:
            sender.close()
