"""What is the matter with the database, in words for whoever operates it.

Whatever a server or the network says instead of doing what it was asked for ends as one of these: nothing was
acknowledged, and the same request may be sent again.
"""

from __future__ import annotations

import logging
import traceback
from typing import Final

from app.messages import Message
from app.store.connections.causes import STATEMENT, Cause, cause_of

_log = logging.getLogger(__name__)


class DatabaseUnavailable(Exception):
    """The database did not do what it was asked for; nothing was acknowledged.

    Attributes:
        cause: what is the matter.
        told: the cause, with the server's own code for it.
        sqlstate: the server's own code for it, where it said something.
    """

    def __init__(self, cause: Cause | Message, sqlstate: str | None = None) -> None:
        self.cause, self.sqlstate = cause.says if isinstance(cause, Cause) else cause, sqlstate
        self.told = self.cause
        if sqlstate is not None:
            self.told = Message(
                "{cause} (SQLSTATE {state})", "{cause} (SQLSTATE {state})", cause=self.cause, state=sqlstate
            )
        super().__init__(self.told)


class Busy(DatabaseUnavailable):
    """Other transactions were in the way: the same one may simply be tried again."""


class Refused(DatabaseUnavailable):
    """The server refused a statement for what is in it; others may well be taken."""


class Overloaded(Exception):
    """No connection became free in time."""


_BUSY: Final = ("40", "55P03")
_OPENING: Final = "relation_open"
"""The server's own function that finds a table gone between its being planned with and being opened, and says XX000: a
chunk of the log that is dropped, by us or by TimescaleDB's policy, while events go into it."""


def unavailable(error: BaseException) -> DatabaseUnavailable:
    """What an error of a driver or the network says of the database. Logged."""
    if isinstance(error, DatabaseUnavailable):
        return error
    found = _of(error)
    _tell(found, error)
    return found


def _of(error: BaseException) -> DatabaseUnavailable:
    cause, sqlstate = cause_of(error), getattr(error, "sqlstate", None)
    if sqlstate and (sqlstate.startswith(_BUSY) or getattr(error, "server_source_function", None) == _OPENING):
        return Busy(cause, sqlstate)
    return (Refused if cause.says == STATEMENT.says else DatabaseUnavailable)(cause, sqlstate)


def _tell(found: DatabaseUnavailable, error: BaseException) -> None:
    """Log a cause; where a statement is at fault, also from where it was sent.

    Never what the server says in detail, which can repeat values. By a logger of its own, so that what repeats is left
    out (app.logs) cause by cause.
    """
    if isinstance(found, Busy):
        # Tried again; if that does not help, Overloaded is told.
        return
    where = "".join(traceback.format_tb(error.__traceback__)[-4:]) if isinstance(found, Refused) else ""
    log = _log.getChild(found.sqlstate or found.cause.en)
    log.warning("the database: %s (%s)%s", found, type(error).__name__, where and f"\n{where}")
