"""`GET /v1/data-quality`: each cause with its subjects, so that an office can mend its feed."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any
from unicodedata import normalize
from urllib.parse import quote

import pytest

from app.store.read.quality import _FIND_ALIKE
from tests.api.asking import of_errors, of_problem, reception, retraction
from tests.oracle.histories import NOW, SEED_HOLIDAYS, SEED_WORKDAYS, history
from tests.oracle.recount import Recount
from tests.running import Running

CAUSES = [
    "no_reception", "end_before_reception", "deadline_before_reception", "foreign_unit", "second_reception",
    "answer_without_request", "unknown_procedure", "due_moved_late", "end_moved_back", "likely_duplicate",
]  # fmt: skip


TOLD = [
    "unknown_unit", "reception_not_told", "time_in_future", "no_procedure_code", "channel_not_told", "code_used_again",
    "sent_again", "due_moved", "false_result", "ended_at_reception",
]  # fmt: skip
"""Those of the national portal's payload (tests/api/dvcqg/test_quality.py)."""


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def counted(running: Running, unit: str = "H44", key: str | None = None, **query: Any) -> dict[str, int]:
    answer = await running.get("/v1/data-quality", key, unit=unit, **query)
    assert answer.status_code == 200, answer.text
    causes = answer.json()["causes"]
    assert [each["cause"] for each in causes] == CAUSES + TOLD
    assert all(each["name"] for each in causes)
    return {each["cause"]: each["count"] for each in causes if each["count"]}


async def listed(running: Running, cause: str, limit: int = 100, unit: str = "H44", **query: Any) -> list[dict]:
    items: list[dict] = []
    cursor = None
    while True:
        more: dict[str, Any] = {"cursor": cursor} if cursor else {}
        answer = await running.get("/v1/data-quality", unit=unit, cause=cause, limit=limit, **query, **more)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        items += told["items"]
        cursor = told["next"]
        if cursor is None:
            assert told["total"] == len(items)
            return items


async def test_each_cause_names_its_subjects(served: Running) -> None:
    def event(name: str, subject: str, day: int, unit: str = "H44.07", **more: Any) -> dict:
        return served.event(f"dossier.{name}", subject, unit, time=f"2026-01-{day:02}T08:00:00+07:00", **more)

    await served.push(
        [
            event("completed", "no_reception", 5),
            *(reception(served, cause) for cause in CAUSES[1:-1] if cause not in CAUSES[2:3] + CAUSES[6:7]),
            reception(served, "likely_duplicate"),
            reception(served, "LIKELY_DUPLICATE", "H44.13"),
            event("completed", "end_before_reception", 4),
            reception(served, "deadline_before_reception", due_at="2026-01-04T08:00:00+07:00"),
            event("synced", "foreign_unit", 6, "H44.13"),
            reception(served, "second_reception", "H44.13", time="2026-01-06T08:00:00+07:00"),
            event("supplemented", "answer_without_request", 6),
            reception(served, "unknown_procedure", procedure="9.900000"),
            event("due_changed", "due_moved_late", 13, due_at="2026-01-20T08:00:00+07:00"),
            *(event("completed", "end_moved_back", day) for day in (14, 11)),
            reception(served, "sound"),
        ]
    )
    assert await counted(served, "H44.07") == dict.fromkeys(CAUSES, 1)
    assert await counted(served) == dict.fromkeys(CAUSES, 1) | {"likely_duplicate": 2}
    for cause in CAUSES[:-1]:
        [one] = await listed(served, cause)
        assert (one["kind"], one["subject"], one["unit"]) == ("dossier", cause, "H44.07")
    [unknown] = await listed(served, "unknown_procedure")
    assert unknown["procedure"] == "9.900000"
    await served.put("/v1/procedures", [{"code": "9.900000", "name": "Nay đã biết"}])
    await served.service.refolder.finish(1)
    assert "unknown_procedure" not in await counted(served)


