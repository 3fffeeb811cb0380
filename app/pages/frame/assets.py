"""Style sheets and scripts: under an address that changes with what they hold, so that browsers keep them for ever."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FOLDER: Final = Path(str(files("app.pages").joinpath("static")))


@cache
def version() -> str:
    """A digest of all of them: modules import each other by name, so they change their address together."""
    digest = hashlib.sha256()
    for file in sorted(_FOLDER.iterdir()):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def address(name: str) -> str:
    """The address of a file, beneath the service's own."""
    return f"static/{version()}/{name}"


class _Lasting(StaticFiles):
    """Files that never change under their address."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code != 200:
            return response
        if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            response = Response(_packed(path), media_type=response.media_type, headers={"Content-Encoding": "gzip"})
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


@cache
def _packed(name: str) -> bytes:
    """A file as it travels: the scripts of the charts are 900 kB, packed a third of it."""
    return gzip.compress((_FOLDER / name).read_bytes(), 9, mtime=0)


def install(app: FastAPI) -> None:
    """Serve them."""
    app.mount(f"/static/{version()}", _Lasting(directory=_FOLDER), name="static")
