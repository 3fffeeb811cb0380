"""What an Accept header says of tables and JSON."""

from __future__ import annotations

import pytest

from app.api.http.csv import prefers_csv
from tests.running import Running


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


@pytest.mark.parametrize(
    ("accept", "csv"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("text/csv", True),
        ("TEXT/CSV; charset=utf-8", True),
        ("text/*", True),
        ("text/*;q=0.1", True),
        ("text/*;q=0", False),
        ("text/*, application/json", False),
        ("text/*, application/json;q=0.9", True),
        ("text/*, */*;q=0.5", True),
        ("text/csv;q=0, text/*", False),
        ("text/csv, */*", True),
        ("*/*, text/csv", True),
        ("text/csv;q=0.5, */*", False),
        ("text/csv, application/json", True),
        ("application/json, text/csv", False),
        ("application/*, text/csv", True),
    ],
)
def test_the_better_liked_one_is_sent(accept: str, csv: bool) -> None:
    assert prefers_csv(accept) is csv


async def test_any_text_is_a_table(served: Running) -> None:
    query = {"unit": "H44", "level": "department", "period": "2026"}
    answer = await served.get("/v1/ranking", headers={"Accept": "text/*"}, **query)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


async def test_a_unit_is_found_by_an_alias_with_slashes(served: Running) -> None:
    alias = "44/UBND/07"
    assert (await served.put("/v1/units", [{"code": "H44.07", "aliases": [alias]}])).json()["errors"] == []
    for path in (alias, "44%2FUBND%2F07"):
        answer = await served.get(f"/v1/units/{path}")
        assert (answer.status_code, answer.json().get("code")) == (200, "H44.07")
    event = served.event("dossier.received", unit=alias, procedure="1.004555", channel="online")
    assert (await served.push([event]))["accepted"] == 1
    shown = (await served.get("/v1/scorecard", unit=alias, period="2026")).json()
    assert (shown["unit"]["code"], shown["balance"]["received"]) == ("H44.07", 1)
