"""Today's way beside the service: Q1-Q6 over current-state tables, with equal counts first, and what they cost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import httpx
import psycopg

from app.demo import province
from bench import queries
from bench.current import SCHEMA, TUNED_INDEXES
from bench.duck import Raw
from bench.history import History
from bench.queries import Port
from bench.read import Asker, Question
from bench.read import questions as known_questions
from bench.results import Equal, Sql, Timing, timing

YEAR: Final = (date(2026, 1, 1), date(2026, 12, 31))
QUARTER: Final = (date(2026, 4, 1), date(2026, 6, 30))
MONTH: Final = (date(2026, 5, 1), date(2026, 5, 31))
_PREFIX: Final = "H44.1"
_Q6_UNITS: Final = 20
_MOST: Final = 200
Say = Callable[[str], None]


@dataclass(frozen=True)
class _Asked:
    """A query in its two ports, and the service's addresses for the same question."""

    name: str
    span: tuple[date, date]
    statements: Callable[[Port], Sequence[str]]
    paths: tuple[tuple[str, str], ...]


def _all() -> list[_Asked]:
    root, units = province.ROOT, [unit for unit, level in province.levels().items() if level != "province"]
    breakdown = f"/v1/breakdown?unit={root}&by=unit&indicator="
    return [
        _Asked(
            "Q1 progress, province, month",
            MONTH,
            lambda port: [queries.q1(port)],
            (
                ("breakdown by unit, on time, month", f"{breakdown}DOSSIER_ON_TIME&period=2026-05"),
                ("scorecard, province, month", f"/v1/scorecard?unit={root}&period=2026-05"),
            ),
        ),
        _Asked(
            "Q2 progress, one prefix, month",
            MONTH,
            lambda port: [queries.q1(port, _PREFIX)],
            (("breakdown by unit, on time, month", f"{breakdown}DOSSIER_ON_TIME&period=2026-05"),),
        ),
        _Asked(
            "Q3 online, quarter",
            QUARTER,
            lambda port: [queries.q3(port)],
            (("breakdown by unit, online, quarter", f"{breakdown}ONLINE_DOSSIERS&period=2026-Q2"),),
        ),
        _Asked(
            "Q4 digitisation, province, year",
            YEAR,
            lambda port: [queries.q4(port)],
            (
                ("breakdown by unit, digitised, year", f"{breakdown}SO_HOA_GIAY_TO_GIAI_QUYET&period=2026"),
                ("scorecard, province, year", f"/v1/scorecard?unit={root}&period=2026"),
            ),
        ),
        _Asked(
            "Q5 payment, year",
            YEAR,
            lambda port: [queries.q5(port)],
            (("breakdown by unit, paid, year", f"{breakdown}PAYMENT_DOSSIERS&period=2026"),),
        ),
        _Asked(
            "Q6 one agency, month (of 164 × 18)",
            MONTH,
            lambda port: [queries.q6(port, unit) for unit in units[:_Q6_UNITS]],
            (("scorecard, commune, month", "/v1/scorecard?unit=H44.103&period=2026-05"),),
        ),
    ]


def compare(history: History, raw: Raw | None) -> list[Equal]:
    """Counts of the year and of a month as every side has them."""
    found = []
    with history.chiso.serving(), psycopg.connect(history.chiso.dsn) as connection:
        for label, span in (("2026", YEAR), ("2026-05", MONTH)):
            sides = {f"sql {port.name}": _row(connection, queries.counts(port)) for port in _ports(span)}
            if raw is not None:
                sides["duckdb"] = raw.counts(*span)
            balance = _balance(history, label)
            # In the order of the channels everywhere: online, counter, postal.
            sides["chiso"] = [balance["received"], *(balance[f"received_{c}"] for c in ("online", "counter", "postal"))]
            sides["chiso"] += _row(connection, queries.facts(Port(*span, tuned=True)))
            names = ("received", "online", "counter", "postal", "done early by day", "done late by day")
            found += [
                Equal(f"{label} {name}", {side: counts[number] for side, counts in sides.items()})
                for number, name in enumerate(names)
            ]
    return found


def _ports(span: tuple[date, date]) -> tuple[Port, Port]:
    return Port(*span, tuned=False), Port(*span, tuned=True)


