"""`chiso keys` and `chiso roots`: what a typing error does, and what a lost pepper does."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import psycopg

from tests.cli.conftest import Command, line
from tests.faults.serving import Serving, chiso, environment

CREATE = ("keys", "create", "--scope", "admin", "--unit")


def test_a_root_that_is_not_there_is_begun_by_who_says_so(command: Command) -> None:
    assert line(command(*CREATE, "H44")) == (
        "there is no root H44 (there is none yet): correct the unit, or begin it with --new-root"
    )
    first = command(*CREATE, "H44", "--new-root")
    assert (first.returncode, first.stdout[:6]) == (0, "chiso_")
    assert line(command(*CREATE, "H99.99")) == (
        "there is no root H99 (there is H44): correct the unit, or begin it with --new-root"
    )
    assert line(command(*CREATE, "h44", "--new-root")) == (
        "there is a root H44, which differs from h44 in capitals only: correct the unit"
    )
    assert command("roots", "list").stdout == "H44      0 units, 0 procedures, 1 keys, 0 events, 0 lives\n"
    unlisted = command(*CREATE, "H44.7")
    assert unlisted.returncode == 0
    assert "the catalogue has no unit H44.7 yet" in unlisted.stderr


def test_a_root_is_removed_with_all_it_has_and_one_with_events_only_by_who_says_so(
    command: Command, postgres_database: str
) -> None:
    for root in ("H44", "H99"):
        assert command(*CREATE, root, "--new-root").returncode == 0
    assert command("demo", "--scale", "0.0001", "--units", "H44.01").returncode == 0
    assert line(command("roots", "remove", "H98")).startswith("there is no root H98: see `chiso roots list`")
    told = "0 units, 0 procedures, 1 keys, 0 events, 0 lives"
    assert command("roots", "remove", "H99", "--dry-run").stdout == f"H99 would be removed: {told}\n"
    # Nobody answers the question.
    assert command("roots", "remove", "H99").returncode == 1
    assert "H99" in command("roots", "list").stdout
    assert command("roots", "remove", "H99", "--yes").stdout == f"H99 is removed: {told}\n"
    assert line(command("roots", "remove", "H44", "--yes")) == (
        "H44 has events: with --with-events they are lost for ever"
    )
    removed = command("roots", "remove", "H44", "--yes", "--with-events")
    assert re.fullmatch(
        r"H44 is removed: 164 units, [\d,]+ procedures, 1 keys, \d+ events, \d+ lives\n", removed.stdout
    )
    assert command("roots", "list").stdout == ""
    with psycopg.connect(postgres_database) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid"
            " WHERE attname = 'root_id' AND relkind = 'r'"
        ).fetchall()
        assert len(tables) > 20
        assert [name for [name] in tables if connection.execute(f"SELECT 1 FROM {name}").fetchone()] == ["audit"]
        removals = connection.execute(
            "SELECT code, before ->> 'events' <> '0' FROM audit WHERE action = 'removed' ORDER BY id"
        ).fetchall()
        assert removals == [("H99", False), ("H44", True)]


def test_a_pepper_that_did_not_make_the_keys_is_refused_and_none_is_made(command: Command, tmp_path: Path) -> None:
    key = command(*CREATE, "H44", "--new-root").stdout.strip()
    other = {"CHISO_DATA_DIR": str(tmp_path / "other")}
    advice = "the API keys in force were made with another pepper: set CHISO_AUTH__PEPPER to that one"
    assert line(command("serve", "--port", "1024", **other)).startswith(advice)
    assert line(command(*CREATE, "H44", CHISO_AUTH__PEPPER="another")).startswith(advice)
    assert not (tmp_path / "other" / "pepper").exists()
    # The way out where it is lost.
    listed = command("keys", "list", **other).stdout
    assert re.search(r" \d{4}-\d\d-\d\d \d\d:\d\d[+-]\d\d:\d\d  other pepper ", listed)
    assert " in force " in command("keys", "list").stdout
    assert command("keys", "revoke", key.split("_")[1], **other).returncode == 0
    assert command(*CREATE, "H44", **other).returncode == 0


def test_a_pepper_file_that_is_gone_does_not_come_back_as_another(command: Command, tmp_path: Path) -> None:
    assert command(*CREATE, "H44", "--new-root").returncode == 0
    (tmp_path / "data" / "pepper").unlink()
    assert "another pepper" in line(command("serve", "--port", "1024"))
    assert not (tmp_path / "data" / "pepper").exists()


def test_first_steps_make_all_the_keys_that_are_used(command: Command, postgres_database: str, tmp_path: Path) -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    made = re.findall(r"chiso (keys create [^`\n#]+)", readme.partition("## First steps")[2].partition("\n## ")[0])
    assert len(made) == 3
    keys = [command(*each.split()).stdout.strip() for each in made]
    admin, ingest, read = ({"Authorization": f"Bearer {key}"} for key in keys)
    settings = environment(CHISO_DATABASE__DSN=postgres_database, CHISO_DATA_DIR=str(tmp_path / "data"))
    with Serving(settings, tmp_path / "log") as serving, httpx.Client(base_url=serving.url) as client:
        rows = [{"code": "H44", "name": "Tỉnh"}, {"code": "H44.07", "name": "Sở Công Thương", "level": "department"}]
        assert client.put("/v1/units", json=rows, headers=admin).json()["errors"] == []
        assert len(client.get("/v1/units", headers=admin).json()) == 2
        event = {
            "specversion": "1.0", "id": "e1", "source": "/h44/thu", "type": "dossier.received", "unit": "H44.07",
            "subject": "H44.07-260105-0001", "time": "2026-01-05T08:12:00+07:00",
            "data": {"procedure": "1.004555", "channel": "online"},
        }  # fmt: skip
        sent = client.post("/v1/events", json=event, headers=ingest | {"Content-Type": "application/cloudevents+json"})
        assert (sent.status_code, sent.json()["accepted"]) == (200, 1)
        assert client.get("/v1/scorecard?unit=H44&period=2026", headers=read).status_code == 200
        assert client.get("/v1/scorecard?unit=H44&period=2026", headers=ingest).status_code == 403
    assert chiso(settings, "verify").returncode == 0


def test_a_pepper_that_could_be_guessed_is_told_of(command: Command) -> None:
    for letters, told in ((31, True), (32, False)):
        made = command(*CREATE, f"H{letters}", "--new-root", CHISO_AUTH__PEPPER="a" * 31 + "b" * (letters - 31))
        assert made.returncode == 0
        # The next is made with another pepper.
        assert command("keys", "revoke", made.stdout.split("_")[1]).returncode == 0
        assert ("CHISO_AUTH__PEPPER is shorter than 32 letters" in made.stderr) is told


def test_a_pepper_of_a_file_is_replaced_by_moving_the_file(command: Command, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert command(*CREATE, "H44", "--new-root").returncode == 0
    (data / "pepper").rename(data / "pepper.previous")
    assert command(*CREATE, "H44", "--name", "new").returncode == 0
    assert (data / "pepper").read_bytes() != (data / "pepper.previous").read_bytes()
    states = [re.split(r" {2,}", line)[-3:] for line in command("keys", "list").stdout.splitlines()]
    assert [tuple(each) for each in states] == [
        ("previous pepper", "never used", ""),
        ("in force", "never used", "new"),
    ]
