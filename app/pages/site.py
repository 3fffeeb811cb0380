"""All pages together."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from app.pages import dossiers, feeds, home, indicator, life, login, ranking, today, unit, wall
from app.pages.frame import assets, page

_PAGES: Final = (home, login, unit, indicator, dossiers, life, ranking, today, feeds, wall)


def install(app: FastAPI) -> None:
    """Add the pages and what they load."""
    page.install(app)
    assets.install(app)
    for each in _PAGES:
        app.router.routes.extend(each.router.routes)
