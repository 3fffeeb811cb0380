"""What can be the matter with a database, and what to do: for whoever asks, reads the log or types commands."""

from __future__ import annotations

import socket
from typing import Final, NamedTuple

import asyncpg


class Cause(NamedTuple):
    """What is the matter, in words of which "the database" is the subject; what to do; whether it takes a hand, so that
    waiting does not mend it.
    """

    says: str
    do: str
    by_hand: bool = False


_NEWER: Final = Cause("its schema is not this version's", "run `chiso migrate`", by_hand=True)
_AGAIN: Final = "try again, and see its log"
_USER: Final = "check user and database in CHISO_DATABASE__DSN, and pg_hba.conf"
_PASSWORD: Final = "check user and password in CHISO_DATABASE__DSN"  # noqa: S105 - words about one

READ_ONLY: Final = Cause(
    "it is read-only: a standby, or a primary that was told to be", "name the primary in CHISO_DATABASE__DSN"
)
POOLED: Final = Cause(
    "a pooler before it lends connections by transactions; it has to be by sessions, or connect past it",
    "set pool_mode = session, or name the database itself in CHISO_DATABASE__DSN",
)
STATEMENT: Final = Cause("it refused a statement", "see the log of the database")
SILENT: Final = Cause(
    "it does not answer in time", "check host and port in CHISO_DATABASE__DSN, and whether it is overloaded"
)
_LOST: Final = Cause("the connection was lost", _AGAIN)
_REFUSED: Final = Cause("nothing listens at its address", "start it, or check host and port in CHISO_DATABASE__DSN")
_AWAY: Final = Cause("it cannot be reached", "start it, or check host and port in CHISO_DATABASE__DSN")
_NO_HOST: Final = Cause("its host has no address", "check the host in CHISO_DATABASE__DSN", by_hand=True)
_UNREADABLE: Final = Cause(
    "its address cannot be read",
    "postgresql://user:password@host:5432/name, special letters as %XX, in CHISO_DATABASE__DSN",
    by_hand=True,
)

_BY_STATE: Final = {
    # By SQLSTATE or its class; https://www.postgresql.org/docs/current/errcodes-appendix.html
    "08": _LOST,
    "08P01": Cause(
        "it, or a pooler before it, does not understand what a connection begins with", "check CHISO_DATABASE__DSN"
    ),
    "25006": READ_ONLY,
    "26000": POOLED,
    "28": Cause("it refuses the user or the password", _USER, by_hand=True),
    "28P01": Cause("it refuses the password", _PASSWORD, by_hand=True),
    "3D": Cause("it has no database of this name", "create it, or check the name in CHISO_DATABASE__DSN", by_hand=True),
    "3F": _NEWER,
    "40": Cause("other transactions were in the way", "try again"),
    "42": STATEMENT._replace(by_hand=True),
    "42501": Cause("its user lacks a right", "see the grants in docs/operations.md", by_hand=True),
    "42P05": POOLED,
    "42703": _NEWER,
    "42P01": _NEWER,
    "53": Cause("it is short of resources", "see the log of the database"),
    "53100": Cause("its disk is full", "make room"),
    "53200": Cause("it is out of memory", "see the log of the database"),
    "53300": Cause("it has too many clients", "raise max_connections, or lower CHISO_DATABASE__*_CONNECTIONS"),
    "55": Cause("it cannot do this in the state it is in", "see the log of the database"),
    "55P03": Cause("what is needed is locked by others", "try again, and see pg_stat_activity"),
    "57": Cause("it is starting, stopping, or was told to end this", "wait for it"),
    "57014": Cause("it cancelled a statement: a timeout, or an operator", "try again, and see statement_timeout"),
    "57P03": Cause("it is starting or stopping", "wait for it"),
    "58": Cause("its system failed", "see the log of the database"),
    "F0": Cause("its configuration is broken", "see the log of the database"),
    "XX": Cause("it reports a fault of its own", "see the log of the database"),
}


def cause_of(error: BaseException) -> Cause:
    """What an error of a driver or the network says of the database."""
    sqlstate: str | None = getattr(error, "sqlstate", None)
    if sqlstate:
        return _BY_STATE.get(sqlstate) or _BY_STATE.get(sqlstate[:2]) or STATEMENT
    if isinstance(error, socket.gaierror):
        # A resolver that is away may come back.
        return _NO_HOST._replace(by_hand=error.errno != socket.EAI_AGAIN)
    # Of several addresses that all refuse asyncio makes one failure without a number.
    if isinstance(error, ConnectionRefusedError) or (
        isinstance(error, OSError) and "Connect call failed" in str(error)
    ):
        return _REFUSED
    return next((cause for kind, cause in _BY_TYPE if isinstance(error, kind)), _AWAY)


def in_detail(error: BaseException) -> str:
    """What an error says beyond its cause, in a line: the server's own message and code, the system's word; never an
    address, which may hold a password.
    """
    first = next(iter(str(error).splitlines()), type(error).__name__)
    if sqlstate := getattr(error, "sqlstate", None):
        return f" ({first}, SQLSTATE {sqlstate})"
    return f" ({getattr(error, 'strerror', None) or first})" if cause_of(error) in (_LOST, _AWAY) else ""


_BY_TYPE: Final = (
    (asyncpg.TargetServerAttributeNotMatched, READ_ONLY),
    (TimeoutError, SILENT),
    (ValueError, _UNREADABLE),
    (asyncpg.InterfaceError, _LOST),
)
