"""Since when the log of a root is whole, where what is older was dropped from it.

Figures do not need the log: lives hold their events whatever becomes of it, and so do receipts their keys. What needs
it is proof (`verify --deep`) and repair (`rebuild`). That something is missing is seen by the numbers, for each event
that was ever taken in has a receipt; since when nothing is missing is noted by whoever drops (drop.py), or follows from
the policy by which TimescaleDB does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.domain.calendar.civil import clock_of
from app.messages import Message
from app.store import engine
from app.store.connections.database import Connection
from app.store.retention import timescale

HOLD: Final = "LOCK TABLE event IN ACCESS SHARE MODE"
"""SQL: keeps every part of the log from being dropped until the transaction ends. As the first statement of a snapshot
it comes before it, so that what the snapshot says of the log's reach is what is there."""

_MISSING: Final = """
    SELECT (SELECT count(*) FROM receipt WHERE root_id = $1) - (SELECT count(*) FROM event WHERE root_id = $1)
"""
_NOTED: Final = "SELECT since FROM log_reach WHERE root_id = $1"
_NOTE: Final = """
    INSERT INTO log_reach (root_id, since) SELECT id, $1::timestamptz FROM root
    ON CONFLICT (root_id) DO UPDATE SET since = greatest(log_reach.since, excluded.since)
"""


@dataclass(frozen=True)
class Reach:
    """How far back a root's log reaches.

    Attributes:
        since: the instant (µs) from which on it is whole; None where nothing is known to have been dropped.
        missing: how many of the events that were taken in are not in it.
    """

    since: int | None
    missing: int


class LogCut(Exception):
    """A log that lacks events, so that nothing can be made anew from it."""

    def __init__(self, reach: Reach) -> None:
        super().__init__(
            Message(
                "{reach}, so facts and tallies cannot be made from it: nothing was changed; put back what is missing"
                " first (`docs/operations.md`, `The event log`)",
                "{reach}, nên không thể dựng dữ kiện và các bảng tổng từ đó: chưa thay đổi gì; hãy khôi phục phần thiếu"
                " trước (`docs/operations.md`, mục `The event log`)",
                reach=said(reach),
            )
        )


def said(reach: Reach) -> Message:
    """How far a log that lacks events reaches, in words."""
    if reach.since is None:
        return Message(
            "the log lacks {missing:,} of the events that were taken in",
            "nhật ký thiếu {missing:,} sự kiện đã tiếp nhận",
            missing=reach.missing,
        )
    return Message(
        "the log reaches back to {since} only and lacks {missing:,} older events",
        "nhật ký chỉ còn từ {since} và thiếu {missing:,} sự kiện cũ hơn",
        since=when(reach.since),
        missing=reach.missing,
    )


def when(instant: int) -> str:
    """An instant as people write it, to the minute, in civil time."""
    return f"{clock_of(instant):%Y-%m-%d %H:%M}"


async def since(connection: Connection, root_id: int) -> int | None:
    """The instant (µs) from which on nothing was dropped from the root's log; None where nothing ever was."""
    known = [await connection.fetchval(_NOTED, root_id)]
    if (await engine.detect(connection)).timescale is not None:
        known.append(await connection.fetchval(timescale.DROPPED_BY_POLICY))
    return max((each for each in known if each is not None), default=None)


async def of(connection: Connection, root_id: int) -> Reach:
    """How far the root's log reaches."""
    return Reach(await since(connection, root_id), max(0, await connection.fetchval(_MISSING, root_id)))


async def require_whole(connection: Connection, root_id: int) -> None:
    """Make sure that every event the root ever took in is in its log.

    Raises:
        LogCut: some are not.
    """
    found = await of(connection, root_id)
    if found.missing:
        raise LogCut(found)


async def note(connection: Connection, instant: int) -> None:
    """Note, for all roots, that what is older than an instant (µs) is dropped in this transaction."""
    await connection.execute(_NOTE, instant)
