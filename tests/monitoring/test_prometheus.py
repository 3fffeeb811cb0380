"""A real Prometheus reads a running service, evaluates the alert rules and answers every query of the dashboard.

Of the rules only the durations are others, and of the service the clock, for what takes weeks.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg

from app.api import feeds
from app.main import create_app, create_service
from app.server.crowd import Crowd
from app.server.http import Server, claim, configured
from tests.faults.serving import chiso, environment, free_port
from tests.running import Clock, Running, settings_for

from .rules import MONITORING, alerts, queries

_WITHIN_S = 60
MAY_BE_EMPTY = {"Sai khác khi kiểm chứng"}
"""Panels that have nothing to show before there was a verification."""


@asynccontextmanager
async def listening(dsn: str, folder: Path) -> AsyncIterator[Running]:
    """A service on a port, as `chiso serve` has it."""
    service = create_service(settings_for(dsn, folder), dsn, clock := Clock())
    socket = claim("127.0.0.1", 0)
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    crowd = Crowd(service.settings.http, service.metrics)
    server = Server(configured(create_app(service), crowd), service.watcher.close, service.metrics)
    serving = asyncio.create_task(server.serve([socket]))
    async with httpx.AsyncClient(base_url=url, timeout=30, verify=False) as client:
        made = Running(service, client, clock, "")
        made.key = await made.make_key("H44", "ingest", "read", "admin")
        yield made
        server.should_exit = True
        await serving


@contextmanager
def prometheus(target: str, folder: Path) -> Iterator[str]:
    """Prometheus on that service alone, twice a second; its address."""
    rules = re.sub(r"^( +for): \w+$", r"\1: 2s", (MONITORING / "alerts.yaml").read_text(), flags=re.MULTILINE)
    (folder / "alerts.yaml").write_text(rules)
    config = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
        "rule_files": ["alerts.yaml"],
        "scrape_configs": [{"job_name": "chiso", "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yaml").write_bytes(msgspec.json.encode(config))
    address = f"127.0.0.1:{free_port()}"
    options = {
        "config.file": folder / "prometheus.yaml",
        "storage.tsdb.path": folder / "data",
        "web.listen-address": address,
        "log.level": "warn",
    }
    with (folder / "log").open("wb") as log:
        command = ["prometheus", *(f"--{name}={value}" for name, value in options.items())]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(20)


class Watch:
    """What Prometheus knows."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, path: str, **query: Any) -> Any:
        """The data of an answer of its API."""
        answer = (await self._client.get(f"/api/v1/{path}", params=query)).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    async def firing(self) -> dict[str, list[dict[str, Any]]]:
        """Alerts that fire, by name."""
        found: dict[str, list[dict[str, Any]]] = {}
        for each in (await self.ask("alerts"))["alerts"]:
            if each["state"] == "firing":
                found.setdefault(each["labels"]["alertname"], []).append(each)
        return found

    async def until(self, known: Callable[[dict[str, list[dict[str, Any]]]], bool]) -> dict[str, list[dict[str, Any]]]:
        """What fires, as soon as it is what is waited for."""
        ends = time.monotonic() + _WITHIN_S
        while not known(found := await self.firing()):
            assert time.monotonic() < ends, sorted(found)
            await asyncio.sleep(0.1)
        return found

    async def rules(self) -> dict[str, Any]:
        """All rules as they were last evaluated, by name; none has failed."""
        found = {each["name"]: each for group in (await self.ask("rules"))["groups"] for each in group["rules"]}
        assert {name: each.get("lastError", "") for name, each in found.items()} == dict.fromkeys(alerts(), "")
        return found

    async def evaluated(self, seconds: float) -> None:
        """Until every rule has been evaluated for so many seconds since the service was first read."""
        ends = time.monotonic() + _WITHIN_S
        while True:
            assert time.monotonic() < ends
            await asyncio.sleep(0.1)
            try:
                [first] = (await self.ask("query", query='min_over_time(timestamp(up{job="chiso"} == 1)[1h:500ms])'))[
                    "result"
                ]
                last = min(
                    datetime.fromisoformat(each["lastEvaluation"][:19]) for each in (await self.rules()).values()
                )
            except (httpx.TransportError, ValueError, AssertionError):
                continue
            if last.replace(tzinfo=UTC).timestamp() > float(first["value"][1]) + seconds:
                return


