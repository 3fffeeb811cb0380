"""The served command killed in the midst of pushes: what was acknowledged is there, and a resend makes it whole."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import httpx

from tests.faults.serving import Serving, chiso, environment
from tests.oracle.histories import SEED_HOLIDAYS, SEED_WORKDAYS, history
from tests.oracle.http_client import compare
from tests.oracle.recount import Recount

BATCH = "application/cloudevents-batch+json"
PUSHERS = 3
KILLED_AFTER = 12


class Pushers:
    """Clients that push batches side by side until the service is gone; `acknowledged` are those answered 200."""

    def __init__(self, serving: Serving, key: str, batches: list[list[dict]]) -> None:
        self._serving, self._key = serving, key
        self._left = list(enumerate(batches))
        self._lock = threading.Lock()
        self._enough = threading.Event()
        self.acknowledged: dict[int, dict] = {}

    def run_until_killed(self, after: int) -> None:
        threads = [threading.Thread(target=self._push, args=(after,)) for _ in range(PUSHERS)]
        for thread in threads:
            thread.start()
        assert self._enough.wait(60)
        self._serving.kill()
        for thread in threads:
            thread.join(60)

    def _push(self, after: int) -> None:
        with self._serving.client(self._key) as pushing:
            while self._left:
                with self._lock:
                    number, batch = self._left.pop(0)
                try:
                    answer = pushing.post("/v1/events", content=json.dumps(batch), headers={"content-type": BATCH})
                except httpx.TransportError:
                    return
                # While its database ends with it, a service may still say that nothing was acknowledged.
                if answer.status_code == 200:
                    with self._lock:
                        self.acknowledged[number] = answer.json()
                        if len(self.acknowledged) >= after:
                            self._enough.set()


def test_killed_and_started_again_nothing_acknowledged_is_lost(reachable_dir: Path, tmp_path: Path) -> None:
    made = history(41, 160)
    batches = [made.events[start : start + 20] for start in range(0, len(made.events), 20)]
    settings = environment(CHISO_DATA_DIR=str(reachable_dir / "killed"))

    with Serving(settings, tmp_path / "first.log") as serving:
        created = chiso(
            settings,
            "keys",
            "create",
            "--new-root",
            "--unit",
            "H44",
            *(f"--scope={s}" for s in ("ingest", "read", "admin")),
        )
        assert created.returncode == 0, created.stderr
        key = created.stdout.strip()
        with serving.client(key) as loading:
            for path, rows in (
                ("units", made.units),
                ("procedures", made.procedures),
                ("external-figures", made.external),
            ):
                assert loading.put(f"/v1/{path}", json=rows).json()["errors"] == []
        pushers = Pushers(serving, key, batches)
        pushers.run_until_killed(KILLED_AFTER)
    assert KILLED_AFTER <= len(pushers.acknowledged) < len(batches)

    with Serving(settings, tmp_path / "second.log") as serving, serving.client(key) as pushing:

        def push(batch: list[dict]) -> dict:
            answer = pushing.post("/v1/events", content=json.dumps(batch), headers={"content-type": BATCH})
            assert answer.status_code == 200, answer.text
            told: dict = answer.json()
            return told

        for number in pushers.acknowledged:
            assert push(batches[number]) == {
                "accepted": 0, "duplicates": len(batches[number]), "rejected": 0, "errors": [],
            }, number  # fmt: skip
        outcomes = [push(batch) for batch in batches]
        assert [outcome["errors"] for outcome in outcomes] == [[]] * len(batches)
        assert sum(each["accepted"] + each["duplicates"] for each in outcomes) == len(made.events)
        assert sum(each["accepted"] for each in outcomes) > 0

        verified = chiso(settings, "verify", "--deep")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        for arguments in (["--dry-run"], []):
            maintained = chiso(settings, "maintain", *arguments)
            assert maintained.returncode == 0, maintained.stderr
            assert re.match(r"H44: \d+ of \d+ closed years of tallies are not in order\n", maintained.stdout)

        def get(path: str, query: object) -> dict:
            shown: dict = pushing.get(path, params=query).json()  # type: ignore[arg-type]
            return shown

        recount = Recount(
            made.events, made.units, made.procedures, SEED_HOLIDAYS, external=made.external, seed_workdays=SEED_WORKDAYS
        )
        assert compare(get, recount, ["H44", "H44.13", "H44.14", "H44.130"], ["2026", "2025", "2026-Q3"]) == []
