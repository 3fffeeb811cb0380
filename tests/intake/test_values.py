"""The checks of time and `data`, through whole events: every field of every type, and no personal data."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calendar.civil import Day
from app.domain.codes import UnitCode
from app.domain.lives.events import (
    BY_TYPE,
    DocumentSent,
    DossierPaid,
    DossierReceived,
    DossierTransferred,
    EventId,
    EventRetracted,
    ProcedureAnnounced,
)
from app.intake.cloudevents import Rejected
from app.intake.values import instant
from tests.intake.sample import DATA, MICROS, accepted, event, of_type, outcome, why

# Times


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2026-01-05T01:12:00Z", MICROS),
        ("2026-01-05t01:12:00z", MICROS),
        ("2026-01-05T01:12:00-00:00", MICROS),
        ("2026-01-05T01:12:00.1Z", MICROS + 100_000),
        ("2026-01-05T08:12:00.1234567+07:00", MICROS + 123_456),
        ("2026-01-05T08:12:00.9999999999+07:00", MICROS + 999_999),
        ("2026-01-04T19:42:00-05:30", MICROS),
        ("2000-01-01T00:00:00+07:00", 946_659_600_000_000),
        ("2028-02-29T00:00:00Z", 1_835_395_200_000_000),
        ("9999-12-31T23:59:59.999999-23:59", 253_402_300_799_999_999 + (23 * 60 + 59) * 60_000_000),
    ],
)
def test_an_aware_time_is_an_instant_in_microseconds(text: str, micros: int) -> None:
    assert accepted(event(time=text)).event.time == micros


@given(
    st.integers(946_771_200_000_000, 4_133_808_000_000_000),
    st.integers(-1_439, 1_439),
    st.sampled_from([1, 1_000, 1_000_000]),
)
def test_an_instant_is_the_same_however_it_is_written_and_however_often_it_is_read(
    micros: int, offset: int, finest: int
) -> None:
    micros -= micros % finest
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    for zone in (timezone(timedelta(minutes=offset)), timezone(timedelta(hours=7)), UTC):
        text = at.astimezone(zone).isoformat()
        assert [instant(text), instant(text)] == [micros, micros]


BAD_TIMES = [
    "soon",
    "2026-01-05",
    "2026-01-05T08:12:00",
    "2026-01-05 08:12:00Z",
    "2026-01-05T08:12Z",
    "2026-01-05T08:12:60Z",
    "2026-01-05T24:00:00Z",
    "2026-01-05T08:60:00Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-1-5T00:00:00Z",
    "20260105T081200Z",
    "2026-01-05T08:12:00+0700",
    "2026-01-05T08:12:00+07",
    "2026-01-05T08:12:00+24:00",
    "2026-01-05T08:12:00+07:60",
    "2026-01-05T08:12:00.Z",
    "2026-01-05T08:12:00,5Z",
    "2026-01-05T08:12:00Z\n",
    " 2026-01-05T08:12:00Z",
    "2026-W02-1T08:12:00Z",
    "+2026-01-05T08:12:00Z",
    "10000-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "２０２６-01-05T08:12:00Z",
    "1767575520",
]


@pytest.mark.parametrize("text", BAD_TIMES)
def test_a_time_that_is_not_rfc_3339_with_offset_is_invalid(text: str) -> None:
    assert why(event(time=text)) == ("invalid_event", "time")
    assert why(of_type("dossier.due_changed", due_at=text)) == ("invalid_value", "data.due_at")


@pytest.mark.parametrize(
    "text",
    ["1999-12-31T16:59:59.999999Z", "1999-12-31T23:59:59+07:00", "0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z"],
)
def test_a_time_before_2000_is_out_of_range(text: str) -> None:
    assert why(event(time=text)) == ("time_out_of_range", "time")
    assert why(of_type("dossier.due_changed", due_at=text)) == ("time_out_of_range", "data.due_at")


def test_times_in_data_end_with_the_year_2100() -> None:
    assert accepted(of_type("dossier.due_changed", due_at="2100-12-31T23:59:59.999999+07:00"))
    late = of_type("dossier.due_changed", due_at="2101-01-01T00:00:00+07:00")
    assert why(late) == ("time_out_of_range", "data.due_at")
    assert why(of_type("dossier.received", submitted_at="9999-12-31T23:59:59-23:59")) == (
        "time_out_of_range",
        "data.submitted_at",
    )


@pytest.mark.parametrize(
    "text", ["2026-1-5", "20260105", "2026-02-30", "2026-W01-1", "2026-01-05T00:00:00Z", "05/01/2026", "", 5, True, []]
)
def test_a_date_is_a_civil_date(text: Any) -> None:
    assert why(of_type("procedure.announced", decided_on=text)) == ("invalid_value", "data.decided_on")


@pytest.mark.parametrize("text", ["1999-12-31", "2101-01-01", "0001-01-01", "9999-12-31"])
def test_a_date_outside_2000_to_2100_is_out_of_range(text: str) -> None:
    assert why(of_type("procedure.announced", effective_on=text)) == ("time_out_of_range", "data.effective_on")


# Data


def test_every_type_of_the_contract_is_read_with_all_its_fields() -> None:
    assert set(DATA) <= set(BY_TYPE)
    for kind, cls in BY_TYPE.items():
        what = accepted(of_type(kind)).event.what
        assert type(what) is cls
        assert DATA.get(kind, {}).keys() == set(cls.__struct_fields__), kind


def test_values_are_the_domains_own() -> None:
    received = accepted(of_type("dossier.received")).event.what
    assert isinstance(received, DossierReceived)
    due = datetime(2026, 1, 12, 10, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    assert received.due_at == due // timedelta(microseconds=1)
    announced = accepted(of_type("procedure.announced", effective_on="2026-01-06")).event.what
    first = date(2026, 1, 5) - date(1970, 1, 1)
    assert announced == ProcedureAnnounced(Day(first.days), Day(first.days + 1))
    paid = accepted(of_type("dossier.paid")).event.what
    assert isinstance(paid, DossierPaid)
    assert (paid.via, paid.amount) == ("national_gateway", 10**15)


@pytest.mark.parametrize("data", [..., None, {}])
def test_no_data_is_an_empty_object(data: Any) -> None:
    assert accepted(event(data=data)).content == accepted(event()).content
    assert why(event(type="dossier.rated", data=data)) == ("invalid_value", "data.satisfied")


@pytest.mark.parametrize("data", [[], "", "{}", 5, True])
def test_data_is_an_object(data: Any) -> None:
    assert why(event(data=data)) == ("invalid_value", "data")


REQUIRED = {
    "dossier.received": ["procedure", "channel"],
    "dossier.due_changed": ["due_at"],
    "dossier.transferred": ["to"],
    "dossier.paid": ["via"],
    "dossier.signed": ["what"],
    "dossier.returned": ["via"],
    "dossier.rated": ["satisfied"],
    "petition.received": ["about"],
    "petition.rated": ["satisfied"],
    "procedure.announced": ["decided_on", "effective_on"],
    "procedure.published": ["decided_on", "published_on", "complete"],
    "document.sent": ["electronic"],
    "event.retracted": ["id"],
}


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, data in DATA.items() for field in data])
def test_null_is_absent_and_only_required_fields_may_not_be(kind: str, field: str) -> None:
    for value in (None, ...):
        if field in REQUIRED.get(kind, []):
            assert why(of_type(kind, **{field: value})) == ("invalid_value", f"data.{field}")
        else:
            assert accepted(of_type(kind, **{field: value})).content == accepted(of_type(kind, **{field: ...})).content


@pytest.mark.parametrize("key", ["name", "Channel", "", "due_at ", "__class__", "type", "x.y"])
@pytest.mark.parametrize("value", [1, None, "0912345678"])
def test_an_unknown_key_in_data_is_refused_before_anything_else(key: str, value: Any) -> None:
    field = f"data.{key}" if key.isidentifier() and not key.startswith("_") else "data.*"
    assert why(event(type="dossier.received", data={"channel": 5, key: value})) == ("unknown_field", field)


@pytest.mark.parametrize(
    "key", ["001099012345", "x001099012345", "Nguyễn Văn An", "0912 345 678", "a" * 41, "số", "\ud800", "a\nb"]
)
def test_a_key_that_looks_like_no_name_of_a_field_is_not_repeated(key: str) -> None:
    item = outcome(of_type("dossier.received", **{key: 1}))
    assert isinstance(item, Rejected)
    assert (item.code, item.field) == ("unknown_field", "data.*")
    assert key not in item.detail.en
    assert "number 9 is not repeated" in item.detail.en


@pytest.mark.parametrize("key", ["x" * 5_000, "a\x00b", "\ud800", "ệ" * 61, "\u202e"])
def test_an_unknown_key_is_named_short_and_printable(key: str) -> None:
    code, field = why(event(data={key: 1}))
    assert code == "unknown_field"
    assert field is not None
    assert len(field) <= 70
    assert field.isprintable()


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, data in DATA.items() for field in data])
@pytest.mark.parametrize("value", [-1.5, [], {}, [["online"]], -1])
def test_a_value_of_another_kind_is_invalid(kind: str, field: str, value: Any) -> None:
    assert why(of_type(kind, **{field: value})) == ("invalid_value", f"data.{field}")


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field) for kind, data in DATA.items() for field, value in data.items() if isinstance(value, bool)],
)
@pytest.mark.parametrize("value", [0, 1, "true", "", "yes"])
def test_a_bool_is_strictly_one(kind: str, field: str, value: Any) -> None:
    assert why(of_type(kind, **{field: value})) == ("invalid_value", f"data.{field}")


CHOICES = [
    (kind, field, value)
    for kind, data in DATA.items()
    for field, value in data.items()
    if field in ("channel", "portal", "receiver", "applicant", "via", "what", "about", "origin", "tier")
]


@pytest.mark.parametrize(("kind", "field", "right"), CHOICES)
def test_a_choice_is_one_of_its_names(kind: str, field: str, right: str) -> None:
    for wrong in (right.upper(), right + " ", "", "other thing", 0, True):
        assert why(of_type(kind, **{field: wrong})) == ("invalid_value", f"data.{field}")
    item = outcome(of_type(kind, **{field: "wrong"}))
    assert isinstance(item, Rejected)
    assert right in item.detail.en


@pytest.mark.parametrize(
    ("kind", "field", "highest"),
    [
        ("dossier.paid", "amount", 10**15),
        ("dossier.fee_requested", "amount", 10**15),
        ("dossier.digitised", "components", 100_000),
    ],
)
def test_whole_numbers_are_whole_and_bounded(kind: str, field: str, highest: int) -> None:
    right: Any
    for right in (0, 1, highest, 912345678 % highest):
        assert accepted(of_type(kind, **{field: right}))
    for right in (100_000.0, 1e5, 0.0, -0.0):
        sent, same = (accepted(of_type(kind, **{field: each})) for each in (right, int(right)))
        assert sent == same, "and so a duplicate"
        assert type(getattr(sent.event.what, field)) is int
    wrong: Any
    for wrong in (-1, highest + 1, 10**30, 1.5, 1e300, -1.0, True, False, "5", "", []):
        assert why(of_type(kind, **{field: wrong})) == ("invalid_value", f"data.{field}")


@pytest.mark.parametrize("code", ["1.004555", "2.001234567", "000001.1"])
def test_a_procedure_is_digits_dot_digits(code: str) -> None:
    what = accepted(of_type("dossier.received", procedure=code)).event.what
    assert isinstance(what, DossierReceived)
    assert what.procedure == code


@pytest.mark.parametrize(
    "code",
    [
        "",
        "1",
        "1.",
        ".1",
        "1.a",
        "1.004555.1",
        "1,004555",
        " 1.004555",
        "1.004555\n",
        "BNV-1.004555",
        "１.004555",
        "x" * 500,
    ],
)
def test_a_procedure_of_another_form_is_an_invalid_code(code: str) -> None:
    assert why(of_type("dossier.received", procedure=code)) == ("invalid_code", "data.procedure")


@pytest.mark.parametrize(
    ("code", "likely"),
    [("1004555", "1.004555"), ("1,00455", "1.004550"), (1.00455, "1.004550"), (" 1.004555", "1.004555")],
)
def test_the_code_that_was_likely_meant_is_named(code: Any, likely: str) -> None:
    item = outcome(of_type("dossier.received", procedure=code))
    assert isinstance(item, Rejected)
    assert item.code == "invalid_code"
    assert item.detail.en.endswith(f"; likely {likely} is meant")


def test_a_target_unit_is_kept_as_written() -> None:
    assert accepted(of_type("dossier.transferred", to="000.00.07.H44")).event.what == DossierTransferred(
        UnitCode("000.00.07.H44")
    )
    assert accepted(of_type("dossier.transferred", to="E\u0301")).event.what == DossierTransferred(UnitCode("É"))
    for wrong in ("", "x" * 101, "H44\x00", "\ud800", 5, "H44 ", "H44\u00a0", "H44\u200b.07"):
        assert why(of_type("dossier.transferred", to=wrong)) == ("invalid_value", "data.to")


def test_a_documents_receiver_is_a_text_of_at_most_200_characters() -> None:
    what = accepted(of_type("document.sent", to="ệ" * 200)).event.what
    assert isinstance(what, DocumentSent)
    assert what.to == "ệ" * 200
    for wrong in ("ệ" * 201, "a\nb", 5):
        assert why(of_type("document.sent", to=wrong)) == ("invalid_value", "data.to")


def test_a_retraction_names_an_id_of_the_form_of_ids() -> None:
    for right in ("001204012345", "0912345678", "x" * 200):
        assert accepted(of_type("event.retracted", id=right)).event.what == EventRetracted(EventId(right))
    assert accepted(of_type("event.retracted", id="e\u0301")) == accepted(of_type("event.retracted", id="é"))
    for wrong in ("", "x" * 201, "a\x00", "\ud800", 5, " a", "a\u2007", "a\ufeff"):
        assert why(of_type("event.retracted", id=wrong)) == ("invalid_value", "data.id")


# Personal data

IDENTITIES = [
    "001204012345",
    "096204012345",
    "123456789",
    " 001204012345\n",
    "001 204 012 345",
    "００１２０４０１２３４５",
    "001204\u200b012345",
]
PHONES = [
    "0912345678",
    "0912 345 678",
    "0912.345.678",
    "0912-345-678",
    "+84912345678",
    "84912345678",
    "+84 912 345 678",
    "(+84) 912.345.678",
    "+84 (0) 912 345 678",
    "0084912345678",
    "02438251234",
    "(024) 3825 1234",
    "0210 384 6647",
    "+84\u00a0912\u2011345\u2013678",
]
TEXTS = [
    (kind, field)
    for kind, data in DATA.items()
    for field, value in data.items()
    if isinstance(value, str) and kind != "event.retracted"
]


@pytest.mark.parametrize(("kind", "field"), TEXTS)
@pytest.mark.parametrize("number", IDENTITIES + PHONES)
def test_a_text_that_is_a_personal_number_is_refused_and_not_repeated(kind: str, field: str, number: str) -> None:
    item = outcome(of_type(kind, **{field: number}))
    assert isinstance(item, Rejected)
    assert (item.code, item.field) == ("personal_data", f"data.{field}")
    assert number not in item.detail.en


@pytest.mark.parametrize("number", IDENTITIES)
def test_a_subject_that_is_an_identity_number_is_refused(number: str) -> None:
    assert why(event(subject=number)) == ("personal_data", "subject")


@pytest.mark.parametrize(
    "subject",
    ["0912345678", "097204012345", "000204012345", "12345678", "1234567890", "001204012345x", "G22.99.08-001204012345"],
)
def test_a_subject_with_other_digits_is_a_subject(subject: str) -> None:
    assert accepted(event(subject=subject)).subject == subject


@pytest.mark.parametrize(
    "text",
    [
        "97204012345x",
        "099204012345",
        "12345678",
        "1234567890",
        "Số 0912345678",
        "H44.07",
        "09123456",
        "",
        "0" * 10,
        "00.00.00.0000",
    ],
)
def test_only_a_whole_value_that_looks_like_one_is_a_personal_number(text: str) -> None:
    assert accepted(of_type("document.sent", to=text))


def test_ids_sources_and_amounts_are_not_looked_at() -> None:
    assert accepted(event(id="001204012345", source="0912345678", sequence="123456789"))
    assert accepted(of_type("dossier.paid", amount=123456789))
