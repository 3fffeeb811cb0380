"""Style sheets and scripts: kept by browsers for ever, packed where they take it."""

from __future__ import annotations

import re
from pathlib import Path

from app.pages.frame import assets
from tests.running import Running

STATIC = Path(assets.__file__).parents[1] / "static"


async def test_files_are_the_same_packed_or_not_and_never_change_under_their_address(running: Running) -> None:
    for name in ("charts.js", "pages.css", "icon.svg"):
        for encoding in ("gzip", "identity"):
            answer = await running.get(f"/{assets.address(name)}", key="", headers={"accept-encoding": encoding})
            assert answer.status_code == 200
            assert answer.content == (STATIC / name).read_bytes()
            assert answer.headers.get("content-encoding") == (encoding if encoding == "gzip" else None)
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["vary"] == "Accept-Encoding"


async def test_pages_name_files_that_are_there(running: Running) -> None:
    text = (await running.get("/login", key="")).text
    named = re.findall(r'(?:href|src)="(\./static/[^"]+)"', text)
    assert len(named) >= 6
    for each in named:
        assert (await running.get(each.removeprefix("."), key="")).status_code == 200


async def test_what_is_not_there_is_not_found(running: Running) -> None:
    for path in (f"/{assets.address('no.js')}", "/static/000000000000/pages.css", f"/{assets.address('../site.py')}"):
        assert (await running.get(path, key="")).status_code == 404
