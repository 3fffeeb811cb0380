"""`GET /v1/reconcile` and `chiso reconcile`: what was published beside ours, recounted here by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from typer.testing import CliRunner

from app import reconcile
from app.cli import app
from app.demo import province
from app.demo.year.events import events
from app.demo.year.procedures import procedures
from app.domain.calendar.civil import Instant
from app.intake.published import Figure, parse
from tests.intake.imports.workbook import saved, workbook
from tests.running import Running, serving, settings_for

UNITS = ["H44.01", "H44.03"]
PUBLISHED = Path(province.__file__).parent / "portal_2026"
AFTER = datetime(2027, 1, 4, tzinfo=UTC)
"""The year has ended, and with it every life of the demo."""


class Bridge:
    """The sync client that the command has, of a service in this loop."""

    def __init__(self, running: Running) -> None:
        self._running, self._loop = running, asyncio.get_running_loop()

    def get(self, path: str, params: Mapping[str, Any]) -> httpx.Response:
        asked = self._running.client.get(path, params=params, headers={"Authorization": f"Bearer {self._running.key}"})
        waiting: Future[httpx.Response] = asyncio.run_coroutine_threadsafe(asked, self._loop)
        return waiting.result(60)


async def compared(running: Running, content: str, listed: Any = None) -> list[reconcile.Apart]:
    client = cast(httpx.Client, Bridge(running))
    return await asyncio.to_thread(lambda: list(reconcile.compared(client, read(content), "2026", listed)))


def read(content: str) -> list[Figure]:
    with saved(content.encode()) as path:
        return parse(path)


def only(name: str) -> str:
    """The published table, with the rows of a few units."""
    first, *others = (PUBLISHED / name).read_text("utf-8").splitlines()
    place = first.split(",").index("unit_code")
    return "\n".join([first, *(row for row in others if row.split(",")[place] in UNITS)])


async def test_the_demos_figures_differ_from_the_published_by_what_a_recount_differs(
    postgres_database: str, tmp_path: Path
) -> None:
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as running:
        running.clock.at = AFTER
        await running.catalogue([dict(row) for row in province.units()], [dict(row) for row in procedures()])
        now = Instant(int(AFTER.timestamp()) * 1_000_000)
        story = list(events(UNITS, 0.5, 7, now))
        for start in range(0, len(story), 1_000):
            told = await running.push(story[start : start + 1_000])
            assert told["errors"] == []
        found = await compared(running, only("progress_year.csv"))
        ours = {unit: await recount(running, unit) for unit in UNITS}
    published = {row.unit: row for row in read(only("progress_year.csv")) if row.code == "DOSSIER_ON_TIME"}
    on_time = [each for each in found if each.told["code"] == "DOSSIER_ON_TIME"]
    assert [each.unit for each in on_time] == UNITS
    for each in on_time:
        row, (numerator, denominator) = published[each.unit], ours[each.unit]
        assert row.numerator is not None and row.denominator is not None
        assert each.told["ours"]["numerator"] == numerator
        assert each.told["theirs"]["denominator"] == row.denominator
        assert each.told["difference"]["numerator"] == numerator - row.numerator
        assert each.told["difference"]["denominator"] == denominator - row.denominator < 0
        assert each.told["equal"] is False


async def recount(running: Running, unit: str) -> tuple[int, int]:
    """In time, and active in 2026, dossier by dossier."""
    async with running.service.database.connection("read") as connection:
        rows = await connection.fetch(
            "SELECT received_at, ended_at, deadline FROM life JOIN unit ON unit.id = unit_id"
            " WHERE unit.code = $1 AND NOT voided AND received_at IS NOT NULL", unit,
        )  # fmt: skip
    begin, end = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp() - 7 * 3600) * 1_000_000 for year in (2026, 2027))
    active = [row for row in rows if row[0] < end and (row[1] is None or row[1] >= begin)]
    late = [row for row in active if row[2] is not None and min(row[1] or end, end) > row[2]]
    return len(active) - len(late), len(active)


async def test_three_dossiers_that_the_portal_has_not_are_named(postgres_database: str, tmp_path: Path) -> None:
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as running:
        running.clock.at = AFTER
        await running.catalogue()
        codes = [f"H44.07-260105-{n:04}" for n in range(1, 11)]
        received = [running.event("dossier.received", each, procedure="1.004555", channel="online") for each in codes]
        assert (await running.push(received))["accepted"] == 10
        theirs = "unit_code,metric_code,numerator,denominator,ratio,score\nH44.07,DOSSIER_ON_TIME,8,8,100,20\n"
        listed = {("H44.07", "DOSSIER_ON_TIME", "numerator"): frozenset([*codes[3:], "H44.07-260105-9999"])}
        [apart] = await compared(running, theirs, listed)
        assert (apart.only_here, apart.only_there) == (codes[:3], ["H44.07-260105-9999"])
        # What is of the numerator is of the denominator too, whoever lists more of that.
        more = listed | {("H44.07", "DOSSIER_ON_TIME", "denominator"): frozenset(["H44.07-260105-8888"])}
        [both] = await compared(running, theirs, more)
        assert (both.only_here, both.only_there) == (codes[:3], ["H44.07-260105-9999", "H44.07-260105-8888"])
        assert apart.told["difference"] == {"numerator": 2, "denominator": 2, "ratio": 0, "score": 0}
        lists = apart.told["dossiers"]
        assert lists == [
            f"/v1/dossiers?unit=H44.07&period=2026&indicator=DOSSIER_ON_TIME&side={side}"
            for side in ("numerator", "denominator")
        ]
        for path in lists:
            answer = await running.client.get(path, headers={"Authorization": f"Bearer {running.key}"})
            assert answer.json()["total"] == 10
        [same] = await compared(running, theirs.replace("8,8", "10,10"))
        assert (same.told["equal"], same.told["dossiers"]) == (True, [])
        # Named as the portal's answers without a code name them; what is not told is not compared.
        metric = {"code": "DOSSIER_ON_TIME", "numerator": 10, "denominator": None, "ratio": None, "score": None}
        evaluation = [{"departmentName": "Sở Công Thương - Tỉnh Phú Thọ", "metrics": [metric]}]
        [named] = await compared(running, json.dumps({"data": {"overview": None, "evaluation": evaluation}}))
        assert (named.unit, named.told["equal"]) == ("H44.07", True)
        empty = await running.get("/v1/reconcile", unit="H44.13", period="2026", figure="DOSSIER_ON_TIME:0/0:0:0")
        assert empty.json()["equal"] is True
        for figure, code in (("DOSSIER_ON_TIME:1", "invalid_parameter"), ("NO_SUCH:1/2", "unknown_indicator")):
            wrong = await running.get("/v1/reconcile", unit="H44.07", period="2026", figure=figure)
            assert wrong.json()["code"] == code


async def test_units_and_indicators_that_are_not_known_are_told_once_and_the_others_compared(
    postgres_database: str, tmp_path: Path
) -> None:
    """Two lists of a province's units are never quite the same."""
    codes = ("DOSSIER_SYNC", "PUBLISH_ON_TIME", "NEXT_YEARS")
    metrics = [{"code": code, "numerator": 1, "denominator": 2} for code in codes]
    rows = [
        {"departmentName": name, "metrics": metrics[:count]} | ({"departmentCode": code} if code else {})
        for name, code, count in (("x", "H44.77", 1), ("UBND tỉnh", "", 3), ("Không có", "", 2), ("", "H44.07", 3))
    ]
    told = json.dumps({"code": "OK", "data": {"overview": rows[0], "evaluation": rows[1:]}})
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as running:
        await running.put("/v1/units", [{"code": "H44", "name": "UBND tỉnh", "level": "province"}, {"code": "H44.07"}])
        client, unmatched = cast(httpx.Client, Bridge(running)), list[reconcile.Unmatched]()
        figures = read(told)
        found = await asyncio.to_thread(
            lambda: list(reconcile.compared(client, figures, "2026", None, unmatched.append))
        )
    assert [(each.unit, each.told["code"]) for each in found] == [
        (unit, code) for unit in ("H44", "H44.07") for code in codes[:2]
    ]
    assert [str(each) for each in unmatched] == [
        "row 3: no unit, or several, are called Không có",
        "/v1/reconcile of H44.77: 404 no unit of the catalogue has this code or alias",
        "row 2: the service has no indicator NEXT_YEARS",
    ]