async def months_ago(running: Running) -> None:
    """A source sends on each of eleven days, and then for forty days no more."""
    present = datetime.now(UTC)
    for day in range(50, 39, -1):
        running.clock.at = present - timedelta(days=day)
        told = {"procedure": "1.004555", "channel": "online", "due_at": present.isoformat()}
        event = running.event("dossier.received", f"H44.07-{day}", time=running.clock.at.isoformat(), **told)
        assert (await running.push([event]))["accepted"] == 1
        await running.service.follower.finish()
    running.clock.at = None
    await feeds.measure(running.service)


async def test_prometheus_watches_a_service_from_its_start_on(postgres_database: str, tmp_path: Path) -> None:
    def command(*arguments: str) -> int:
        pepper = "a pepper for tests, as long as it is to be"
        settings = {"CHISO_DATABASE__DSN": postgres_database, "CHISO_DATA_DIR": str(tmp_path)}
        return chiso(environment(**settings, CHISO_AUTH__PEPPER=pepper), *arguments).returncode

    async with listening(postgres_database, tmp_path) as running:
        await running.catalogue()
        target = running.client.base_url.netloc.decode()
        with prometheus(target, tmp_path) as address:
            async with httpx.AsyncClient(base_url=address, timeout=30, verify=False) as client:
                watch = Watch(client)
                await watch.evaluated(5)

                # A start without events is no alarm, and what is not there yet fails no rule.
                assert await watch.firing() == {}
                [scraped] = (await watch.ask("targets"))["activeTargets"]
                assert (scraped["health"], scraped["lastError"]) == ("up", "")

                # The very first event that is refused: its counter was there before, so that it has increased.
                foreign = running.event(
                    "dossier.received", "H44.13-1", "H44.13", procedure="1.004555", channel="online"
                )
                told = await running.push([foreign], await running.make_key("H44.07", "ingest"))
                assert [each["code"] for each in told["errors"]] == ["forbidden_unit"]
                found = await watch.until(lambda found: bool(found))
                assert {name: [each["labels"].get("code") for each in found[name]] for name in found} == {
                    "ChisoForbiddenSent": ["forbidden_unit"]
                }

                # A feed that fell silent, and events of which nothing was ever verified.
                await months_ago(running)
                silent = {"ChisoFeedSilent", "ChisoAllFeedsSilent"}
                found = await watch.until(lambda found: {*silent, "ChisoVerifyMissing"} <= set(found))
                assert [each["labels"]["root"] for name in silent for each in found[name]] == ["H44", "H44"]
                assert {each["labels"]["kind"] for each in found["ChisoVerifyMissing"]} <= {"plain", "deep"}
                [text] = [each["annotations"]["description"] for each in found["ChisoFeedSilent"]]
                assert text == "1 feeds of H44 are silent for longer than is usual for them in working time."

                # A figure that is not what the events say, found by the command's own process; then it is set right.
                with psycopg.connect(postgres_database) as connection:
                    connection.execute("UPDATE tally_dossier_unit_month SET received = received + 5")
                assert await asyncio.to_thread(command, "verify") == 1
                found = await watch.until(
                    lambda found: "ChisoVerifyFoundDifference" in found and len(found["ChisoVerifyMissing"]) == 1
                )
                [wrong] = found["ChisoVerifyFoundDifference"]
                assert (wrong["labels"]["root"], wrong["labels"]["kind"]) == ("H44", "plain")
                assert float(wrong["value"]) >= 1
                assert [each["labels"]["kind"] for each in found["ChisoVerifyMissing"]] == ["deep"]
                with psycopg.connect(postgres_database) as connection:
                    connection.execute("UPDATE tally_dossier_unit_month SET received = received - 5")
                assert await asyncio.to_thread(command, "verify", "--deep") == 0
                await watch.until(lambda found: not {"ChisoVerifyFoundDifference", "ChisoVerifyMissing"} & set(found))

                # Every query of the dashboard, now and over the time that it shows.
                assert (await running.get("/v1/scorecard", unit="H44", period="2026")).status_code == 200
                await asyncio.sleep(1.5)
                now, empty = time.time(), set()
                for title, expression in queries():
                    at_once = await watch.ask("query", query=expression)
                    over = await watch.ask("query_range", query=expression, start=now - 20, end=now, step=1)
                    assert (at_once["resultType"], over["resultType"]) == ("vector", "matrix"), title
                    if not (at_once["result"] and over["result"]):
                        empty.add(title)
                assert empty <= MAY_BE_EMPTY
                await watch.rules()
