"""Logs: JSON lines on standard error, also for the libraries; never a request's body.

What an exception says may hold what somebody sent (the DETAIL of a violated constraint, a key that is missing), so of
most of them only the type is told, and where it was raised.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import Any

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


def set_up_logging(level: str) -> None:
    """Let everything of `level` and above be written."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _process,
            structlog.processors.TimeStamper(fmt="iso", utc=False),
            _EXCEPTIONS,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.stdlib.add_log_level,
                _process,
                structlog.processors.TimeStamper(fmt="iso", utc=False),
                _EXCEPTIONS,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ]
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