async def test_a_dossier_in_nine_spellings_is_one_or_refused_or_listed(served: Running) -> None:
    code = "H44.07-260105-đ1"
    composed, dashed, capital = "H44.07-260105-ế", code.replace("-", "–"), code.upper()
    spellings = [
        *(code, dashed, capital, code.replace("-", " - ")),
        *(f" {code}", f"{code}\u00a0", code.replace("-", "\u200b-", 1), f"{code}\ufeff"),
        *(composed, normalize("NFD", composed)),
    ]
    sent = [reception(served, subject) for subject in spellings]
    outcome = await served.push(sent)
    assert of_errors(outcome) == dict.fromkeys(range(4, 8), ("invalid_event", "subject"))
    assert {each["subject"] for each in await listed(served, "second_reception")} == set(), "one unit, one dossier"
    assert await counted(served) == {"likely_duplicate": 4}
    assert [each["subject"] for each in await listed(served, "likely_duplicate", 1)] == sorted(spellings[:4])
    told = await served.get("/v1/dossiers/" + quote(normalize("NFD", composed)))
    assert (told.json()["subject"], len(told.json()["events"])) == (composed, 2)
    await served.push([served.event("dossier.voided", subject) for subject in spellings[1:4]])
    assert await counted(served) == {}


async def test_codes_alike_are_those_of_the_root_and_of_dossiers_or_of_petitions(served: Running) -> None:
    await served.push([reception(served, "A-1"), reception(served, "a–1", "H44.13"), reception(served, "b-1")])
    await served.push([served.event("petition.answered", subject) for subject in ("B-1", "p 1", "P1")])
    assert await counted(served) == {"no_reception": 3, "likely_duplicate": 4}
    found = [(each["kind"], each["subject"]) for each in await listed(served, "likely_duplicate", 1)]
    assert found == [("dossier", "A-1"), ("dossier", "a–1"), ("petition", "P1"), ("petition", "p 1")]
    assert await counted(served, "H44.13") == {"likely_duplicate": 1}, "its twin is another unit's"


async def test_codes_alike_are_looked_for_among_the_odd_ones_only(served: Running) -> None:
    find = _FIND_ALIKE.format(table="life").replace("$1", "1").replace("$2", "1")
    async with served.service.database.connection("read") as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {find}"))
    assert "life_spelt_otherwise" in plan


async def test_a_due_time_moved_while_a_timely_request_is_open_was_not_moved_too_late(served: Running) -> None:
    def event(name: str, subject: str, day: int, **more: Any) -> dict:
        return served.event(f"dossier.{name}", subject, time=f"2026-01-{day:02}T08:00:00+07:00", **more)

    for subject, asked in (("in time", 12), ("too late", 13)):
        await served.push(
            [
                reception(served, subject),
                event("supplement_requested", subject, asked),
                event("due_changed", subject, 20, due_at="2026-01-25T08:00:00+07:00"),
            ]
        )
    assert [each["subject"] for each in await listed(served, "due_moved_late")] == ["too late"]


async def test_a_voided_dossier_is_no_longer_listed_and_the_answer_says_so(served: Running) -> None:
    void = served.event("dossier.voided", time="2026-01-06T08:00:00+07:00")
    await served.push([reception(served, procedure="9.900000")])
    assert await counted(served) == {"unknown_procedure": 1}
    await served.push([void])
    assert await counted(served) == {}
    assert "đã hủy" in (await served.get("/v1/data-quality", unit="H44")).json()["note"]
    await served.push([retraction(served, void)])
    assert await counted(served) == {"unknown_procedure": 1}


async def test_petitions_never_received_follow_the_dossiers(served: Running) -> None:
    await served.push([served.event("dossier.completed", f"D{n}") for n in range(2)])
    await served.push([served.event("petition.answered", f"P{n}") for n in range(2)])
    for limit in (1, 2, 3, 4, 100):
        items = await listed(served, "no_reception", limit)
        assert [(each["kind"], each["subject"]) for each in items] == [
            ("dossier", "D0"), ("dossier", "D1"), ("petition", "P0"), ("petition", "P1"),
        ]  # fmt: skip


async def test_pages_go_on_by_the_code_of_the_unit_whatever_becomes_of_the_tree(served: Running) -> None:
    units = ("H44.07", "H44.13", "H44.13.2", "H44.130")
    await served.put("/v1/units", [{"code": "H44.13.2"}])
    await served.push([reception(served, f"{unit}-{n}", unit, procedure="9.9") for unit in units for n in range(3)])
    await served.push([served.event("petition.answered", f"{unit}-P", unit) for unit in units])
    query: dict[str, Any] = {"unit": "H44", "cause": "unknown_procedure"}
    seen: list[str] = []
    cursor = None
    for page, edit in enumerate(([], [{"code": "H44.05"}], [{"code": "H44.13.1"}], [{"code": "H44.12"}])):
        assert (await served.put("/v1/units", edit)).json()["errors"] == []
        more: dict[str, Any] = {"cursor": cursor} if cursor else {}
        told = (await served.get("/v1/data-quality", limit=2 + page, **query, **more)).json()
        seen += [each["subject"] for each in told["items"]]
        cursor = told["next"]
    assert cursor is None
    assert seen == [f"{unit}-{n}" for unit in units for n in range(3)]


