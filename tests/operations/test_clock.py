"""docs/runbook/clock.md: services whose hosts have wrong clocks, ahead and behind, beside one whose clock is right."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.store.embedded.home import Home
from tests.faults.serving import Serving
from tests.operations.page import Page
from tests.operations.province import living
from tests.running import serving, settings_for

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
faked = pytest.mark.skipif(FAKETIME is None, reason="faketime is not installed; .ci/test names it")
PLACE = ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE")


def _told(client: httpx.Client) -> dict[str, Any]:
    """A scorecard without the instant of the question."""
    shown: dict[str, Any] = client.get("/v1/scorecard", params={"unit": "H44", "period": "2025"}).json()
    at = datetime.fromisoformat(shown.pop("as_of"))
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=2), "the database's clock"
    return shown


@faked
def test_services_with_wrong_clocks_take_in_and_tell_the_same(
    postgres_database: str, home: Home, tmp_path: Path
) -> None:
    address = urlsplit(postgres_database)
    query = parse_qs(address.query)
    with living(postgres_database, tmp_path, seed=55, size=60) as province, ExitStack() as stack:
        wrong = []
        for name, skew in (("ahead", "+1d"), ("behind", "-1d")):
            other = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": skew, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
            served = stack.enter_context(Serving(province.settings | other, tmp_path / f"{name}.log"))
            wrong.append(stack.enter_context(served.client(province.key)))
        clients = [province.client, *wrong]
        days = [
            round((parsedate_to_datetime(each.get("/livez").headers["date"]) - datetime.now(UTC)) / timedelta(days=1))
            for each in clients
        ]
        assert days == [0, 1, -1]

        # Pushed to each in turn, and all once more to another.
        [batches] = province.parts(1)
        for turn, batch in enumerate(batches):
            province.client = clients[turn % 3]
            province.push_all([batch])
        province.client = clients[0]
        before = datetime.now(UTC)
        soon = {
            "specversion": "1.0", "id": "soon", "source": "/h44/thu", "type": "dossier.received", "unit": "H44.13",
            "subject": "H44.13-260105-9999", "time": (before + timedelta(hours=12)).isoformat(),
            "data": {"procedure": "1.000001", "channel": "online"},
        }  # fmt: skip
        for client in clients:
            answer = client.post("/v1/events", json=soon, headers={"content-type": "application/cloudevents+json"})
            assert (answer.status_code, answer.json()["code"]) == (422, "future_time"), answer.text
            [told] = client.post("/v1/events", json=[batches[0][0]], headers={
                "content-type": "application/cloudevents-batch+json"}).json()["duplicates"],  # fmt: skip
            assert told == 1
        first = _told(clients[0])
        assert [_told(each) for each in wrong] == [first, first]
        settings = dict(zip(PLACE, (query["host"][0], query["port"][0], str(address.username), address.path.strip("/")),
                         strict=True))  # fmt: skip
        page = Page("clock", settings | {"CHISO": province.serving.url}, home)
        database, here, service = page.perform("See whose clock is wrong").splitlines()
        instants = [datetime.fromisoformat(each) for each in (database, here)]
        instants.append(parsedate_to_datetime(service.partition(":")[2].strip()).replace(tzinfo=None))
        assert max(instants) - min(instants) < timedelta(seconds=60)
        page.assert_performed()
        province.assert_exact()


async def test_the_clock_of_the_database_jumps_and_comes_back(postgres_database: str, tmp_path: Path) -> None:
    right = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as running:
        running.clock.at = right
        await running.catalogue()
        told = {"procedure": "1.004555", "channel": "online", "due_at": "2026-11-24T17:00:00+07:00"}
        event = running.event("dossier.received", time="2026-11-23T07:50:00+07:00", **told)
        assert (await running.push([event]))["accepted"] == 1

        async def card() -> tuple[dict[str, Any], int]:
            shown = (await running.get("/v1/scorecard", unit="H44", period="2026")).json()
            return shown, shown["balance"]["open_overdue"]

        first, overdue = await card()
        assert overdue == 0
        running.clock.at = right + timedelta(days=2)
        assert (await card())[1] == 1
        assert (await running.push([event]))["duplicates"] == 1
        running.clock.at = right
        assert await card() == (first, 0)

        running.clock.at = right - timedelta(days=1)
        later = running.event("dossier.received", "H44.07-260105-0002", time="2026-11-23T07:55:00+07:00", **told)
        assert [each["code"] for each in (await running.push([later]))["errors"]] == ["future_time"]
        running.clock.at = right
        assert await card() == (first, 0)
        assert (await running.push([event, later]))["accepted"] == 1
