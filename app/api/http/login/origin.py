"""Where a form was sent from, and where it may lead to."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from fastapi import Request

_LONGEST: Final = 2_000


def is_own(request: Request, public: str | None) -> bool:
    """Whether a form was sent by a page of this service and no other.

    Browsers say so themselves, which needs no token and nothing kept: by Sec-Fetch-Site over TLS and on the machine
    itself, everywhere by Origin. Who says neither is no browser of today, and has the API.

    Args:
        public: the service's own origin; without it that of the Host header.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin", "")
    if public is not None and origin == public:
        return True
    return bool(origin) and urlsplit(origin).netloc == request.headers.get("host")


def local(text: str | None) -> str:
    """An address beneath the service's own, as given to `/login?next=`, without the first slash; "" for any other.

    Browsers take a backslash for a slash and leave out tabs and line ends, so what has any of them is not followed.
    """
    text = text or ""
    path = text.removeprefix("/")
    odd = len(text) > _LONGEST or "\\" in text or not text.isprintable() or path.startswith("/") or path != path.strip()
    # Browsers take %2e for a dot.
    steps = path.partition("?")[0].lower().replace("%2e", ".").replace("%252e", ".").split("/")
    if odd or ":" in path.partition("?")[0].partition("/")[0] or ".." in steps:
        return ""
    return "" if path.partition("?")[0].split("/")[0] in ("login", "logout") else path
