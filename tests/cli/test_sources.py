"""`chiso sources`: what is believed of software is set by its source."""

from __future__ import annotations

from tests.cli.conftest import Command, line


def test_a_source_is_not_believed_in_what_is_named(command: Command) -> None:
    assert line(command("sources", "set", "H44", "--distrust", "MaCSDL")).startswith("there is no root H44")
    assert command("keys", "create", "--scope", "ingest", "--unit", "H44", "--new-root").returncode == 0
    assert line(command("sources", "set", "/igate")) == "'/igate' is no source; one looks like /dvcqg/H44"
    options = ("--distrust", "MaCSDL", "--distrust", "DuocSoHoa", "--success", "00")
    first = "/dvcqg/H44: not believed: DuocSoHoa, MaCSDL; success is 00; being applied to dossiers that are in\n"
    done = command("sources", "set", "H44", *options)
    assert done.stdout == first
    assert done.stderr == "chiso: nothing has come from this source yet: is its unit that of the keys?\n"
    assert command("sources", "set", "/dvcqg/H44", "--trust", "DuocSoHoa", "--success", "0").returncode == 0
    told = "/dvcqg/H44: not believed: MaCSDL; success is 0; being applied to dossiers that are in\n"
    assert command("sources", "list").stdout == told
