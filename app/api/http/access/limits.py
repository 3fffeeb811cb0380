"""How often is too often: what a key asks and pushes a minute, and the wrong keys that come from an address.

Each process counts for itself, in memory: several let through several times as much. Windows slide (of the minute
before the part that the last sixty seconds still hold counts too), so no turn of a minute lets through twice as much.
"""

from __future__ import annotations

import math
import time
from ipaddress import IPv6Address, ip_address
from typing import Final

from fastapi import Request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter

from app.api.http.problems import Problem
from app.messages import Message
from app.settings import LimitSettings

READS: Final = "reads"
EVENTS: Final = "events"
FAILURES: Final = "failures"
LIMITED: Final = (READS, EVENTS, FAILURES)
"""What is limited, as metrics name it."""

_MOST_PLACES: Final = 10_000
"""Places told apart at most while they send wrong keys; more of them count as one, so that many cost no more."""


class Limits:
    """The limits of a process; without any a request costs nothing.

    Args:
        counted: counts what was refused, by what it is.
    """

    def __init__(self, settings: LimitSettings, counted: Counter) -> None:
        self._storage = MemoryStorage()
        self._window = SlidingWindowCounterRateLimiter(self._storage)
        self._counted = counted
        self._reads = _a_minute(settings.reads_per_minute)
        self._events = _a_minute(settings.events_per_minute)
        self._failures = _a_minute(settings.failures_per_minute)
        self._refused: dict[str, float] = {}
        self._right: set[str] = set()

    async def take_read(self, whose: str) -> None:
        """One question of a key (or whoever `whose` names).

        Raises:
            Problem: rate_limited.
        """
        if self._reads is not None:
            await self._take(READS, self._reads, whose, 1)

    async def take_events(self, whose: str, count: int) -> None:
        """A push of `count` events; one of more than a minute's is let through where nothing came before it.

        Raises:
            Problem: rate_limited.
        """
        if self._events is not None and count:
            await self._take(EVENTS, self._events, whose, min(count, self._events.amount))

    def require_calm(self, request: Request, key: str = "") -> None:
        """Refuse a place from which too many wrong keys come, before anybody is asked for what is known of another. A
        key that was right before is looked at all the same: it may share its address with others.

        Raises:
            Problem: rate_limited.
        """
        if not self._refused or self._failures is None:
            return
        place = _place(request)
        left = self._refused.get(place, 0) - time.monotonic()
        if left <= 0:
            self._refused.pop(place, None)
        elif _id_of(key) not in self._right:
            raise self._too_often(FAILURES, self._failures, math.ceil(left))

    def was_right(self, key_id: str) -> None:
        """A key was found."""
        self._right.add(key_id)

    async def was_wrong(self, request: Request) -> None:
        """A key was not, or nobody vouched for a person.

        Raises:
            Problem: rate_limited, from the first beyond the limit on.
        """
        if self._failures is None:
            return
        place = _place(request)
        if len(self._storage.expirations) >= _MOST_PLACES:
            place = "others"
        try:
            await self._take(FAILURES, self._failures, place, 1)
        except Problem as problem:
            self._refused[place] = time.monotonic() + (problem.retry_after or 1)
            raise

    async def _take(self, what: str, limit: RateLimitItem, whose: str, cost: int) -> None:
        if not await self._window.hit(limit, what, whose, cost=cost):
            raise self._too_often(what, limit, await self._left(limit, limit.key_for(what, whose), cost))

    async def _left(self, limit: RateLimitItem, key: str, cost: int) -> int:
        """Whole seconds after which there is room for `cost`: until then what the window holds, its fraction left out,
        is too much. The library's own are those until there may be room for one.
        """
        length, room = limit.get_expiry(), limit.amount - cost + 1
        before, _, now, ends = await self._storage.get_sliding_window(key, length)
        left = ends - length
        left = left - (room - now) * length / before if now < room else left + length * (1 - room / now)
        return math.floor(max(0, left) + 0.001) + 1

    def _too_often(self, what: str, limit: RateLimitItem, seconds: int) -> Problem:
        self._counted.labels(what).inc()
        return Problem("rate_limited", _said(what, limit.amount, seconds), retry_after=seconds)


def _said(what: str, most: int, seconds: int) -> Message:
    if what == READS:
        return Message(
            "at most {most:,} questions a minute with this key; ask again in {seconds} s",
            "tối đa {most:,} lượt hỏi mỗi phút cho khóa API này; hãy hỏi lại sau {seconds} giây",
            most=most,
            seconds=seconds,
        )
    if what == EVENTS:
        return Message(
            "at most {most:,} events a minute with this key; nothing was taken, send it again in {seconds} s",
            "tối đa {most:,} sự kiện mỗi phút cho khóa API này; chưa ghi nhận gì, hãy gửi lại sau {seconds} giây",
            most=most,
            seconds=seconds,
        )
    return Message(
        "at most {most:,} wrong keys a minute from this address; try again in {seconds} s",
        "tối đa {most:,} lần sai khóa mỗi phút từ địa chỉ này; hãy thử lại sau {seconds} giây",
        most=most,
        seconds=seconds,
    )


def _a_minute(most: int) -> RateLimitItem | None:
    return RateLimitItemPerMinute(most) if most else None


def _place(request: Request) -> str:
    """Where a request comes from: its address, of IPv6 the network that one subscriber has."""
    host = "" if request.client is None else request.client.host
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(int(address) >> 64) if isinstance(address, IPv6Address) else host


def _id_of(key: str) -> str:
    return key.partition("_")[2].partition("_")[0]
