"""All faults of an event are found at once, with what was likely meant, and can be told without what was sent."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from app.domain.push import MOST_FAULTS, Rejected
from app.intake.cloudevents import parse
from tests.intake.sample import MANY, event, of_type, outcome


def refused(sent: Any) -> Rejected:
    item = outcome(sent)
    assert isinstance(item, Rejected)
    return item


def test_every_attribute_and_field_at_fault_is_named_the_first_first() -> None:
    item = refused(
        event(specversion="2", id="", subject=7, time="now", unit=..., type="dossier.paid", data={"amount": -1, "x": 1})
    )
    assert [(each.code, each.field) for each in item.faults] == [
        ("invalid_event", "specversion"), ("invalid_event", "id"), ("invalid_event", "subject"),
        ("invalid_event", "time"), ("invalid_event", "unit"), ("unknown_field", "data.x"),
        ("invalid_value", "data.amount"), ("invalid_value", "data.via"),
    ]  # fmt: skip
    assert (item.code, item.field) == ("invalid_event", "specversion")
    assert item.in_full.en.startswith("expected \"1.0\", not '2'; also id: must not be empty; also subject: ")


def test_faults_are_told_up_to_a_number_whatever_is_sent() -> None:
    began = time.perf_counter()
    item = refused(event(type="dossier.received", data={f"x{n}": n for n in range(20_000)}))
    assert time.perf_counter() - began < 1
    assert len(item.faults) == MOST_FAULTS
    assert len(item.in_full.en) < 3_000


@pytest.mark.parametrize(
    ("kind", "likely"),
    [
        ("dossier.recieved", "dossier.received"),
        ("Dossier.Received", "dossier.received"),
        (" dossier.received", "dossier.received"),
        ("dossier.return", "dossier.returned"),
        ("petition.answer", "petition.answered"),
        ("something.else", None),
        ("x" * 1_000_000, None),
    ],
)
def test_a_type_that_was_likely_meant_is_named(kind: str, likely: str | None) -> None:
    item = refused(event(type=kind))
    assert (item.code, item.field) == ("unknown_type", "type")
    assert item.detail.en.endswith(f"; likely {likely} is meant") if likely else "likely" not in item.detail.en


@pytest.mark.parametrize(
    ("key", "likely"),
    [("Procedure", "procedure"), ("chanel", "channel"), ("dueAt", "due_at"), ("due-at", "due_at"), ("name", None)],
)
def test_a_field_that_was_likely_meant_is_named(key: str, likely: str | None) -> None:
    item = refused(of_type("dossier.received", **{key: 1}))
    assert item.detail.en.endswith(f"; likely {likely} is meant") if likely else "likely" not in item.detail.en


def test_a_whole_batch_of_types_that_nobody_knows_costs_seconds_at_most() -> None:
    lines = ",".join(f'{{"type":"dossier.recei{n:04}"}}' for n in range(10_000))
    began = time.perf_counter()
    assert len(parse(f"[{lines}]".encode(), MANY, {}).items) == 10_000
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize("secret", ["Lan Anh", "x y 12", "1.2.3.4"])
@pytest.mark.parametrize(
    "field", ["specversion", "type", "time", "unit", "datacontenttype", "data", "procedure", "channel", "due_at", "fee"]
)
def test_a_fault_can_be_told_without_what_was_sent(field: str, secret: str) -> None:
    sent = of_type(
        "dossier.received", **({field: secret} if field in ("procedure", "channel", "due_at", "fee") else {})
    )
    item = refused((sent if field in sent["data"] else sent | {field: secret}) | {"specversion": "2"})
    assert secret not in item.in_full_plainly.en
    assert item.in_full_plainly.en


def test_a_time_that_is_none_comes_with_an_example() -> None:
    example = "2026-01-05T08:12:00+07:00"
    for wrong in (..., "now", 5, "2026-01-05 08:00", "1999-01-01T00:00:00Z"):
        assert example in refused(event(time=wrong)).detail.en
    for wrong in ("now", "1999-01-01T00:00:00Z"):
        assert example in refused(of_type("dossier.received", due_at=wrong)).detail.en


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("1e16", "10000000000000000"),
        ("1e40", "a huge number"),
        ("1e999", "a huge number"),
        ("-1.0", "-1"),
        ("1.5", "a fraction"),
        ("9" * 400, "a huge number"),
    ],
)
def test_a_number_out_of_range_is_told_as_the_number_that_it_is(value: str, told: str) -> None:
    text = json.dumps(of_type("dossier.digitised", components="@")).replace('"@"', value)
    [item] = parse(text.encode(), "application/json", {}).items
    assert isinstance(item, Rejected)
    assert item.in_full.en == f"expected a whole number from 0 to 100000, not {told}"


def test_a_day_or_time_that_does_not_exist_is_called_so() -> None:
    for wrong in ("2026-02-30T08:00:00+07:00", "2026-01-05T25:00:00Z"):
        assert refused(event(time=wrong)).detail.en == f"expected a time that exists, not '{wrong}'"
        due = refused(of_type("dossier.due_changed", due_at=wrong)).detail
        assert due.vi == f"cần thời điểm có thật, nhận được '{wrong}'"
    late = of_type("procedure.announced", decided_on="2026-02-30", effective_on="2026-02-28")
    assert refused(late).detail.en == "expected a day that exists, not '2026-02-30'"


def test_what_was_likely_meant_is_named_for_a_name_of_a_closed_list() -> None:
    assert refused(of_type("dossier.received", channel="ofline")).detail.en.endswith("; likely online is meant")
