"""The command as a one-stop host runs it, against a real service: killed at any point, everything is there once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from app.forward.config import EXAMPLE, Target, read
from app.forward.queue import Item, Queue
from app.forward.send import Sender
from app.intake.lines import Refused
from app.messages import of_error
from tests.cli.test_ingest import event
from tests.faults.serving import CHISO, CREATE, Serving, chiso, environment
from tests.intake.dvcqg.payloads import dossier
from tests.seeds import dice

EVENTS, KILLS = 2_400, 3
RUN = (
    "import sys, pathlib; from app.forward import config, running;"
    "running.forward(config.read(pathlib.Path(sys.argv[1])), lambda message: None)"
)
"""The command without the rest of `chiso`, which takes seconds to be read on a busy machine."""
_WITHIN_S = 60


def config(folder: Path, url: str) -> Path:
    file = folder / "forward.toml"
    file.write_text(
        f'[source]\nkind = "folder"\nfolder = "in"\nsettle = 0\n[target]\nurl = "{url}"\nkey_file = "key"\nbatch = 40\n'
        'first_wait = 0.05\nlongest_wait = 0.2\n[queue]\nfile = "queue.db"\npoll = 0.05\n'
    )
    return file


def stored(dsn: str) -> int:
    with psycopg.connect(dsn) as base:
        [(count,)] = base.execute("SELECT count(*) FROM event").fetchall()
    return int(count)


def test_killed_at_any_point_everything_is_there_once(postgres_database: str, tmp_path: Path) -> None:
    settings = environment(CHISO_DATABASE__DSN=postgres_database, CHISO_DATA_DIR=str(tmp_path / "data"))
    key = chiso(settings, *CREATE).stdout.strip()
    (tmp_path / "key").write_text(key)
    (tmp_path / "in").mkdir()
    rng = dice(16)
    with Serving(settings, tmp_path / "log") as serving:
        with serving.client(key) as client:
            client.put("/v1/units", json=[{"code": "H44"}, {"code": "H44.07"}]).raise_for_status()
            client.put("/v1/procedures", json=[{"code": "1.004555"}]).raise_for_status()
        file = config(tmp_path, serving.url)
        for part in range(8):
            rows = [json.dumps(event(number)) for number in range(part * EVENTS // 8, (part + 1) * EVENTS // 8)]
            (tmp_path / "in" / f"{part}.ndjson").write_text("\n".join(rows))
        before = 0
        for _ in range(KILLS):
            running = subprocess.Popen([sys.executable, "-c", RUN, str(file)], env=environment())
            ends = time.monotonic() + _WITHIN_S
            while stored(postgres_database) < before + 200:
                assert time.monotonic() < ends
                time.sleep(0.01)
            time.sleep(rng.random() * 0.1)
            running.kill()
            running.wait()
            before = stored(postgres_database)
        assert before < EVENTS, "killed while there was something to do"
        # A broken one beside them, which the service refuses; and the end as a host asks for it.
        (tmp_path / "in" / "z.ndjson").write_text('{"id": "broken"}\n')
        running = subprocess.Popen([CHISO, "forward", "--config", str(file)], env=environment())
        ends = time.monotonic() + _WITHIN_S
        with Queue(tmp_path / "queue.db", 100, sending=False) as queue:
            while (tmp_path / "in" / "z.ndjson").exists() or queue.status.waiting:
                assert time.monotonic() < ends
                time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
        assert running.wait(_WITHIN_S) == 1
        assert stored(postgres_database) == EVENTS
        # The portal's payload, at its own address: one dossier that is kept, and one that has no code.
        sound = dossier("H44.07-260303-0012", NgayTiepNhan="20260303090500", NgayHenTra="20260306170000")
        bodies = [json.dumps(each).encode() for each in (sound, {**sound, "MaHoSo": ""})]
        sender = Sender(Target(serving.url, str(tmp_path / "key")))
        for _ in range(2):
            answer = sender.send([Item("DongBoHoSoMC", "H44.07", "x", body) for body in bodies])
            assert (answer.trouble, answer.smaller, list(answer.done)) == (None, False, [0])
            assert [(place, each["field"]) for place, each in answer.rejected.items()] == [(1, "MaHoSo")]
        sender.close()
    told = chiso(environment(), "forward", "--config", str(file), "status").stdout.splitlines()
    assert told[0] == f"0 waiting, {EVENTS:,} sent, 1 refused and kept aside"
    [refused] = [json.loads(each) for each in told[1:]]
    assert (refused["from"], refused["id"], refused["code"]) == ("z.ndjson:1", "broken", "invalid_event")


def test_the_example_is_read_and_mistakes_in_the_file_are_told(tmp_path: Path) -> None:
    file = tmp_path / "forward.toml"
    file.write_text(EXAMPLE, encoding="utf-8")
    found = read(file)
    assert (found.source.kind, found.source.folder, found.target.batch) == ("folder", "/var/spool/chiso", 500)
    for text, english, vietnamese in (
        (
            EXAMPLE.replace("key_file", "keyfile"),
            "target.keyfile is no setting of the forwarder (`chiso forward example` shows all)",
            "bộ chuyển tiếp không có mục target.keyfile (`chiso forward example` cho xem tất cả)",
        ),
        (
            EXAMPLE.replace('"folder"', '"tape"', 1),
            "source.kind cannot be read: folder | table | pipe",
            "không đọc được source.kind: folder | table | pipe",
        ),
        (
            EXAMPLE.replace('url = "https', 'url = "ftps'),
            "target.url cannot be read: https://…",
            "không đọc được target.url: https://…",
        ),
        (
            EXAMPLE.replace('"folder"', '"table"', 1)
            .replace("# dsn", "dsn")
            .replace("# query", "query")
            .replace("ORDER BY id", "ORDER BY id LIMIT 5"),
            "source.query cannot be read: ORDER BY, no LIMIT",
            "không đọc được source.query: ORDER BY, no LIMIT",
        ),
        ('[source]\nkind = "pipe"\n', "[target] is missing", "thiếu [target]"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(Refused) as caught:
            read(file)
        said = of_error(caught.value)
        assert (said.en, said.vi) == (f"{file}: {english}", f"{file}: {vietnamese}")
