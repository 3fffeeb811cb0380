"""Catalogues in the database: what an upsert changes, what it refuses, and that figures follow it exactly."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from app.domain.calendar.civil import Instant, day_number
from app.domain.catalogues.root import CatalogueName
from app.domain.codes import ProcedureCode, UnitCode
from app.domain.lives.events import (
    DossierCompleted,
    DossierReceived,
    DossierVoided,
    Event,
    Happening,
    PetitionAnswered,
    PetitionReceived,
)
from app.domain.push import Parsed
from app.store.catalogues import edit as catalogues
from app.store.catalogues import listing, roots
from app.store.catalogues.draft import Row
from app.store.catalogues.read import CatalogueCache
from app.store.connections.database import Database
from app.store.schema import TALLIES
from app.store.write.intake import Intake
from app.store.write.refold import Refolder

NOW = int(datetime.fromisoformat("2026-06-30T12:00:00+07:00").timestamp()) * 1_000_000
FACTS = ("life", "receipt", "event", "petition", "document", "procedure_publication", "unit_change")


class Said:
    """A row as the intake reads it."""

    def __init__(self, index: int, key: tuple[Any, ...], changes: dict[str, Any]) -> None:
        self.index, self.id, self.key, self.changes = index, str(key[0]), key, changes


def said(*rows: tuple[Any, dict[str, Any]]) -> list[Row]:
    return [
        Said(index, key if isinstance(key, tuple) else (key,), changes) for index, (key, changes) in enumerate(rows)
    ]


class Province:
    """A process of the service on one root."""

    def __init__(self, dsn: str) -> None:
        self.database = Database(dsn, 4, 4, 10)
        self.catalogue_cache = CatalogueCache()
        self.intake = Intake(self.database, self.catalogue_cache, lambda: NOW)
        self.refolder = Refolder(self.database, self.intake)
        self.root_id = 0

    async def put(self, kind: str, *rows: tuple[Any, dict[str, Any]], key: str = "H44") -> catalogues.PutResult:
        put: Callable[..., Any] = getattr(catalogues, f"put_{kind}")
        extra = ("Sở Nội vụ", NOW) if kind == "external_figures" else ()
        result = await put(self.database, self.catalogue_cache, self.root_id, key, said(*rows), *extra)
        assert isinstance(result, catalogues.PutResult)
        return result

    async def push(self, *arrivals: Parsed) -> None:
        outcome = await self.intake.push(self.root_id, "H44", arrivals)
        assert not outcome.errors

    async def fetch(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.database.connection("read") as connection:
            return [tuple(row) for row in await connection.fetch(query, *values)]

    async def revision(self) -> int:
        return int((await self.fetch("SELECT revision FROM root WHERE id = $1", self.root_id))[0][0])

    async def listed(self, kind: CatalogueName, code: str | None = None) -> list[dict[str, Any]]:
        async with self.database.connection("read") as connection:
            return await listing.listing(connection, self.root_id, kind, code)

    async def tallies(self) -> dict[str, list[tuple[Any, ...]]]:
        """All cells that are not zero, of every family and grain."""
        found = {}
        for family, grain in TALLIES:
            width = 6 if "_" not in grain else 5
            places = ", ".join(str(place) for place in range(3, width + 1))
            rows = await self.fetch(f"SELECT * FROM tally_{family}_{grain} ORDER BY {places}")
            found[f"{family}_{grain}"] = [
                (*row[:width], *(count or 0 for count in row[width:])) for row in rows if any(row[width:])
            ]
        return found

    async def facts(self) -> list[tuple[Any, ...]]:
        return await self.fetch(
            "SELECT subject, procedure_id, flags, faults, voided, received_at, ended_at, deadline FROM life ORDER BY 1"
        )

    async def forget(self) -> None:
        """Empty everything that events made; the catalogues stay."""
        async with self.database.connection("write") as connection:
            tables = [*FACTS, *(f"tally_{family}_{grain}" for family, grain in TALLIES)]
            await connection.execute(f"TRUNCATE {', '.join(tables)}")

    async def must_equal_a_fresh_fold(self, arrivals: list[Parsed]) -> None:
        assert await self.fetch("SELECT * FROM refold") == []
        tallies, facts = await self.tallies(), await self.facts()
        await self.forget()
        await self.push(*arrivals)
        assert (await self.tallies(), await self.facts()) == (tallies, facts)
        assert tallies["dossier_unit_day"]


@asynccontextmanager
async def province_on(dsn: str, root_id: int | None = None) -> AsyncIterator[Province]:
    province = Province(dsn)
    try:
        if root_id is None:
            root_id = await province.database.write(lambda connection: roots.ensure(connection, "H44"))
        province.root_id = root_id
        yield province
    finally:
        await province.database.close()


@pytest.fixture
async def bare(postgres_database: str) -> AsyncIterator[Province]:
    """A root without any unit."""
    async with province_on(postgres_database) as province:
        yield province


@pytest.fixture
async def province(bare: Province) -> Province:
    await load_units(bare)
    return bare


async def load_units(province: Province) -> None:
    rows = [
        (code, {"level": level}) for code, level in (("H44", "province"), ("H44.07", "department"), ("H44.08", None))
    ]
    assert (await province.put("units", *rows)).accepted == 3


def codes_of(result: catalogues.PutResult) -> list[tuple[int, str, str | None]]:
    return [(each.index, each.code, each.field) for each in result.errors]


def warnings_of(result: catalogues.PutResult) -> list[tuple[int, str, str | None]]:
    return [(each.index, each.code, each.field) for each in result.warnings]


def at(text: str) -> Instant:
    return Instant(int(datetime.fromisoformat(f"{text}+07:00").timestamp()) * 1_000_000)


def day(text: str) -> int:
    return day_number(date.fromisoformat(text))


def arrival(subject: str, time: str, what: Happening, unit: str = "H44.07") -> Parsed:
    event = Event(at(time), "/h44/test", f"{subject} {type(what).__name__} {time}", UnitCode(unit), what)  # type: ignore[arg-type]
    return Parsed(0, subject, event, hashlib.blake2b(repr(event).encode(), digest_size=16).digest())


def history(count: int = 12) -> list[Parsed]:
    """Dossiers of two procedures, none with a due time, some voided, and petitions; each within a week."""
    arrivals = []
    for number in range(count):
        subject = f"H44.07-260105-{number:04}"
        procedure = "1.000001" if number % 3 else "1.000002"
        arrivals.append(arrival(subject, "2026-01-05T08:00", DossierReceived(ProcedureCode(procedure), "online")))
        arrivals.append(
            arrival(subject, f"2026-01-{7 + number % 7:02}T09:00", DossierCompleted(electronic_result=True))
        )
        if number % 5 == 4:
            arrivals.append(arrival(subject, "2026-02-01T09:00", DossierVoided()))
    for number in range(count // 4):
        arrivals.append(arrival(f"P{number}", "2026-01-05T08:00", PetitionReceived("staff")))
        arrivals.append(arrival(f"P{number}", f"2026-01-{26 + number % 5:02}T09:00", PetitionAnswered()))
    return arrivals


async def test_a_root_is_made_once_with_its_holidays(postgres_database):
    async with province_on(postgres_database) as one, province_on(postgres_database) as other:
        assert one.root_id == other.root_id
        makers = [each.database.write(lambda c: roots.ensure(c, "G01")) for each in (one, other) * 3]
        (made,) = set(await asyncio.gather(*makers))
        days = await one.fetch("SELECT count(*), bool_and(seeded) FROM calendar_day WHERE root_id = $1", made)
        assert days == [(len(await one.listed("calendar")), True)]
        assert days[0][0] > 1_400


async def test_a_key_of_the_root_loads_the_root_itself_first(bare):
    assert await bare.put("units", ("H44", {"name": "UBND tỉnh Phú Thọ"})) == catalogues.PutResult(1, [], 0)
    assert await bare.listed("units") == [
        {
            "code": "H44",
            "name": "UBND tỉnh Phú Thọ",
            "level": None,
            "parent": None,
            "certified_copy": False,
            "valid_from": None,
            "valid_to": None,
            "successor": None,
            "aliases": [],
        }
    ]


async def test_absent_attributes_stay_and_given_ones_replace(province):
    await province.put("units", ("H44.07", {"name": "Sở A", "certified_copy": True, "valid_from": day("2026-01-01")}))
    await province.put("units", ("H44.07", {"name": None, "aliases": ("STP",)}))
    (unit,) = await province.listed("units", "H44.07")
    assert unit == {
        "code": "H44.07",
        "name": None,
        "level": "department",
        "parent": "H44",
        "certified_copy": True,
        "valid_from": "2026-01-01",
        "valid_to": None,
        "successor": None,
        "aliases": ["STP"],
    }


async def test_the_revision_rises_only_when_something_changed(province):
    before = await province.revision()
    await province.put("units", ("H44.07", {"name": "Sở A"}))
    assert await province.revision() == before + 1
    for _ in range(2):
        await province.put("units", ("H44.07", {"name": "Sở A"}), ("H44", {}))
        await province.put("targets", (("DOSSIER_ON_TIME", "H44", "", 2026), {"value": None}))
        await province.put("units", ("H45", {}))
    assert await province.revision() == before + 1


async def test_of_a_row_that_comes_twice_the_later_wins(province):
    result = await province.put("units", ("H44.09", {"name": "a", "level": "commune"}), ("H44.09", {"name": "b"}))
    assert (result.accepted, result.errors) == (2, [])
    (unit,) = await province.listed("units", "H44.09")
    assert (unit["name"], unit["level"]) == ("b", "commune")


async def test_units_are_listed_as_people_read_them_with_parents_in_effect(province):
    await province.put("units", *((code, {}) for code in ("H44.130", "H44.14", "H44.07.2.9", "H44.07.10")))
    listed = [(unit["code"], unit["parent"]) for unit in await province.listed("units")]
    assert listed == [
        ("H44", None),
        ("H44.07", "H44"),
        ("H44.07.2.9", "H44.07"),
        ("H44.07.10", "H44.07"),
        ("H44.08", "H44"),
        ("H44.14", "H44"),
        ("H44.130", "H44"),
    ]


async def test_bad_units_cost_only_themselves(province):
    await province.put("units", ("H44.08", {"aliases": ("OLD8",)}))
    result = await province.put(
        "units",
        ("H44.20", {"name": "good"}),
        ("H45", {}),
        ("H44.21", {"parent": "H44.20"}),
        ("H44.22.1", {"parent": "H44.22"}),
        ("H44.20.1", {"parent": "H44.20"}),
        ("H44.23", {"successor": "H44.99"}),
        ("H44.24", {"successor": "H44.24"}),
        ("H44.25", {"aliases": ("new", "OLD8")}),
        ("H44.26", {"aliases": ("H44.08",)}),
        ("H44.27", {"valid_from": day("2026-02-01"), "valid_to": day("2026-01-31")}),
        ("H44.28", {"successor": "OLD8", "aliases": ("X",)}),
        ("H44.29", {"aliases": ("X",)}),
    )
    assert codes_of(result) == [
        (1, "forbidden_unit", "code"),
        (2, "invalid_value", "parent"),
        (3, "unknown_unit", "parent"),
        (5, "unknown_unit", "successor"),
        (6, "invalid_value", "successor"),
        (7, "invalid_value", "aliases[1]"),
        (8, "invalid_value", "aliases[0]"),
        (9, "invalid_value", "valid_to"),
        (11, "invalid_value", "aliases[0]"),
    ]
    assert result.accepted == 3
    listed = {unit["code"]: unit for unit in await province.listed("units")}
    assert list(listed) == ["H44", "H44.07", "H44.08", "H44.20", "H44.20.1", "H44.28"]
    assert listed["H44.28"]["successor"] == "H44.08"


async def test_what_is_left_out_is_missing_for_those_that_name_it(province):
    result = await province.put(
        "units",
        ("H44.30.1", {"parent": "H44.30"}),
        ("H44.30", {"successor": "H44.31"}),
        ("H44.31", {"parent": "H44.32"}),
    )
    assert codes_of(result) == [
        (0, "unknown_unit", "parent"),
        (1, "unknown_unit", "successor"),
        (2, "invalid_value", "parent"),
    ]


async def test_successors_never_lead_back(province):
    chain = ("H44.40", "H44.41", "H44.42", "H44.40")
    await province.put("units", *((code, {}) for code in chain))
    rows = [(code, {"successor": after}) for code, after in pairwise(chain)]
    result = await province.put("units", *rows)
    assert codes_of(result) == [(2, "invalid_value", "successor")]
    # Turned round in one request it is no ring at all.
    turned = await province.put("units", ("H44.42", {"successor": "H44.40"}), ("H44.40", {"successor": None}))
    assert turned.errors == []


async def test_an_alias_moves_within_one_request_and_is_never_shadowed_by_a_code(province):
    await province.put("units", ("H44.07", {"aliases": ("A.1", "B")}))
    moved = await province.put("units", ("H44.08", {"aliases": ("B",)}), ("H44.07", {"aliases": ("A.1",)}))
    assert moved.errors == []
    listed = {unit["code"]: unit["aliases"] for unit in await province.listed("units")}
    assert listed == {"H44": [], "H44.07": ["A.1"], "H44.08": ["B"]}
    await province.put("units", ("H44.07", {"aliases": ("H44.50",)}))
    assert codes_of(await province.put("units", ("H44.50", {}))) == [(0, "invalid_value", "code")]


async def test_a_key_reaches_its_subtree_by_dotted_segments(province):
    result = await province.put("units", ("H44.07.1", {}), ("H44.070", {}), ("H44", {}), key="H44.07")
    assert codes_of(result) == [(1, "forbidden_unit", "code"), (2, "forbidden_unit", "code")]
    forbidden = [(0, "forbidden_unit", "code")]
    assert codes_of(await province.put("procedures", ("1.000001", {}), key="H44.07")) == forbidden
    assert codes_of(await province.put("calendar", (day("2026-01-05"), {"kind": "holiday"}), key="H44.07")) == [
        (0, "forbidden_unit", "date")
    ]
    targets = [(("DOSSIER_ON_TIME", unit, level, 2026), {"value": Decimal(80)}) for unit, level in
               (("H44.07", ""), ("H44.08", ""), ("", "commune"), ("H44.07.9", ""))]  # fmt: skip
    assert codes_of(await province.put("targets", *targets, key="H44.07")) == [
        (1, "forbidden_unit", "unit"),
        (2, "forbidden_unit", "level"),
        (3, "unknown_unit", "unit"),
    ]


async def test_a_key_of_one_unit_names_no_unit_beyond_its_reach(province):
    await province.put(
        "units",
        ("H44.07.1", {}),
        ("H44.07.2", {"parent": "H44.07"}),
        ("H44.08", {"aliases": ("OLD8",)}),
        ("H44.09", {}),
    )
    await province.put("units", ("H44.07.3", {"successor": "H44.08"}), ("H44.07.4", {"parent": "H44"}))
    result = await province.put(
        "units",
        ("H44.07", {"successor": "H44.08"}),
        ("H44.07.1", {"successor": "OLD8"}),
        ("H44.07.1", {"successor": "H44.77"}),
        ("H44.07.1", {"parent": "H44"}),
        ("H44.07.1", {"aliases": ("X", "H44.31")}),
        ("H44.07.3", {"successor": None}),
        ("H44.07.4", {"parent": None}),
        ("H44.07.3", {"successor": "H44.07"}),
        key="H44.07",
    )
    assert codes_of(result) == [
        (0, "forbidden_unit", "successor"),
        (1, "forbidden_unit", "successor"),
        (2, "forbidden_unit", "successor"),
        (3, "forbidden_unit", "parent"),
        (4, "forbidden_unit", "aliases[1]"),
        (5, "forbidden_unit", "successor"),
        (6, "forbidden_unit", "parent"),
        (7, "forbidden_unit", "successor"),
    ]
    # What is within its reach, and what stands there already, sent back as it is listed.
    result = await province.put(
        "units",
        ("H44.07", {"parent": "H44", "aliases": ("000.00.07.H44", "H44.07.9")}),
        ("H44.07.1", {"successor": "H44.07.2", "valid_to": day("2026-06-30")}),
        ("H44.07.3", {"successor": "H44.08", "name": "Phòng"}),
        ("H44.07.4", {"parent": "H44"}),
        key="H44.07",
    )
    assert (codes_of(result), result.accepted) == ([], 4)
    procedures = await province.put("procedures", ("1.000001", {"units": ("H44.08",)}), key="H44.07")
    assert codes_of(procedures) == [(0, "forbidden_unit", "code")]


async def test_a_key_of_one_unit_does_not_change_beside_whom_it_ranks(province):
    await province.put("units", ("H44", {"level": "province"}), ("H44.07", {"level": "department"}), ("H44.08", {}))
    result = await province.put(
        "units",
        ("H44.07", {"level": "province"}),
        ("H44.07", {"level": "commune"}),
        ("H44.07", {"level": None}),
        ("H44.07.1", {"level": "ministry"}),
        ("H44.07.1", {"level": "province"}),
        ("H44.07", {"level": "department", "name": "Sở"}),
        ("H44.07.1", {"level": "department"}),
        ("H44.07.2", {"level": "commune"}),
        key="H44.07",
    )
    assert codes_of(result) == [(place, "forbidden_unit", "level") for place in range(5)]
    # Of which nobody has said what it is.
    result = await province.put("units", ("H44.08", {"level": "province"}), key="H44.08")
    assert codes_of(result) == [(0, "forbidden_unit", "level")]
    result = await province.put("units", ("H44.08", {"level": "department"}), key="H44.08")
    assert codes_of(result) == []
    levels = {unit["code"]: unit["level"] for unit in await province.listed("units")}
    assert levels == {
        "H44": "province", "H44.07": "department", "H44.08": "department", "H44.07.1": "department",
        "H44.07.2": "commune",
    }  # fmt: skip


async def test_a_code_is_not_used_again_for_another_unit(province):
    await province.put(
        "units",
        ("H44.30", {"name": "Xã A", "valid_to": day("2026-06-30"), "successor": "H44.08"}),
        ("H44.31", {"name": "Xã B", "successor": "H44.08"}),
        ("H44.08", {"aliases": ("OLD8",)}),
    )
    result = await province.put(
        "units",
        ("H44.30", {"name": "Xã C", "valid_from": day("2026-07-01"), "valid_to": None, "successor": None}),
        ("H44.30", {"valid_from": day("2026-07-01")}),
        ("H44.31", {"name": "Xã D", "successor": None}),
    )
    assert codes_of(result) == [
        (0, "invalid_value", "valid_from"),
        (1, "invalid_value", "valid_from"),
        (2, "invalid_value", "name"),
    ]
    # A mistake taken back is none, a new spelling one to look at.
    taken_back = await province.put("units", ("H44.31", {"successor": None}), ("H44.30", {"valid_to": None}))
    assert (codes_of(taken_back), warnings_of(taken_back)) == ([], [(1, "invalid_value", "valid_to")])
    renamed = await province.put("units", ("H44.30", {"name": "Xã Á", "valid_to": day("2026-06-30")}))
    assert (codes_of(renamed), warnings_of(renamed)) == ([], [(0, "invalid_value", "name")])
    merged = await province.put("units", ("H44.31", {"successor": "H44.30"}))
    assert (codes_of(merged), warnings_of(merged)) == ([], [(0, "invalid_value", "valid_to")])
    was_a_code = await province.put("units", ("H44.07", {"aliases": ("NEW", "H44.30")}))
    assert codes_of(was_a_code) == [(0, "invalid_value", "aliases[1]")]
    moved = await province.put("units", ("H44.08", {"aliases": ()}), ("H44.07", {"aliases": ("OLD8",)}))
    assert (codes_of(moved), warnings_of(moved)) == ([], [(1, "invalid_value", "aliases[0]")])


async def test_a_procedure_takes_defaults_and_units_by_code_or_alias(province):
    await province.put("units", ("H44.08", {"aliases": ("OLD8",)}))
    result = await province.put(
        "procedures", ("1.000001", {"units": ("H44.07", "OLD8", "H44.08")}), ("1.000002", {"units": ("H44", "H44.9")})
    )
    assert codes_of(result) == [(1, "unknown_unit", "units[1]")]
    assert await province.listed("procedures") == [
        {
            "code": "1.000001",
            "name": None,
            "sector": None,
            "service_level": "none",
            "full_eligible": False,
            "fee": False,
            "payment_integrated": False,
            "issues_document": True,
            "applicants": [],
            "max_working_days": None,
            "essential": False,
            "units": ["H44.07", "H44.08"],
            "levels": [],
            "valid_from": None,
            "valid_to": None,
        }
    ]


async def test_targets_are_set_changed_and_removed(province):
    key, level = ("DOSSIER_ON_TIME", "H44", "", 2026), ("DOSSIER_ON_TIME", "", "commune", 2026)
    await province.put("targets", (key, {"value": Decimal("80.5")}), (level, {"value": Decimal(70)}))
    assert await province.listed("targets") == [
        {"indicator": "DOSSIER_ON_TIME", "unit": None, "level": "commune", "period": "2026", "value": Decimal(70)},
        {"indicator": "DOSSIER_ON_TIME", "unit": "H44", "level": None, "period": "2026", "value": Decimal("80.5")},
    ]
    assert (await province.put("targets", (level, {"value": None}))).accepted == 1
    assert [row["unit"] for row in await province.listed("targets")] == ["H44"]


async def test_an_external_figure_is_removed_by_null(province):
    dti, sipas = ("DTI", "H44", "2026"), ("SIPAS", "H44", "2026")
    await province.put("external_figures", (dti, {"value": Decimal("0.71"), "source": "Bộ"}), (sipas, {"rank": 3}))
    result = await province.put("external_figures", (dti, {"value": None}), (sipas, {"value": None}))
    assert (codes_of(result), result.accepted) == ([], 2)
    assert [(row["code"], row["rank"]) for row in await province.listed("external-figures")] == [("SIPAS", 3)]
    before = await province.revision()
    again = await province.put("external_figures", (dti, {"value": None}))
    assert (codes_of(again), again.accepted) == ([], 1)
    noted = await province.put("external_figures", (dti, {"value": None, "note": "none"}))
    assert codes_of(noted) == [(0, "invalid_value", "value")]
    assert await province.revision() == before
    result = await province.put(
        "external_figures", (dti, {"value": Decimal(1)}), (dti, {"value": None}), (sipas, {"rank": None})
    )
    assert (codes_of(result), await province.listed("external-figures")) == ([], [])


async def test_external_figures_tell_who_entered_them_and_when(province):
    key = ("DTI", "H44", "2026")
    result = await province.put(
        "external_figures",
        (key, {"value": Decimal("0.71"), "rank": 12, "of": 34}),
        (("SIPAS", "H44", "2026"), {"value": None, "note": "later"}),
        (("SIPAS", "H44.9", "2026"), {"value": Decimal(1)}),
    )
    assert codes_of(result) == [(1, "invalid_value", "value"), (2, "unknown_unit", "unit")]
    await province.put("external_figures", (key, {"note": "sửa"}))
    assert await province.listed("external-figures") == [
        {
            "code": "DTI",
            "unit": "H44",
            "period": "2026",
            "value": Decimal("0.71"),
            "score": None,
            "max": None,
            "rank": 12,
            "of": 34,
            "count": None,
            "source": None,
            "note": "sửa",
            "entered_by": "Sở Nội vụ",
            "entered_at": "2026-06-30T12:00:00+07:00",
        }
    ]


async def test_a_day_entered_by_hand_replaces_the_seed(province):
    new_year = day("2026-01-01")
    assert codes_of(await province.put("calendar", (day("2026-03-03"), {"name": "?"}))) == [
        (0, "invalid_value", "kind")
    ]
    await province.put("calendar", (new_year, {"kind": "workday", "name": "Trực"}))
    (found,) = [row for row in await province.listed("calendar") if row["date"] == "2026-01-01"]
    assert found == {"date": "2026-01-01", "kind": "workday", "name": "Trực", "seeded": False}


async def test_a_procedure_that_becomes_known_counts_as_if_it_always_had_been(database):
    async with province_on(database) as province:
        await load_units(province)
        await province.push(*history())
        before = await province.tallies()
        known = await province.put("procedures", ("1.000001", {"fee": True, "max_working_days": 4}))
        assert known.refolding == 8
        await province.refolder.finish(province.root_id)
        assert await province.tallies() != before
        await province.must_equal_a_fresh_fold(history())


async def test_only_counted_attributes_and_changes_fold_again(province):
    await province.push(*history())
    assert (await province.put("procedures", ("1.000001", {"name": "Khai sinh"}))).refolding == 8
    await province.refolder.finish(province.root_id)
    for changes, expected in (
        ({"name": "Đăng ký khai sinh", "essential": True, "levels": ("commune",)}, 0),
        ({"fee": False, "issues_document": True}, 0),
        ({"fee": True}, 8),
        ({"issues_document": False}, 8),
        ({"max_working_days": 3}, 8),
        ({"max_working_days": 3}, 0),
    ):
        assert (await province.put("procedures", ("1.000001", changes))).refolding == expected
        await province.refolder.finish(province.root_id)
    assert (await province.put("procedures", ("1.000009", {"fee": True}))).refolding == 0
    await province.must_equal_a_fresh_fold(history())


async def test_a_calendar_edit_folds_petitions_and_legal_times_again(province):
    await province.push(*history())
    await province.put("procedures", ("1.000001", {"max_working_days": 4}), ("1.000002", {}))
    await province.refolder.finish(province.root_id)
    before = await province.facts()
    result = await province.put("calendar", (day("2026-01-08"), {"kind": "holiday"}))
    assert result.refolding == 8 + 3
    await province.refolder.finish(province.root_id)
    assert await province.facts() != before
    # Eleven days later is a Sunday: not worked before, not worked now.
    assert (await province.put("calendar", (day("2026-01-18"), {"kind": "holiday"}))).refolding == 0
    await province.must_equal_a_fresh_fold(history())


class _Crash(Exception):
    pass


async def test_folding_again_goes_on_where_it_was_killed(province, postgres_database, monkeypatch):
    await province.push(*history(24))
    assert (await province.put("procedures", ("1.000001", {"fee": True, "max_working_days": 4}))).refolding == 16
    assert await province.refolder.step(province.root_id, size=5)
    fold_again = province.intake.fold_again

    async def killed(*arguments: Any) -> None:
        await fold_again(*arguments)
        raise _Crash

    monkeypatch.setattr(province.intake, "fold_again", killed)
    with pytest.raises(_Crash):
        await province.refolder.step(province.root_id, size=5)
    assert await province.fetch("SELECT total, done FROM refold") == [(16, 5)]
    async with province_on(postgres_database, province.root_id) as restarted:
        await restarted.refolder.finish(province.root_id)
        await restarted.must_equal_a_fresh_fold(history(24))


async def test_a_second_edit_is_done_together_with_what_the_first_has_left(province):
    await province.push(*history())
    await province.put("procedures", ("1.000001", {"fee": True}))
    await province.refolder.step(province.root_id, size=3)
    assert (await province.put("procedures", ("1.000002", {"fee": True}))).refolding == 4
    assert (await province.put("calendar", (day("2026-01-08"), {"kind": "holiday"}))).refolding == 3
    assert await province.fetch("SELECT total, done, calendar, cursor FROM refold") == [(15, 0, True, "")]
    await province.refolder.finish(province.root_id)
    await province.must_equal_a_fresh_fold(history())


async def test_pushes_and_two_processes_go_on_while_lives_are_folded_again(province, postgres_database):
    early = [each for each in history(60) if isinstance(each.event.what, DossierReceived | PetitionReceived)]
    rest = [each for each in history(60) if each not in early]
    await province.push(*early)
    async with province_on(postgres_database, province.root_id) as other:
        background = [asyncio.create_task(each.refolder.run_forever()) for each in (province, other)]

        async def push_rest() -> None:
            for start in range(0, len(rest), 7):
                await other.push(*rest[start : start + 7])

        async def edit() -> None:
            for days in (4, 5, 3):
                await province.put("procedures", ("1.000001", {"max_working_days": days, "fee": days == 3}))
                await province.put("calendar", (day(f"2026-01-1{days}"), {"kind": "holiday"}))
                province.refolder.wake()

        await asyncio.wait_for(asyncio.gather(push_rest(), edit(), province.push(*rest)), 60)
        await asyncio.wait_for(province.refolder.finish(province.root_id), 60)
        for task in background:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    await province.must_equal_a_fresh_fold(history(60))


async def test_the_background_loop_outlives_a_database_that_goes_away(province, postgres_database, monkeypatch):
    monkeypatch.setattr("app.store.write.refold._AFTER_FAILURE_SECONDS", 0.01)
    await province.push(*history())
    await province.put("procedures", ("1.000001", {"fee": True}))
    async with province_on(postgres_database, province.root_id) as other:
        await other.fetch(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )
        task = asyncio.create_task(province.refolder.run_forever())
        async with asyncio.timeout(30):
            while await other.fetch("SELECT FROM refold"):
                await asyncio.sleep(0.02)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await other.must_equal_a_fresh_fold(history())
