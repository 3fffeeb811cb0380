"""Tables beside the JSON: which is sent, what a spreadsheet makes of them, and that JSON is never sent for a table."""

from __future__ import annotations

import csv
import io
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from app.api.http.csv import CARD_COLUMNS, as_csv, prefers_csv
from tests.api.asking import of_problem, reception
from tests.running import Running

TABLES: dict[str, dict[str, str]] = {
    "/v1/scorecard": {"unit": "H44", "period": "2026"},
    "/v1/ranking": {"unit": "H44", "level": "commune", "period": "2026"},
    "/v1/series": {"unit": "H44", "period": "2026", "indicator": "DOSSIER_ON_TIME", "bucket": "month"},
    "/v1/breakdown": {"unit": "H44", "period": "2026", "indicator": "DOSSIER_ON_TIME", "by": "unit"},
    "/v1/dossiers": {"unit": "H44", "period": "2026", "indicator": "DOSSIER_ON_TIME", "side": "denominator"},
    "/v1/today": {"unit": "H44"},
    "/v1/data-quality": {"unit": "H44"},
    "/v1/feeds": {"unit": "H44"},
    "/v1/advice": {"unit": "H44", "period": "2026"},
    **{path: {} for path in ("/v1/rejections", "/v1/audit", "/v1/indicators", "/v1/units", "/v1/units/H44.07",
                             "/v1/procedures", "/v1/procedures/1.004555", "/v1/targets", "/v1/external-figures",
                             "/v1/calendar")},
}  # fmt: skip


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


