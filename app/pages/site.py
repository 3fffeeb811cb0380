"""All pages together."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from app.pages import assets, dossiers, frame, home, indicator, life, ranking, today, unit, wall

_PAGES: Final = (home, unit, indicator, dossiers, life, ranking, today, wall)


def install(app: FastAPI) -> None:
    """Add the pages and what they load."""
    frame.install(app)
    assets.install(app)
    for each in _PAGES:
        app.include_router(each.router)
