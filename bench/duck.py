"""DuckDB over the raw events: what asking the log itself costs, with nothing prepared."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from bench.targets import Missing

# A life is read as it happened: duplicates and retracted events out, the last word on each thing counts.
_DOSSIERS: Final = """
    WITH once AS (
        SELECT source, id, any_value(type) AS type, any_value(subject) AS subject, any_value(unit) AS unit,
               any_value(data) AS data, any_value(CAST(substr(time, 1, 19) AS TIMESTAMP)) AS happened,
               CAST(regexp_extract(id, '[0-9]+$') AS INTEGER) AS line
        FROM events GROUP BY source, id
    ), gone AS (
        SELECT DISTINCT json_extract_string(data, '$.id') AS id FROM once WHERE type = 'event.retracted'
    ), told AS (
        SELECT *, happened + to_microseconds(line) AS moment FROM once
        WHERE type LIKE 'dossier.%' AND id NOT IN (SELECT id FROM gone)
    ), dossiers AS (
        SELECT subject,
               arg_max(json_extract_string(data, '$.channel'), moment) FILTER (type = 'dossier.received') AS channel,
               arg_max(happened, moment) FILTER (type = 'dossier.received') AS received,
               arg_max(json_extract_string(data, '$.due_at'), moment)
                   FILTER (type IN ('dossier.received', 'dossier.due_changed')) AS due,
               min(happened) FILTER (type IN ('dossier.completed', 'dossier.returned')) AS ended,
               bool_or(type = 'dossier.voided') AS voided,
               arg_max(unit, moment) AS unit
        FROM told GROUP BY subject
    )
"""
_DUE: Final = "CAST(substr(due, 1, 10) AS DATE)"


class Raw:
    """The events in a DuckDB of the run. Written as lines first, read in once."""

    def __init__(self, folder: Path) -> None:
        try:
            import duckdb
        except ImportError:
            raise Missing("duckdb is not installed; it is among the development dependencies") from None
        self._file = folder / "events.ndjson"
        self._stream = self._file.open("wb")
        self._connection: Any = duckdb.connect(str(folder / "events.duckdb"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._connection.close()

    def add(self, lines: list[bytes]) -> None:
        """More events."""
        self._stream.write(b"\n".join(lines) + b"\n")

    @property
    def ready(self) -> bool:
        """Whether the events were read in, now or by an earlier run in this folder."""
        found = self._connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'events'").fetchone()
        return bool(found[0])

    def load(self) -> None:
        """Read the lines in."""
        self._stream.flush()
        columns = dict.fromkeys(("source", "id", "type", "subject", "time", "unit"), "VARCHAR") | {"data": "JSON"}
        self._connection.execute("DROP TABLE IF EXISTS events")
        self._connection.execute(
            "CREATE TABLE events AS SELECT * FROM read_json(?, format = 'newline_delimited', columns = "
            + "{"
            + ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
            + "})",
            [str(self._file)],
        )
        self._stream.truncate(0)

    def counts(self, first: date, last: date) -> list[int]:
        """Received, by channel (online, counter, postal), done early, done late by calendar day."""
        return [int(each) for each in self._ask(first, last, "")[0]]

    def by_unit(self, first: date, last: date) -> int:
        """The same by unit, for the time it takes; how many rows."""
        return len(self._ask(first, last, "unit"))

    def _ask(self, first: date, last: date, group: str) -> list[tuple[Any, ...]]:
        after = last + timedelta(days=1)
        received = f"received >= TIMESTAMP '{first}' AND received < TIMESTAMP '{after}'"
        ended = f"ended >= TIMESTAMP '{first}' AND ended < TIMESTAMP '{after}'"
        parts = [received, *(f"{received} AND channel = '{each}'" for each in ("online", "counter", "postal"))]
        parts += [f"{ended} AND CAST(ended AS DATE) < {_DUE}", f"{ended} AND CAST(ended AS DATE) > {_DUE}"]
        columns = [*([group] if group else []), *(f"count(*) FILTER ({part})" for part in parts)]
        rows: list[tuple[Any, ...]] = self._connection.execute(
            f"{_DOSSIERS} SELECT {', '.join(columns)} FROM dossiers WHERE received IS NOT NULL AND NOT voided"
            + (f" GROUP BY {group}" if group else "")
        ).fetchall()
        return rows
