"""The units of deploy/systemd, looked at by systemd itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.image import HERE

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd; .ci/test names it")
UNITS = HERE / "deploy/systemd"
SERVICES = ("chiso.service", "chiso@.service", "chiso-backup.service")
THE_SAME = "# The same in all units of chiso.\n"
CHISO = Path(sys.executable).with_name("chiso")


def analyse(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units, of a chiso that is installed elsewhere."""
    folder = tmp_path_factory.mktemp("units")
    shutil.copytree(UNITS, folder, dirs_exist_ok=True)
    for unit in (path for path in folder.rglob("*") if path.is_file()):
        unit.write_text(unit.read_text().replace("/opt/chiso/bin/chiso", str(CHISO)))
    return folder


def test_systemd_finds_nothing_wrong(units: Path) -> None:
    services = ["chiso.service", "chiso-backup.service"]
    services += [f"chiso@{command}.service" for command in ("migrate", "maintain", "verify", "verify-deep")]
    timers = sorted(path.name for path in units.glob("*.timer"))
    assert timers == ["chiso-backup.timer", "chiso-maintain.timer", "chiso-verify-deep.timer", "chiso-verify.timer"]
    verified = analyse("verify", "--man=no", *(units / each for each in (*services, *timers)))
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_exposed_little(units: Path, service: str) -> None:
    name = service.replace("@.", "@verify.")
    # A threshold is ten times the level, of which 10 is the worst.
    judged = analyse("security", "--offline=true", "--threshold=20", "--no-pager", "--json=short", units / name)
    assert judged.returncode == 0, judged.stdout
    wrong = {
        each["name"] for each in json.loads(judged.stdout) if not each["set"] and float(each["exposure"] or 0) > 0.1
    }
    assert wrong == {
        "RestrictAddressFamilies=~AF_(INET|INET6)",  # it speaks to a database, and is spoken to
        "PrivateNetwork=",
        "IPAddressDeny=",  # for the office to say
        "SystemCallFilter=~@resources",  # Nice=, and the limit of open files
        "PrivateMounts=",
        "PrivateUsers=",  # where a container or a chroot holds the system, it is not to be had
    }


def test_what_is_deployed_by_a_root_that_keeps_its_files_to_itself_runs_as_another_user(tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.write_text(
        'umask 077; mkdir -p "$UV_PROJECT_ENVIRONMENT/bin"; cd "$UV_PROJECT_ENVIRONMENT/bin"\n'
        "echo echo chiso 0.1.0 > chiso; chmod u+x chiso; touch python\n"
    )
    uv.chmod(0o755)
    into = tmp_path / "chiso"
    subprocess.run(["make", "deploy", f"UV={uv}", f"PREFIX={into}"], cwd=HERE, check=True, stdout=subprocess.DEVNULL)
    modes = {each.name: f"{each.stat().st_mode & 0o777:o}" for each in (into, *into.rglob("*"))}
    assert modes == {"chiso": "755", "bin": "755", "python": "644"}


def test_all_services_are_held_alike() -> None:
    parts = {each: (UNITS / each).read_text().partition(THE_SAME)[2].partition("\n\n")[0].strip() for each in SERVICES}
    own = {each: re.sub(r"chiso-backup", "chiso", part) for each, part in parts.items()}
    assert len(own["chiso.service"].splitlines()) >= 25
    assert own == dict.fromkeys(SERVICES, own["chiso.service"])


def test_a_service_has_longer_to_end_than_it_takes_and_no_unit_migrates_by_itself() -> None:
    service = (UNITS / "chiso.service").read_text()
    assert "\nTimeoutStopSec=30\n" in service
    assert "migrate\n" not in "".join(line for line in service.splitlines(True) if line.startswith("Exec"))
    assert [each.name for each in UNITS.glob("*.timer") if "migrate" in each.read_text()] == []
