"""What becomes of the events of a push, by rules that need no database."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.domain.calendar.civil import Day, Instant, day_of
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues.root import Catalogues, Procedure, Unit
from app.domain.codes import ProcedureCode, UnitCode
from app.domain.judging import Item, also_wrong, decide, judged, outcome_of, refuse_unfit
from app.domain.lives.events import AnyHappening, DossierCompleted, DossierReceived, DossierTransferred, Event
from app.domain.push import MOST_FAULTS, Parsed, Rejected
from app.intake.cloudevents import parse
from app.messages import BEYOND_KEY

NOW = 1_767_575_520_000_000
MINUTE = 60_000_000


def catalogues() -> Catalogues:
    units = [
        Unit(id=n, code=code, aliases=aliases)
        for n, (code, aliases) in enumerate([("H44", ()), ("H44.07", ("H44.OLD",)), ("H44.08", ())], start=1)
    ]
    valid = Procedure(id=1, code="1.004555", valid_to=Day(day_of(Instant(NOW)) + 1))
    gone = Procedure(id=2, code="1.000001", valid_to=Day(day_of(Instant(NOW)) - 1))
    return Catalogues(
        root_id=1,
        root="H44",
        revision=1,
        units={unit.code: unit for unit in units},
        procedures={each.code: each for each in (valid, gone)},
        calendar=Calendar(frozenset(), frozenset()),
        targets={},
        externals=[],
        digest="",
    )


CATALOGUES = catalogues()
UNKNOWN = "the procedure is not in the catalogue; counted with default attributes until it is"


def parsed(
    number: int = 0,
    what: AnyHappening | None = None,
    unit: str = "H44.07",
    time: int = NOW,
    content: bytes = b"0123456789abcdef",
) -> Parsed:
    what = what if what is not None else DossierCompleted()
    event = Event(Instant(time), "/h44/thu", f"id{number}", UnitCode(unit), what)
    return Parsed(number, "H44.07-260105-0001", event, content)


def judge(each: Parsed, reach: str = "H44") -> Item:
    return judged(each, each.event.id.encode(), reach, CATALOGUES, NOW)


@pytest.mark.parametrize(
    ("arrived", "reach", "found"),
    [
        (parsed(), "H44", None),
        (parsed(), "H44.07", None),
        (parsed(), "H44.08", ("forbidden_unit", "unit", True)),
        (parsed(unit="H44.99"), "H44.08", ("forbidden_unit", "unit", False)),
        (parsed(unit="H44.99"), "H44", ("unknown_unit", "unit", False)),
        (parsed(time=NOW + 10 * MINUTE), "H44", None),
        (parsed(time=NOW + 10 * MINUTE + 1), "H44", ("future_time", "time", False)),
        (parsed(what=DossierTransferred(UnitCode("H44.08"))), "H44", None),
        (parsed(what=DossierTransferred(UnitCode("H44.99"))), "H44", ("unknown_unit", "data.to", False)),
    ],
)
def test_what_key_catalogues_and_clock_say(arrived: Parsed, reach: str, found: tuple[str, str, bool] | None) -> None:
    item = judge(arrived, reach)
    told = (item.fault.code, item.fault.field, item.forbidden) if item.fault is not None else None
    assert told == found


def test_an_event_stands_in_its_life_under_codes_not_aliases() -> None:
    assert judge(parsed(unit="H44.OLD")).event.unit == "H44.07"
    moved = judge(parsed(what=DossierTransferred(UnitCode("H44.OLD"))))
    assert moved.event.what == DossierTransferred(UnitCode("H44.07"))
    # As it was told, it is told back.
    refused = judge(parsed(unit="H44.OLD"), "H44.08")
    assert refused.fault == Rejected(0, "id0", "/h44/thu", "forbidden_unit", "unit", BEYOND_KEY)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("1.004555", None),
        ("1.000001", "the procedure was not valid on that day; counted all the same"),
        ("9.999999", UNKNOWN),
        ("1.0045551", UNKNOWN),
        ("1.0045550", f"{UNKNOWN}; likely 1.004555 is meant, which is in the catalogue"),
        ("1.00001", f"{UNKNOWN}; likely 1.000010 is meant, six digits after the point"),
    ],
)
def test_a_procedure_that_is_unknown_or_not_valid_is_a_warning(code: str, says: str | None) -> None:
    warning = judge(parsed(what=DossierReceived(ProcedureCode(code), "online"))).warning
    assert (warning.detail.en if warning is not None else None) == says


def test_all_that_catalogues_and_clock_find_is_told_at_once() -> None:
    to = DossierTransferred(UnitCode("h44.8"))
    item = judge(parsed(unit="H44-07", what=to, time=NOW + 11 * MINUTE), "H44-07")
    assert item.fault is not None
    assert [(each.code, each.field) for each in item.fault.faults] == [
        ("unknown_unit", "unit"), ("future_time", "time"), ("unknown_unit", "data.to"),
    ]  # fmt: skip
    assert item.fault.in_full.en.endswith(
        "; also data.to: no unit of this root has this code or alias; likely H44.08 is meant"
    )
    assert "likely" not in item.fault.in_full_plainly.en


def test_the_unit_that_was_likely_meant_is_one_within_reach() -> None:
    near, far = judge(parsed(unit="h44.07"), "H44.07"), judge(parsed(unit="h44.07"), "H44.08")
    assert near.fault is not None and far.fault is not None
    assert near.fault.detail.en == "the key does not reach this unit; likely H44.07 is meant"
    assert far.fault.detail.en == "the key does not reach this unit"


OTHER = b"another content."
SAME = b"0123456789abcdef"


@pytest.mark.parametrize(
    ("receipts", "taken_in", "found", "recalled"),
    [
        ({}, {}, "accepted", set()),
        ({b"id0": SAME}, {}, "duplicate", set()),
        ({b"id0": OTHER}, {}, "conflict", set()),
        ({}, {b"id0": SAME}, "duplicate", {b"id0"}),
        ({}, {b"id0": OTHER}, "conflict", {b"id0"}),
        # The database has it by now: nothing rests on the batch before.
        ({b"id0": SAME}, {b"id0": SAME}, "duplicate", set()),
    ],
)
def test_what_was_taken_in_before_is_a_duplicate_or_a_conflict(
    receipts: dict[bytes, bytes], taken_in: dict[bytes, bytes], found: str, recalled: set[bytes]
) -> None:
    item = judge(parsed())
    assert decide([item], receipts, taken_in) == recalled
    assert (item.fault.code if item.fault is not None else item.outcome) == found


def test_within_a_batch_the_first_of_an_id_counts() -> None:
    items = [judge(parsed()), judge(parsed()), judge(parsed(content=OTHER))]
    decide(items, {}, {})
    assert [each.outcome for each in items] == ["accepted", "duplicate", "refused"]


def test_a_fault_does_not_hide_a_duplicate_but_a_unit_out_of_reach_does() -> None:
    gone, out_of_reach = judge(parsed(unit="H44.99")), judge(parsed(), "H44.08")
    decide([gone, out_of_reach], {b"id0": SAME}, {})
    assert [each.outcome for each in (gone, out_of_reach)] == ["duplicate", "refused"]
    # A key that does not reach the unit is not told that the id is taken.
    unknown = judge(parsed(unit="H44.99"), "H44.08")
    decide([unknown], {b"id0": OTHER}, {})
    assert unknown.fault is not None
    assert unknown.fault.code == "forbidden_unit"


def test_what_does_not_fit_is_refused_with_its_copies() -> None:
    items = [judge(parsed(0)), judge(parsed(1)), judge(parsed(1))]
    decide(items, {}, {})
    refuse_unfit(items, {b"id1"})
    assert [each.outcome for each in items] == ["accepted", "refused", "refused"]
    outcome = outcome_of(items)
    assert (outcome.accepted, outcome.duplicates) == (1, 0)
    assert [(each.index, each.code, each.field) for each in outcome.errors] == [
        (1, "life_too_long", "subject"),
        (1, "life_too_long", "subject"),
    ]
    assert (outcome.accepted_types, outcome.duplicate_types) == ({"dossier.completed": 1}, {})


def refused_of(**changes: Any) -> Rejected:
    """What the intake refuses: an event with something wrong with it, and whatever else."""
    sent = {
        "specversion": "1.0", "id": "x", "source": "/h44/thu", "type": "dossier.transferred", "subject": "H44-1",
        "time": "2026-01-05T01:00:00Z", "unit": "H44.07", "data": {"to": "H44.08", "x": 1},
    }  # fmt: skip
    [item] = parse(json.dumps(sent | changes).encode(), "application/json", {}).items
    assert isinstance(item, Rejected)
    return item


def also(item: Rejected, reach: str = "H44") -> list[tuple[str, str | None]]:
    return [(each.code, each.field) for each in also_wrong(item, reach, CATALOGUES, NOW).faults]


def test_what_is_refused_by_its_shape_is_told_of_catalogues_and_clock_too() -> None:
    shape, late = ("unknown_field", "data.x"), {"time": "2030-01-05T08:00:00Z"}
    assert also(refused_of()) == [shape]
    assert also(refused_of(unit="H44.99", **late, data={"to": "H44.98", "x": 1})) == [
        shape, ("unknown_unit", "unit"), ("future_time", "time"), ("unknown_unit", "data.to"),
    ]  # fmt: skip
    assert also(refused_of(unit="H44.OLD")) == [shape]
    # What could not be read is told once; nothing more is known of it.
    assert also(refused_of(unit="", time="now", data={"to": 5})) == [
        ("invalid_event", "time"), ("invalid_event", "unit"), ("invalid_value", "data.to"),
    ]  # fmt: skip
    assert also(Rejected(0, None, None, "invalid_json", None, BEYOND_KEY)) == [("invalid_json", None)]


def test_a_unit_beyond_the_key_is_told_as_such_whether_it_exists_or_not() -> None:
    late = {"time": "2030-01-05T08:00:00Z", "data": {"to": "H44.98", "x": 1}}
    for unit in ("H44.07", "H44.99"):
        item = also_wrong(refused_of(unit=unit, **late), "H44.08", CATALOGUES, NOW)
        assert [(each.code, each.field) for each in item.faults] == [
            ("unknown_field", "data.x"), ("forbidden_unit", "unit"),
        ]  # fmt: skip
        assert item.in_full.en.endswith("; also unit: the key does not reach this unit")


def test_no_more_faults_are_told_than_there_is_room_for() -> None:
    item = refused_of(unit="H44.99", data={f"x{n}": n for n in range(20)})
    assert len(also_wrong(item, "H44", CATALOGUES, NOW).faults) == MOST_FAULTS