def _row(connection: psycopg.Connection[Any], statement: str) -> list[int]:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return [int(each) for each in row]


def _balance(history: History, period: str) -> dict[str, int]:
    url = f"http://127.0.0.1:{history.chiso.port}/v1/scorecard"
    with httpx.Client(headers=history.chiso.headers(), verify=False, timeout=60) as client:  # noqa: S501  loopback
        answer = client.get(url, params={"unit": province.ROOT, "period": period}).raise_for_status()
    balance: dict[str, int] = answer.json()["balance"]
    return balance


@contextlib.contextmanager
def _tuned(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """The tuned port's indexes within the block only: the literal port must not have them."""
    for name, on in TUNED_INDEXES.items():
        connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {SCHEMA}.{on}".encode())
    connection.execute(f"ANALYZE {SCHEMA}.ho_so".encode())
    try:
        yield
    finally:
        for name in TUNED_INDEXES:
            connection.execute(f"DROP INDEX {SCHEMA}.{name}".encode())


def run(
    history: History, raw: Raw | None, only: Sequence[str], seconds: float, say: Say
) -> tuple[list[Sql], list[Equal]]:
    """Time the queries of the two ports, DuckDB, and the service; the two ports' rows must be the same."""
    asked = [each for each in _all() if each.name[:2] in only]
    timed: dict[tuple[str, str], tuple[Timing, int]] = {}
    rows: dict[tuple[str, str], list[Any]] = {}
    with psycopg.connect(history.chiso.dsn, autocommit=True) as connection:
        for tuned in (False, True):
            with _tuned(connection) if tuned else contextlib.nullcontext():
                for each in asked:
                    port = Port(*each.span, tuned=tuned)
                    say(f"{each.name}, {port.name}")
                    statements = each.statements(port)
                    rows[each.name, port.name] = [connection.execute(s.encode()).fetchall() for s in statements]
                    timed[each.name, port.name] = _timed(
                        lambda s: len(connection.execute(s.encode()).fetchall()), statements, seconds
                    )
    if raw is not None:
        for each in asked:
            if each.name[:2] == "Q1":
                say(f"{each.name}, duckdb over the raw events")
                timed[each.name, "duckdb"] = _timed(lambda span: raw.by_unit(*span), [each.span], seconds)
    found = []
    with history.chiso.serving():
        asker = Asker(history.chiso, seconds)
        for each in asked:
            found += _compared(each, timed, asker)
    same = [Equal(f"{e.name}: rows of both ports", _digests(rows, e.name)) for e in asked]
    return found, same


def _timed(ask: Callable[[Any], int], statements: Sequence[Any], seconds: float) -> tuple[Timing, int]:
    """Each in turn until the time is over, every one three times at least; rows of one."""
    took: list[float] = []
    size, ends = 0, time.monotonic() + seconds
    while len(took) < 3 * len(statements) or (time.monotonic() < ends and len(took) < _MOST):
        began = time.perf_counter()
        size = ask(statements[len(took) % len(statements)])
        took.append(time.perf_counter() - began)
    return timing(took), size


def _compared(asked: _Asked, timed: dict[tuple[str, str], tuple[Timing, int]], asker: Asker) -> list[Sql]:
    """The query's times beside the service's for the same question, computed anew for each answer."""
    units = known_questions()[2].units if "H44.103" not in asked.paths[0][1] else ("H44.103",)
    found = []
    for name, path in asked.paths:
        ours = asker.ask(Question(name, path, units), "changed")
        p50 = ours.timing.p50 if ours.timing else None
        for (query, port), (its, rows) in timed.items():
            if query == asked.name:
                told = f"{name}: {p50:.2f} ms" if p50 else f"{name}: {ours.missing}"
                ratio = round(its.p50 / p50, 1) if p50 else None
                found.append(Sql(query, port, its, rows, told, ratio))
    return found


def _digests(rows: dict[tuple[str, str], list[Any]], name: str) -> dict[str, int]:
    """How many rows both ports gave when they are the same, else a number that tells them apart."""
    found = {port: rows[name, port] for port in ("literal", "tuned")}
    if found["literal"] == found["tuned"]:
        return {port: sum(map(len, each)) for port, each in found.items()}
    return {port: hash(str(each)) % 10**9 for port, each in found.items()}
