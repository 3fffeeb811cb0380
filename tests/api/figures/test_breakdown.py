"""The breakdown: its rows and names, where merged units stand, and what has no such dimension."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.asking import of_problem, reception
from tests.running import Running

TREE = [
    {"code": "H44.13.1", "name": "Chi cục", "level": "department"},
    {"code": "H44.13.1.7", "name": "Đội", "level": "department"},
    {"code": "H44.13.2", "name": "Phòng", "level": "department", "successor": "H44.07"},
    {"code": "H44.13.3", "name": "Trạm", "level": "department", "parent": "H44"},
    {"code": "H44.131", "name": "Xã cũ", "level": "commune", "successor": "H44.130"},
    {"code": "H44.131.2", "name": "Thôn", "level": "commune"},
    {"code": "H44.132", "name": "Xã cũ hơn", "level": "commune", "successor": "H44.131"},
    {"code": "H44.133", "name": "Ban đã giải thể", "level": "commune", "successor": "H44"},
]


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def breakdown(running: Running, indicator: str, by: str, unit: str = "H44", **query) -> dict:
    answer = await running.get("/v1/breakdown", unit=unit, indicator=indicator, by=by, **({"period": "2026"} | query))
    assert answer.status_code == 200, answer.text
    told: dict = answer.json()
    return told


def counts(shown: dict) -> list[tuple]:
    return [(row["key"], row["numerator"], row["denominator"]) for row in shown["rows"]]


async def test_by_unit_merged_units_stand_in_the_row_of_their_successor(served: Running) -> None:
    assert (await served.put("/v1/units", TREE)).json()["errors"] == []
    units = ["H44", "H44.07", "H44.13", "H44.130", *(row["code"] for row in TREE)]
    await served.push([reception(served, f"{unit}-260105-0001", unit) for unit in units])
    shown = await breakdown(served, "ONLINE_DOSSIERS", "unit")
    assert counts(shown) == [
        ("H44", 2, 2),  # its own and the one dissolved into it
        ("H44.07", 2, 2),  # with H44.13.2
        ("H44.13", 3, 3),  # without the one merged elsewhere and the one put under H44
        ("H44.13.3", 1, 1),
        ("H44.130", 3, 3),  # with H44.131, and H44.132 through it
        ("H44.131", 1, 1),  # what was under it and was not merged itself
    ]
    assert shown["rows"][0]["name"] == "UBND tỉnh Phú Thọ (riêng)"
    assert shown["rows"][1]["name"] == "Sở Công Thương"
    assert shown["total"] == {"numerator": 12, "denominator": 12, "ratio": 100}
    assert shown["additive"]
    assert counts(await breakdown(served, "ONLINE_DOSSIERS", "unit", "H44.13")) == [
        ("H44.13", 1, 1),
        ("H44.13.1", 2, 2),
        ("H44.13.2", 1, 1),
        ("H44.13.3", 1, 1),
    ]
    assert counts(await breakdown(served, "ONLINE_DOSSIERS", "unit", scope="own")) == [("H44", 1, 1)]
    communes = await breakdown(served, "CERTIFIED_COPY_COVERAGE", "unit")
    assert counts(communes)[4] == ("H44.130", 0, 3)


async def test_a_row_by_unit_is_the_scorecard_of_that_unit(served: Running) -> None:
    subjects = [f"{unit}-{n}" for unit, many in (("H44.07", 3), ("H44.13", 1), ("H44", 2)) for n in range(many)]
    await served.push([reception(served, each, each.partition("-")[0]) for each in subjects])
    for indicator in ("DOSSIER_ON_TIME", "ONLINE_PROVISION", "PAYMENT_PROCEDURES", "CITIZEN_DATA_CONNECTED_FORMALITY"):
        for row in (await breakdown(served, indicator, "unit"))["rows"]:
            scope = "own" if row["key"] == "H44" else "subtree"
            card = (await served.get("/v1/scorecard", unit=row["key"], period="2026", scope=scope)).json()
            [figure] = [each for g in card["groups"] for each in g["indicators"] if each["code"] == indicator]
            assert row["numerator"] == figure["numerator"]
            assert row["denominator"] == figure["denominator"]


async def test_procedures_sectors_and_channels_have_names_and_the_unknown_ones_none(served: Running) -> None:
    assert (await served.put("/v1/procedures", [{"code": "1.000001", "sector": "Hộ tịch"}])).json()["errors"] == []
    await served.push(
        [
            reception(served, "H44.07-1", procedure="1.004555"),
            reception(served, "H44.07-2", procedure="1.000001", channel="counter"),
            reception(served, "H44.07-3", procedure="1.000001"),
            reception(served, "H44.07-4", procedure="9.999999", channel="postal"),
        ]
    )
    by_procedure = await breakdown(served, "ONLINE_DOSSIERS", "procedure")
    assert [tuple(row.values()) for row in by_procedure["rows"]] == [
        ("1.000001", "Chứng thực", 1, 2, 50),
        ("1.004555", "Cấp giấy phép", 1, 1, 100),
        ("9.999999", None, 0, 1, 0),
    ]
    assert [tuple(row.values()) for row in (await breakdown(served, "ONLINE_DOSSIERS", "sector"))["rows"]] == [
        ("Hộ tịch", "Hộ tịch", 1, 2, 50),
        ("", "Không rõ lĩnh vực", 1, 2, 50),
    ]
    assert [tuple(row.values()) for row in (await breakdown(served, "ONLINE_DOSSIERS", "channel"))["rows"]] == [
        ("online", "Trực tuyến", 2, 2, 100),
        ("counter", "Trực tiếp", 0, 1, 0),
        ("postal", "Bưu chính công ích", 0, 1, 0),
    ]
    narrowed = await breakdown(served, "ONLINE_DOSSIERS", "channel", procedure="1.000001")
    assert counts(narrowed) == [("online", 1, 1), ("counter", 0, 1), ("postal", 0, 0)]


async def test_a_national_report_makes_the_denominator_no_sum(served: Running) -> None:
    await served.push([reception(served)])
    assert (await breakdown(served, "DOSSIER_SYNC", "channel"))["additive"]
    report = {"code": "DOSSIER_SYNC", "unit": "H44", "period": "2026", "count": 9, "source": "báo cáo"}
    assert (await served.put("/v1/external-figures", [report])).json()["errors"] == []
    shown = await breakdown(served, "DOSSIER_SYNC", "channel")
    assert counts(shown) == [("online", 0, 1), ("counter", 0, 0), ("postal", 0, 0)]
    assert shown["total"]["denominator"] == 9
    assert not shown["additive"]
    assert "báo cáo quốc gia" in shown["note"]


async def test_a_breakdown_is_told_as_csv_too(served: Running) -> None:
    await served.push([reception(served)])
    query = {"unit": "H44", "period": "2026", "indicator": "DOSSIER_ON_TIME", "by": "channel"}
    answer = await served.get("/v1/breakdown", headers={"accept": "text/csv"}, **query)
    assert answer.content.decode() == (
        "key,name,numerator,denominator,ratio\r\n"
        "online,Trực tuyến,0,1,0.00\r\ncounter,Trực tiếp,0,0,\r\npostal,Bưu chính công ích,0,0,\r\n"
    )
    for accept in ("application/json, text/csv;q=0.5", "text/csv;q=0", "*/*", "application/json,text/csv"):
        answer = await served.get("/v1/breakdown", headers={"accept": accept}, **query)
        assert answer.headers["content-type"] == "application/json"
    again = await served.get("/v1/breakdown", headers={"if-none-match": answer.headers["etag"]}, **query)
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("indicator", "by"),
    [
        ("PUBLISH_ON_TIME", "unit"),
        ("ELECTRONIC_CERTIFIED_COPY", "unit"),
        ("PETITION_PROCESSING_ON_TIME", "procedure"),
        ("E_DOCUMENT", "channel"),
        ("ONLINE_PROVISION", "sector"),
        ("CERTIFIED_COPY_COVERAGE", "channel"),
    ],
)
async def test_what_has_no_such_dimension_is_refused(served: Running, indicator: str, by: str) -> None:
    answer = await served.get("/v1/breakdown", unit="H44", period="2026", indicator=indicator, by=by)
    assert of_problem(answer) == (422, "no_breakdown", "by")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"by": "unit"}, (422, "invalid_parameter", "indicator")),
        ({"indicator": "X", "by": "unit"}, (404, "unknown_indicator", "indicator")),
        ({"indicator": "DOSSIER_ON_TIME"}, (422, "invalid_parameter", "by")),
        ({"indicator": "DOSSIER_ON_TIME", "by": "commune"}, (422, "invalid_parameter", "by")),
        ({"indicator": "DOSSIER_ON_TIME", "by": "unit", "level": "x"}, (422, "invalid_parameter", "level")),
    ],
)
async def test_wrong_parameters_are_refused(served: Running, query: dict, problem: tuple) -> None:
    assert of_problem(await served.get("/v1/breakdown", unit="H44", period="2026", **query)) == problem


YOUNG = [
    {"code": "H44.140", "name": "Xã hợp nhất", "level": "commune", "valid_from": "2026-07-01"},
    {"code": "H44.130", "valid_to": "2026-06-30", "successor": "H44.140"},
    {"code": "H44.150", "name": "Xã mới", "level": "commune", "valid_from": "2026-07-01"},
    {"code": "H44.150.1", "name": "Trạm", "level": "commune", "valid_from": "2026-07-01"},
]


async def test_as_then_a_unit_that_was_not_there_is_not_listed(served: Running) -> None:
    assert (await served.put("/v1/units", YOUNG)).json()["errors"] == []
    await served.push([reception(served, "H44.130-260105-0001", "H44.130")])

    async def rows(indicator: str, period: str, seen: str) -> list[tuple]:
        more: dict[str, Any] = {"as": seen}
        return counts(await breakdown(served, indicator, "unit", period=period, **more))

    departments = [("H44", 0, 0), ("H44.07", 0, 0), ("H44.13", 0, 0)]
    assert await rows("ONLINE_DOSSIERS", "2026-Q1", "now") == [*departments, ("H44.140", 1, 1), ("H44.150", 0, 0)]
    assert await rows("ONLINE_DOSSIERS", "2026-Q1", "then") == [*departments, ("H44.130", 1, 1)]
    assert await rows("ONLINE_DOSSIERS", "2026-Q3", "then") == [*departments, ("H44.140", 0, 0), ("H44.150", 0, 0)]
    # One day of the period is enough; nor does it matter what the catalogue counts.
    for last, there in (("2026-06-30", ["H44.130"]), ("2026-07-01", ["H44.130", "H44.140", "H44.150"])):
        for indicator in ("ONLINE_DOSSIERS", "ONLINE_PROVISION", "CERTIFIED_COPY_COVERAGE"):
            query: dict[str, Any] = {"unit": "H44", "from": "2026-01-01", "to": last, "as": "then"}
            query["indicator"] = indicator
            shown = (await served.get("/v1/breakdown", by="unit", **query)).json()
            assert [row["key"] for row in shown["rows"]][3:] == there, (last, indicator)
    # What was counted there all the same is told, or the rows would not add up.
    await served.push([reception(served, "H44.150-260105-0001", "H44.150.1")])
    shown = await breakdown(served, "ONLINE_DOSSIERS", "unit", period="2026-Q1", **{"as": "then"})
    assert counts(shown) == [*departments, ("H44.130", 1, 1), ("H44.150", 1, 1)]
    assert (shown["additive"], shown["total"]["denominator"]) == (True, 2)
