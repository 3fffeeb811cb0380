"""What is the matter with the database, in words for whoever operates it.

Whatever a server or the network says instead of doing what it was asked for ends as one of these: nothing was
acknowledged, and the same request may be sent again.
"""

from __future__ import annotations

import logging
import socket
import traceback
from typing import Final

import asyncpg

_log = logging.getLogger(__name__)


class DatabaseUnavailable(Exception):
    """The database did not do what it was asked for; nothing was acknowledged.

    Attributes:
        cause: what is the matter.
        sqlstate: the server's own code for it, where it said something.
    """

    def __init__(self, cause: str, sqlstate: str | None = None) -> None:
        super().__init__(cause if sqlstate is None else f"{cause} (SQLSTATE {sqlstate})")
        self.cause, self.sqlstate = cause, sqlstate


class Busy(DatabaseUnavailable):
    """Other transactions were in the way: the same one may simply be tried again."""


class Refused(DatabaseUnavailable):
    """The server refused a statement for what is in it; others may well be taken."""


class Overloaded(Exception):
    """No connection became free in time."""


SILENT: Final = "it does not answer in time"
READ_ONLY: Final = "it is read-only: a standby, or a primary that was told to be"
_LOST: Final = "the connection was lost"
POOLED: Final = "a pooler before it lends connections by transactions; it has to be by sessions, or connect past it"
_SHORT: Final = "it is short of resources"

_CAUSES: Final = {
    # By SQLSTATE or its class; https://www.postgresql.org/docs/current/errcodes-appendix.html
    "08": _LOST,
    "08P01": "it, or a pooler before it, does not understand what a connection begins with",
    "25006": READ_ONLY,
    "26000": POOLED,
    "28": "it refuses the user or the password",
    "28P01": "it refuses the password",
    "3D": "it has no database of this name",
    "3F": "its schema is not this version's: run chiso migrate",
    "40": "other transactions were in the way",
    "42501": "its user lacks a right",
    "42P05": POOLED,
    "42703": "its schema is not this version's: run chiso migrate",
    "42P01": "its schema is not this version's: run chiso migrate",
    "53": _SHORT,
    "53100": "its disk is full",
    "53200": "it is out of memory",
    "53300": "it has too many clients",
    "55": "it cannot do this in the state it is in",
    "55P03": "what is needed is locked by others",
    "57": "it is starting, stopping, or was told to end this",
    "57014": "it cancelled a statement: a timeout, or an operator",
    "57P03": "it is starting or stopping",
    "58": "its system failed",
    "F0": "its configuration is broken",
    "XX": "it reports a fault of its own",
}
_OF_STATEMENT: Final = "it refused a statement"
_BUSY: Final = ("40", "55P03")


def unavailable(error: BaseException) -> DatabaseUnavailable:
    """What an error of a driver or the network says of the database. Logged."""
    if isinstance(error, DatabaseUnavailable):
        return error
    found = _of(error)
    _tell(found, error)
    return found


def _of(error: BaseException) -> DatabaseUnavailable:
    sqlstate: str | None = getattr(error, "sqlstate", None)
    if sqlstate:
        cause = _CAUSES.get(sqlstate) or _CAUSES.get(sqlstate[:2]) or _OF_STATEMENT
        if sqlstate.startswith(_BUSY):
            return Busy(cause, sqlstate)
        return Refused(cause, sqlstate) if cause == _OF_STATEMENT else DatabaseUnavailable(cause, sqlstate)
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return DatabaseUnavailable(READ_ONLY)
    if isinstance(error, TimeoutError):
        return DatabaseUnavailable(SILENT)
    if isinstance(error, ConnectionRefusedError):
        return DatabaseUnavailable("nothing listens at its address")
    if isinstance(error, socket.gaierror):
        return DatabaseUnavailable("its host has no address")
    if isinstance(error, asyncpg.InterfaceError):
        return DatabaseUnavailable(_LOST)
    return DatabaseUnavailable("it cannot be reached")


def _tell(found: DatabaseUnavailable, error: BaseException) -> None:
    """Log a cause; where a statement is at fault, also from where it was sent.

    Never what the server says in detail, which can repeat values. By a logger of its own, so that what repeats is left
    out (app.logs) cause by cause.
    """
    if isinstance(found, Busy):
        # Tried again; if that does not help, Overloaded is told.
        return
    where = "".join(traceback.format_tb(error.__traceback__)[-4:]) if isinstance(found, Refused) else ""
    log = _log.getChild(found.sqlstate or found.cause)
    log.warning("the database: %s (%s)%s", found, type(error).__name__, where and f"\n{where}")
