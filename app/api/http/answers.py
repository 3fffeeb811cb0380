"""Answers: JSON of exact values, and weak ETags over what does not merely tell the time."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec
from fastapi import Request, Response

from app.domain.calendar.civil import Instant, clock_of

# Decimal is a string to msgspec unless it is told otherwise.
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encode(body: Any) -> bytes:
    """JSON bytes of an answer."""
    return _ENCODER.encode(body)


def instant(at: Instant | int, micros: bool = False) -> str:
    """An instant as RFC 3339 in civil time; with all six digits where asked, else only when it has any."""
    return clock_of(at).isoformat(timespec="microseconds" if micros else "auto")


def json_response(body: Any, status: int = 200) -> Response:
    """An answer that is no figure."""
    return Response(encode(body), status_code=status, media_type="application/json")


def tag_of(body: Mapping[str, Any]) -> str:
    """The weak ETag of a figure, made of what it says and not of what merely tells the time."""
    return f'W/"{blake2b(encode(body), digest_size=12).hexdigest()}"'


def figure_response(request: Request, body: Mapping[str, Any], moving: Mapping[str, Any]) -> Response:
    """A figure with its weak ETag, or 304 when the caller has it already.

    Args:
        body: what the figure says.
        moving: what tells only the time of asking (`as_of`); part of the answer, not of the ETag.
    """
    tag = tag_of(body)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if _matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    whole = merged(body, moving)
    return Response(encode(whole), headers=headers, media_type="application/json")


def _matches(header: str, tag: str) -> bool:
    known = [each.strip() for each in header.split(",")]
    return "*" in known or tag in known or tag.removeprefix("W/") in known


def merged(body: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """A body with more in it, inside its inner objects too."""
    whole = dict(body)
    for name, value in more.items():
        whole[name] = merged(whole[name], value) if isinstance(value, Mapping) else value
    return whole