async def test_a_unit_that_left_between_pages_takes_nobody_with_it(served: Running) -> None:
    await served.put("/v1/units", [{"code": "H44.02", "successor": "H44.13"}])
    units = ("H44.02", "H44.13", "H44.13.2")
    await served.put("/v1/units", [{"code": "H44.13.2"}])
    await served.push([served.event("dossier.completed", f"{unit}-{n}", unit) for unit in units for n in range(2)])
    await served.push([served.event("petition.answered", f"{unit}-P", unit) for unit in units])
    query: dict[str, Any] = {"unit": "H44.13", "cause": "no_reception"}
    whole = await listed(served, "no_reception", unit="H44.13")
    order = [each["subject"] for each in whole]
    assert order == [f"{unit}-{n}" for unit in ("H44.02", "H44.13", "H44.13.2") for n in range(2)] + [
        f"{unit}-P" for unit in ("H44.02", "H44.13", "H44.13.2")
    ]
    for limit in range(1, 9):
        first = (await served.get("/v1/data-quality", limit=limit, **query)).json()
        await served.put("/v1/units", [{"code": "H44.02", "successor": None}])
        rest = (await served.get("/v1/data-quality", cursor=first["next"], **query)).json()
        subjects = [each["subject"] for each in first["items"] + rest["items"]]
        assert [each for each in subjects if "H44.02" not in each] == [
            each for each in order if "H44.02" not in each
        ], limit
        await served.put("/v1/units", [{"code": "H44.02", "successor": "H44.13"}])


async def test_the_list_is_of_the_units_asked_for_and_reached(served: Running) -> None:
    await served.push([reception(served, unit, unit, procedure="9.900000") for unit in ("H44", "H44.07", "H44.13")])
    assert await counted(served) == {"unknown_procedure": 3}
    assert await counted(served, scope="own") == {"unknown_procedure": 1}
    seven = await served.make_key("H44.07", "read")
    assert await counted(served, "H44.07", seven) == {"unknown_procedure": 1}
    answer = await served.get("/v1/data-quality", seven, unit="H44")
    assert of_problem(answer) == (403, "forbidden_unit", "unit")


async def test_the_lists_of_a_random_history_are_the_recounts(served: Running) -> None:
    made = history(51, 250)
    served.clock.at = NOW
    await served.catalogue(made.units, made.procedures)
    await served.push(made.events)
    recount = Recount(made.events, made.units, made.procedures, SEED_HOLIDAYS, seed_workdays=SEED_WORKDAYS)
    voided = {facts.subject for facts in recount.dossiers.values() if facts.voided}
    subjects = {event["subject"] for event in made.events} - voided
    expected = Counter(cause for subject in subjects for cause in recount.faults(subject))
    for cause in CAUSES[:-1]:
        items = await listed(served, cause, 7)
        found = [each["subject"] for each in items if each["kind"] == "dossier"]
        assert len(found) == len(set(found)) == expected[cause]
        assert all(cause in recount.faults(subject) for subject in found)


async def test_both_tables_are_csv_too(served: Running) -> None:
    await served.push([reception(served, procedure="9.900000")])
    answer = await served.get("/v1/data-quality", unit="H44", headers={"Accept": "text/csv"})
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["cause", "name", "count"]
    assert [row[2] for row in rows if row[0] == "unknown_procedure"] == ["1"]
    answer = await served.get("/v1/data-quality", unit="H44", cause="no_reception", headers={"Accept": "text/csv"})
    assert answer.text.startswith("kind,subject,unit,procedure,")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (422, "invalid_parameter", "unit")),
        ({"unit": "H44", "cause": "laziness"}, (422, "invalid_parameter", "cause")),
        ({"unit": "H44", "period": "2026"}, (422, "invalid_parameter", "period")),
        ({"unit": "H44", "cursor": "AAAA"}, (422, "invalid_parameter", "cursor")),
        ({"unit": "H44.99"}, (404, "unknown_unit", "unit")),
    ],
)
async def test_what_cannot_be_asked_is_refused(served: Running, query: dict, expected: tuple) -> None:
    assert of_problem(await served.get("/v1/data-quality", **query)) == expected
