"""Logs: JSON lines on standard error, also for the libraries; never a request's body."""

from __future__ import annotations

import logging
import os
import sys

import structlog


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
            structlog.processors.format_exc_info,
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
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ]
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
