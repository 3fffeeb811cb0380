"""Logs repeat nothing of what was sent, whatever an exception says."""

from __future__ import annotations

import json
import subprocess
import sys

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
