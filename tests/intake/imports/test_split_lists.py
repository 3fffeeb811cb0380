"""Lists of what a split has moved: what a row says, and why it is refused."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from app.domain.calendar.civil import day_number
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues.root import Catalogues, Procedure, Unit
from app.domain.codes import UnitCode
from app.domain.lives.moving import Move
from app.domain.push import Rejected
from app.intake.imports.split import read

from .workbook import saved, workbook

JUNE = day_number(date(2026, 6, 1))
CATALOGUES = Catalogues(
    1,
    "H44",
    1,
    {code: Unit(number, code, aliases=old) for number, (code, old) in enumerate(
        {"H44.131": ("000.00.31.H44",), "H44.140": (), "H44.14": ()}.items(), 1
    )},
    {"1.000001": Procedure(1, "1.000001")},
    Calendar(frozenset(), frozenset()),
    {},
    [],
    "",
)  # fmt: skip


def told(content: Any) -> list[Move | Rejected]:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    with saved(data) as path:
        rows, places, _, _ = read(path, CATALOGUES, day_number(date(2026, 11, 23)))
    assert len(rows) == len(places)
    return rows


def test_a_table_and_json_say_the_same() -> None:
    table = workbook(
        ["Từ đơn vị", "Đến đơn vị", "Từ ngày", "Mã TTHC", "Mã hồ sơ"],
        ["000.00.31.H44", "H44.140", "1/6/2026", "1.000001.000.00.00.H44", None],
        ["H44.131", "H44.14", "2026-06-01", None, "H44.131-260105-0001"],
    )
    rows = [
        {"from": "H44.131", "to": "H44.140", "since": "2026-06-01", "procedure": "1.000001"},
        {"from": "H44.131", "to": "H44.14", "since": "2026-06-01", "dossier": "H44.131-260105-0001"},
    ]
    expected = [
        Move(UnitCode("H44.131"), UnitCode("H44.140"), JUNE, procedure="1.000001"),
        Move(UnitCode("H44.131"), UnitCode("H44.14"), JUNE, dossier="H44.131-260105-0001"),
    ]
    assert told(table) == told(rows) == expected


SOUND = {"from": "H44.131", "to": "H44.140", "since": "2026-06-01", "procedure": "1.000001"}


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"from": "H44.99"}, "unknown_unit", "from"),
        ({"to": "H44.1"}, "unknown_unit", "to"),
        ({"to": "000.00.31.H44"}, "invalid_value", "to"),
        ({"since": "2026-11-24"}, "future_time", "since"),
        ({"since": None}, "invalid_value", "since"),
        ({"since": "hôm qua"}, "invalid_value", "since"),
        ({"procedure": "1.000002"}, "invalid_value", "procedure"),
        ({"procedure": "TS_lop1"}, "invalid_code", "procedure"),
        ({"procedure": None}, "invalid_value", "dossier"),
        ({"dossier": "H44.131-260105-0001"}, "invalid_value", "dossier"),
    ],
)
def test_a_row_that_cannot_be_says_why(wrong: dict[str, Any], code: str, field: str) -> None:
    (row,) = told([SOUND | wrong])
    assert isinstance(row, Rejected)
    assert (row.code, row.field) == (code, field)


def test_the_same_is_not_listed_twice() -> None:
    first, second = told([SOUND, SOUND | {"to": "H44.14"}])
    assert isinstance(first, Move)
    assert isinstance(second, Rejected)
    assert (second.index, second.code, second.field) == (1, "invalid_value", "procedure")