def table(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def ask(served: Running, path: str, accept: str = "*/*", **query: Any) -> httpx.Response:
    answer: httpx.Response = await served.get(path, headers={"Accept": accept}, **query)
    return answer


@pytest.mark.parametrize("path", TABLES)
async def test_a_table_is_had_by_accept_and_as_a_file_by_a_plain_link(served: Running, path: str) -> None:
    query = TABLES[path]
    plain, file = await ask(served, path, "text/csv", **query), await ask(served, path, **query, format="csv")
    assert not plain.content.startswith(b"\xef\xbb\xbf")
    assert "content-disposition" not in plain.headers
    assert file.content == b"\xef\xbb\xbf" + plain.content
    assert table(plain) == table(file)
    name = file.headers["content-disposition"]
    noun = path.removeprefix("/v1/").replace("/", "-")
    assert name.startswith(f'attachment; filename="{noun}')
    assert name.endswith('.csv"')
    vary = "Accept, Accept-Language" if path == "/v1/rejections" else "Accept"
    assert plain.headers["vary"] == file.headers["vary"] == vary
    for other in (await ask(served, path, **query), await ask(served, path, "text/csv", **query, format="json")):
        assert other.headers["content-type"] == "application/json"
    tags = [each.headers.get("etag") for each in (plain, file, other)]
    assert len(set(tags)) == (3 if tags[0] else 1)


async def test_the_file_is_named_after_what_was_asked(served: Running) -> None:
    query = {"unit": "H44.07", "from": "2026-01-01", "to": "2026-03-31", "format": "csv"}
    answer = await ask(served, "/v1/scorecard", **query)
    assert answer.headers["content-disposition"] == (
        'attachment; filename="scorecard-H44.07-2026-01-01-2026-03-31.csv"'
    )


async def test_no_two_questions_have_files_of_one_name(served: Running) -> None:
    year: dict[str, Any] = {"unit": "H44", "period": "2026"}
    ranked, by_month = year | {"level": "commune"}, year | {"bucket": "month", "indicator": "TOTAL"}
    listed = year | {"indicator": "DOSSIER_ON_TIME", "side": "missing"}
    many = ["TOTAL", "transparency", "progress", "online", "digitisation", "payment", "satisfaction"]
    named = {
        "ranking-H44-commune-2026": ("ranking", ranked),
        "ranking-H44-department-2026": ("ranking", year | {"level": "department"}),
        "ranking-H44-commune-2026-as-then": ("ranking", {"as": "then"} | ranked),
        "ranking-H44-commune-2026-scope-own": ("ranking", ranked | {"scope": "own"}),
        "ranking-H44-commune-2026-compare-last_year": ("ranking", ranked | {"compare": "last_year"}),
        "ranking-H44-commune-progress-2026": ("ranking", ranked | {"group": "progress"}),
        "ranking-H44-commune-progress-online-2026": ("ranking", ranked | {"group": ["progress", "online"]}),
        "ranking-H44-commune-online-progress-2026": ("ranking", ranked | {"group": ["online", "progress"]}),
        "series-H44-TOTAL-month-2026": ("series", by_month),
        "series-H44-TOTAL-week-2026": ("series", by_month | {"bucket": "week"}),
        "breakdown-H44-ONLINE_DOSSIERS-unit-2026": ("breakdown", year | {"indicator": "ONLINE_DOSSIERS", "by": "unit"}),
        "dossiers-H44-DOSSIER_ON_TIME-missing-2026": ("dossiers", listed),
        "dossiers-H44-DOSSIER_ON_TIME-missing-2026-procedure-1.000001": (
            "dossiers",
            listed | {"procedure": "1.000001"},
        ),
    }
    for name, (path, query) in named.items():
        answer = await ask(served, f"/v1/{path}", **query, format="csv")
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
    # A long one is told by a digest of all of it.
    long = [
        (await ask(served, "/v1/series", **by_month | {"indicator": each}, format="csv")).headers["content-disposition"]
        for each in ([*many, "DOSSIER_ON_TIME", "DOSSIER_SYNC"], [*many, "DOSSIER_ON_TIME", "ONLINE_DOSSIERS"])
    ]
    begun = 'attachment; filename="series-H44-TOTAL-transparency-progress-online-digitisation-payment-satisfaction-'
    assert [each[: len(begun)] for each in long] == [begun] * 2
    assert long[0] != long[1]
    assert {len(each) for each in long} == {len('attachment; filename="".csv') + 100}


async def test_a_file_has_all_that_may_be_had_at_once_and_is_called_a_part_where_there_is_more(served: Running) -> None:
    await served.push([reception(served, f"H44.07-260105-{number:04}") for number in range(150)])
    query = {"unit": "H44.07", "period": "2026", "indicator": "DOSSIER_ON_TIME", "side": "denominator"}
    name = "dossiers-H44.07-DOSSIER_ON_TIME-denominator-2026"
    whole = await ask(served, "/v1/dossiers", **query, format="csv")
    assert (len(table(whole)), whole.headers.get("link")) == (150, None)
    assert whole.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
    part = await ask(served, "/v1/dossiers", **query, format="csv", limit=149)
    name += "-limit-149-part"
    assert (len(table(part)), part.headers["content-disposition"]) == (149, f'attachment; filename="{name}.csv"')
    cursor = part.headers["link"].partition("cursor=")[2].partition(">")[0]
    rest = await ask(served, "/v1/dossiers", **query, format="csv", limit=149, cursor=unquote(cursor))
    assert len(table(rest)) == 1
    assert rest.headers["content-disposition"] == f'attachment; filename="{name}-{cursor[:8]}.csv"'
    assert len(table(await ask(served, "/v1/dossiers", "text/csv", **query))) == 100


@pytest.mark.parametrize("path", ["/v1/dossiers/H44.07-260105-0001", "/v1/stream?unit=H44&period=2026"])
async def test_json_is_never_sent_for_a_table(served: Running, path: str) -> None:
    await served.push([reception(served)])
    more = "&" if "?" in path else "?"
    for accept, link in (("text/csv", path), ("text/*", path), ("*/*", f"{path}{more}format=csv")):
        answer = await served.client.get(link, headers={"Accept": accept, "Authorization": f"Bearer {served.key}"})
        assert of_problem(answer)[:2] == (406, "unsupported_media_type")
    if "stream" not in path:
        assert (await ask(served, path, "text/csv, application/json;q=0.1")).status_code == 200


async def test_another_format_is_refused_and_a_push_has_none(served: Running) -> None:
    answer = await ask(served, "/v1/units", format="xlsx")
    assert of_problem(answer) == (422, "invalid_parameter", "format")
    twice = await served.client.get(
        "/v1/units?format=csv&format=csv", headers={"Authorization": f"Bearer {served.key}"}
    )
    assert of_problem(twice) == (422, "invalid_parameter", "format")


@pytest.mark.parametrize(
    ("accept", "is_table"),
    [
        ("text/csv", True),
        ("TEXT/CSV; charset=utf-8", True),
        ("text/*", True),
        ("text/csv, */*", True),
        ("text/csv, application/json", True),
        ("application/json, text/csv", False),
        ("text/csv;q=0.1, */*", False),
        ("text/csv;q=0.5, application/json;q=0.4", True),
        ("text/*, text/csv;q=0", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("*/*", False),
        ("", False),
        ("text/csv;q=x", False),
    ],
)
def test_what_accept_likes_best(accept: str, is_table: bool) -> None:
    assert prefers_csv(accept) is is_table


CATALOGUES = {
    "units": [
        {"code": "H44.07", "level": "department", "aliases": ["STP", "000.00.07.H44"], "valid_from": "2025-07-01"}
    ],
    "procedures": [{"code": "1.004555", "name": 'Cấp "thẻ", mới', "units": ["H44.07", "H44"], "fee": True}],
    "targets": [
        {"indicator": "DOSSIER_ON_TIME", "level": "commune", "period": "2026", "value": 95.5},
        {"indicator": "DOSSIER_ON_TIME", "unit": "H44.07", "period": "2026", "value": 90},
    ],
    "external-figures": [{"code": "DTI", "unit": "H44", "period": "2026", "value": 0.71, "rank": 12, "note": "-x"}],
    "calendar": [{"date": "2026-01-10", "kind": "workday", "name": "Làm bù"}],
}


@pytest.mark.parametrize("path", CATALOGUES)
async def test_what_is_taken_out_of_a_catalogue_can_be_put_back_as_it_is(served: Running, path: str) -> None:
    put = await served.put(f"/v1/{path}", CATALOGUES[path])
    assert put.json()["rejected"] == 0, put.text
    before = await served.get(f"/v1/{path}")
    headers = {"Authorization": f"Bearer {served.key}"}
    for media, query in (("application/json", ""), ("text/csv", "?format=csv"), ("text/csv", "")):
        taken = await served.client.get(f"/v1/{path}{query}", headers=headers | {"Accept": media})
        assert taken.headers["content-type"].startswith(media)
        back = await served.client.put(f"/v1/{path}", content=taken.content, headers=headers | {"Content-Type": media})
        told = back.json()
        assert (told["accepted"], told["rejected"]) == (len(before.json()), 0), back.text
        assert "warnings" not in told
        assert (await served.get(f"/v1/{path}")).json() == before.json()


async def test_a_text_that_looks_like_a_formula_is_told_as_a_text(served: Running) -> None:
    name = '=HYPERLINK("http://x.example";"y")'
    put = await served.put("/v1/units", [{"code": "H44.07", "name": name, "aliases": ["-a", "+b"]}])
    assert put.json()["rejected"] == 0
    await served.put(
        "/v1/external-figures", [{"code": "DTI", "unit": "H44", "period": "2026", "value": -0.5, "note": "@x"}]
    )
    [unit] = table(await ask(served, "/v1/units/H44.07", "text/csv"))
    assert (unit["name"], unit["aliases"]) == (f"'{name}", "'-a;+b")
    [figure] = table(await ask(served, "/v1/external-figures", "text/csv"))
    assert (figure["value"], figure["note"]) == ("-0.5", "'@x"), "a number is no text"
    for odd in ("=", "+84", "-", "@", "\t=", "\r="):
        assert as_csv([{"a": odd}]).splitlines()[1].strip('"').startswith("'")
    # What was taken out is what is put in.
    whole = await ask(served, "/v1/units/H44.07", format="csv")
    back = await served.client.put(
        "/v1/units",
        content=whole.content,
        headers={"Content-Type": "text/csv", "Authorization": f"Bearer {served.key}"},
    )
    assert back.json()["rejected"] == 0, back.text
    told = (await served.get("/v1/units/H44.07")).json()
    assert (told["name"], told["aliases"]) == (name, ["-a", "+b"])


async def test_a_scorecard_has_all_its_numbers_in_its_table(served: Running) -> None:
    await served.push([reception(served)])
    await served.put("/v1/external-figures", [{"code": "DTI", "unit": "H44", "period": "2026", "value": 0.71}])
    query = {"unit": "H44", "period": "2026"}
    card, rows = (
        (await ask(served, "/v1/scorecard", **query)).json(),
        await ask(served, "/v1/scorecard", "text/csv", **query),
    )
    found = {(row["part"], row["code"]): row for row in table(rows)}
    assert tuple(next(iter(found.values()))) == CARD_COLUMNS
    assert float(found["total", "TOTAL"]["score"]) == card["total"]
    for group in card["groups"]:
        assert float(found["group", group["code"]]["score"]) == group["score"]
        for each in group["indicators"]:
            row = found[group["code"], each["code"]]
            assert row["numerator"] == ("" if each["numerator"] is None else str(each["numerator"]))
    assert found["external", "DTI"]["value"] == "0.71"
    assert {code: int(row["value"]) for (part, code), row in found.items() if part == "balance"} == card["balance"]
    counted = 1 + sum(1 + len(group["indicators"]) for group in card["groups"])
    assert len(found) == counted + len(card["operational"]) + 1 + len(card["balance"])
