"""Logs: JSON lines on standard error, also for the libraries; never a request's body.

What an exception says may hold what somebody sent (the DETAIL of a violated constraint, a key that is missing), so of
most of them only the type is told, and where it was raised.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, Final

import structlog

_WITHOUT_DATA = (OSError, AssertionError, RuntimeError, TypeError, AttributeError, ImportError)
"""What these say is about the program or its surroundings."""

_DATA_EXCEPTIONS = "22"
"""The class of SQLSTATEs whose messages repeat values."""


def _said(error: BaseException) -> str:
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str):
        # The first line is the message proper; after it come DETAIL and the like.
        message = str(error).partition("\n")[0] if not sqlstate.startswith(_DATA_EXCEPTIONS) else ""
        return f" {sqlstate} {message}".rstrip()
    return f": {error}" if isinstance(error, _WITHOUT_DATA) else ""


def told(error: BaseException) -> str:
    """An exception with where it was raised, and what it came of; nothing of what was sent."""
    parts: list[str] = []
    each: BaseException | None = error
    seen: set[int] = set()
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        kind = type(each)
        within = "".join(f"\n{told(one)}" for one in each.exceptions) if isinstance(each, BaseExceptionGroup) else ""
        frames = "".join(traceback.format_tb(each.__traceback__))
        parts.append(f"{frames}{kind.__module__}.{kind.__qualname__}{_said(each)}{within}")
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return "\n\nafter which:\n\n".join(reversed(parts))


def _exception(exc_info: Any) -> str:
    return told(exc_info[1]) if exc_info[1] is not None else ""


_EXCEPTIONS = structlog.processors.ExceptionRenderer(_exception)


def _process(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Which worker says it."""
    event["pid"] = os.getpid()
    return event


Plainly = Callable[[BaseException], str | None]
"""A failure in a line, where that says all there is to say."""


class Repeated(logging.Filter):
    """Lets the same warning or error through once a minute, with how many were left out: what fails in the background
    fails again at every turn. The same is what one place says of one kind of failure. What can be told plainly is told
    without its traceback.
    """

    def __init__(self, plainly: Plainly, seconds: float = 60, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._plainly, self._seconds, self._clock = plainly, seconds, clock
        self._told: dict[tuple[object, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if record.levelno < logging.WARNING:
            return True
        given = record.args if isinstance(record.args, tuple) else ()
        raised = record.exc_info[1] if record.exc_info else None
        plain = None if raised is None else self._plainly(raised)
        failures = [type(each) for each in (*given, raised) if isinstance(each, BaseException)]
        same = (record.name, record.levelno, record.msg, plain, *failures)
        now = self._clock()
        at, left_out = self._told.get(same, (-math.inf, 0))
        if now - at < self._seconds:
            self._told[same] = (at, left_out + 1)
            return False
        if len(self._told) >= _MOST_TOLD:
            del self._told[next(iter(self._told))]
        self._told[same] = (now, 0)
        if plain is not None:
            record.msg, record.args, record.exc_info = f"{record.getMessage()}: {plain}", (), None
        if left_out:
            record.msg, record.args = f"{record.getMessage()} (left out since: {left_out:,} times)", ()
        return True


_MOST_TOLD: Final = 1_000


def set_up_logging(level: str, plainly: Plainly = lambda error: None) -> None:
    """Let everything of `level` and above be written; failures of which `plainly` has a line without a traceback."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _process,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _EXCEPTIONS,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Repeated(plainly))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.stdlib.add_log_level,
                _process,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _EXCEPTIONS,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ]
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
