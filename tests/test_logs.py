"""Logs repeat nothing of what was sent, and what repeats is told once a minute."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

from app.logs import Repeated

FAILING = """
import asyncpg, logging, msgspec, structlog
from app.logs import set_up_logging

set_up_logging("INFO")


def violated():
    try:
        {}["001099012345"]
    except KeyError:
        fields = {"S": "ERROR", "C": "23505", "M": "duplicate key value violates unique constraint \\"life_pkey\\"",
                  "D": "Key (subject)=(001099012345) already exists.", "t": "life"}
        raise asyncpg.exceptions.PostgresError.new(fields)


def unreadable():
    raise asyncpg.exceptions.PostgresError.new({"C": "22P02", "M": "invalid input for type integer: 001099012345"})


def together():
    raise ExceptionGroup("both", [ValueError("001099012345"), ConnectionRefusedError("nobody listens")])


for fails in (violated, unreadable, together):
    try:
        fails()
    except Exception:
        structlog.get_logger("chiso").exception("failed")
        logging.getLogger("library").exception("failed")
"""


def test_what_an_exception_says_of_data_never_reaches_the_log() -> None:
    run = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, check=True)
    assert "001099012345" not in run.stderr
    told = [json.loads(line)["exception"] for line in run.stderr.splitlines()]
    assert len(told) == 6
    for each in told[:2]:
        assert 'UniqueViolationError 23505 duplicate key value violates unique constraint "life_pkey"' in each
        assert each.index("builtins.KeyError") < each.index("UniqueViolationError")
        assert "in violated" in each, "where it was raised is told"
    assert all(each.endswith("InvalidTextRepresentationError 22P02") for each in told[2:4])
    for each in told[4:]:
        assert "builtins.ValueError\n" in each
        assert each.endswith("builtins.ConnectionRefusedError: nobody listens")


def test_what_repeats_is_told_once_a_minute_with_how_often_it_was_left_out() -> None:
    now = 0.0
    repeated = Repeated(lambda error: "the database is away" if isinstance(error, OSError) else None, 60, lambda: now)
    written = []

    def say(level: int, message: str, error: BaseException | None = None) -> None:
        info = None if error is None else (type(error), error, None)
        record = logging.LogRecord("chiso", level, "here", 1, message, (), info)
        if repeated.filter(record):
            written.append((record.getMessage(), record.exc_info is not None))

    for _ in range(12):
        say(logging.WARNING, "interrupted", OSError("refused"))
        say(logging.WARNING, "interrupted", KeyError("a fault of ours"))
        say(logging.INFO, "folded")
        now += 5.5
    assert written[:3] == [("interrupted: the database is away", False), ("interrupted", True), ("folded", False)]
    assert [each for each in written[3:] if each[0] != "folded"] == [
        ("interrupted: the database is away (left out since: 10 times)", False),
        ("interrupted (left out since: 10 times)", True),
    ]
    assert len([each for each in written if each[0] == "folded"]) == 12