@pytest.mark.parametrize("language", ["C.UTF-8", "vi_VN.UTF-8"])
def test_the_command_says_equal_different_or_unreadable_by_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    side = {"numerator": 1, "denominator": 2, "ratio": 50, "score": 10}
    told = {"code": "DOSSIER_ON_TIME", "ours": side, "theirs": {**side, "numerator": 0}, "difference": side,
            "equal": False, "dossiers": ["/v1/dossiers?unit=H44"]}  # fmt: skip
    answers = {"equal": {**told, "equal": True, "dossiers": []}, "different": told}
    monkeypatch.setenv("LC_ALL", language)
    file = tmp_path / "progress.csv"
    file.write_text("unit_code,metric_code,numerator,denominator\nH44,DOSSIER_ON_TIME,0,2\n")
    runner = CliRunner()
    said = {}
    for name, answer in answers.items():
        given = [reconcile.Apart("H44", "2026", answer)]
        monkeypatch.setattr(reconcile, "compared", lambda *_, given=given: iter(given))
        ended = runner.invoke(app, ["reconcile", str(file)])
        said[name] = (ended.exit_code, ended.stdout.splitlines()[-1])
    vietnamese = language.startswith("vi")
    assert said["equal"] == (0, "đã so 1 số liệu, 0 số khác nhau" if vietnamese else "1 figures compared, 0 differ")
    assert said["different"][0] == 1
    assert (
        runner.invoke(app, ["reconcile", str(file), "--csv"])
        .stdout.splitlines()[1]
        .startswith("H44,2026,DOSSIER_ON_TIME,1,0,1,2,2,2,50,50,50,10,10,10,")
    )
    listed = tmp_path / "dossiers.csv"
    listed.write_text("\ufeffunit_code;metric_code;dossier_code\nH44;DOSSIER_ON_TIME;H44-260105-0001\n", "utf-8")
    assert runner.invoke(app, ["reconcile", str(file), "--dossiers", str(listed)]).exit_code == 1
    header = ["unit_code", "metric_code", "dossier_code"]
    listed.write_bytes(workbook(["Danh sách"], header, ["H44", "DOSSIER_ON_TIME", "H44-260105-0001"]))
    assert runner.invoke(app, ["reconcile", str(file), "--dossiers", str(listed)]).exit_code == 1
    listed.write_text("unit_code;metric_code;dossier_code\nH44;DOSSIER_ON_TIME;\n", "utf-8")
    refused = runner.invoke(app, ["reconcile", str(file), "--dossiers", str(listed)])
    assert (refused.exit_code, f"{listed}: " in refused.stderr) == (2, True)
    file.write_text("unit_code,metric_code,numerator,denominator\nH44,DOSSIER_ON_TIME,x,2\n")
    wrong = runner.invoke(app, ["reconcile", str(file)])
    assert wrong.exit_code == 2
