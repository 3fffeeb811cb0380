"""Answers: JSON of exact values, and weak ETags over what does not merely tell the time.

A figure is encoded once: its bytes are kept with its ETag, and what tells the time of asking is put in when it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import msgspec
from fastapi import Request, Response

from app.domain.calendar.civil import Instant, clock_of

# Decimal is a string to msgspec unless it is told otherwise.
_ENCODER = msgspec.json.Encoder(decimal_format="number")

LATER: Final = "\0"
"""Stands in a body for what tells only the time of asking. No text of an answer is this: the database takes none."""
_COMPRESSED: Final = re.compile(r'[-;]+(gzip|br|deflate|zstd)"$')
_LATER: Final = re.compile(rb',"(\w+)":"\\u0000"')


def encode(body: Any) -> bytes:
    """JSON bytes of an answer."""
    return _ENCODER.encode(body)


def instant(at: Instant | int, micros: bool = False) -> str:
    """An instant as RFC 3339 in civil time; with all six digits where asked, else only when it has any."""
    return clock_of(at).isoformat(timespec="microseconds" if micros else "auto")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A figure's bytes, in turn what stands and the names of what is told `LATER`."""

    parts: tuple[bytes, ...]
    tag: str

    @classmethod
    def of(cls, body: object, beside: object = None) -> Encoded:
        """A body in its bytes; `beside` is what another ETag is to come of though the body does not tell it."""
        parts = tuple(_LATER.split(encode(body)))
        return cls(parts, _tag(*parts[::2], encode(beside)))

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(map(len, self.parts))

    def tells(self, name: str) -> bool:
        """Whether it has a field of this name that is told when it is sent."""
        return name.encode() in self.parts[1::2]

    def sent(self, later: Mapping[str, str | None]) -> bytes:
        """The whole answer."""
        parts = list(self.parts)
        for place in range(1, len(parts), 2):
            name = parts[place]
            parts[place] = b',"%b":%b' % (name, encode(later[name.decode()]))
        return b"".join(parts)

    def tag_as(self, media_type: str) -> str:
        """The ETag of the same in another form."""
        return _tag(self.tag.encode(), media_type.encode())


def _tag(*parts: bytes) -> str:
    digest = blake2b(digest_size=12)
    for part in parts:
        digest.update(part)
    return f'W/"{digest.hexdigest()}"'


def json_response(body: object, status: int = 200) -> Response:
    """An answer that is no figure."""
    return Response(encode(body), status_code=status, media_type="application/json")


def figure_response(request: Request, figure: Encoded, later: Mapping[str, str | None]) -> Response:
    """A figure with its weak ETag, or 304 when the caller has it already.

    Args:
        later: what tells only the time of asking (`as_of`); part of the answer, not of the ETag.
    """
    return unchanged(request, figure.tag) or tagged(figure.sent(later), "application/json", figure.tag)


def tagged(content: bytes, media_type: str, tag: str) -> Response:
    """An answer with its ETag."""
    return Response(content, media_type=media_type, headers={"ETag": tag, "Cache-Control": "no-cache"})


def _bare(tag: str) -> str:
    """A tag as it is compared: weakly, and without what a proxy that compressed the answer has put to it."""
    return _COMPRESSED.sub('"', tag.strip().removeprefix("W/"))


def unchanged(request: Request, tag: str) -> Response | None:
    """304 when the caller has it already."""
    known = {_bare(each) for line in request.headers.getlist("if-none-match") for each in line.split(",")}
    if "*" in known or _bare(tag) in known:
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "no-cache"})
    return None
