"""Pages of lists: `limit`, and cursors that only their own list understands."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
from fastapi import Request, Response

from app.api.http.problems import Problem
from app.api.http.service import Service
from app.messages import GIVEN_TWICE, Message

LARGEST: Final = 1_000
USUAL: Final = 100
_SIGNATURE: Final = 12
_T = TypeVar("_T")


@dataclass(frozen=True)
class Paged:
    """A request without its paging, the page asked for, and what cursors are signed with: by the first, read by any."""

    request: Request
    limit: int
    cursor: str | None
    peppers: Sequence[bytes]

    @classmethod
    def of(cls, request: Request, service: Service) -> Paged:
        """`limit` and `cursor` taken out of a query. (A cursor may be longer than other parameters.)"""
        query = request.query_params.multi_items()
        given = {name: value for name, value in query if name in ("limit", "cursor")}
        if len(given) < sum(name in given for name, _ in query):
            raise Problem("invalid_parameter", GIVEN_TWICE, "cursor" if "cursor" in given else "limit")
        rest = [(name, value) for name, value in query if name not in given]
        bare = Request({**request.scope, "query_string": urlencode(rest).encode()})
        # A file is taken once, by people who see no links: it has as much as may be had.
        usual = LARGEST if ("format", "csv") in query else USUAL
        return cls(bare, _limit(given.get("limit"), usual), given.get("cursor"), service.peppers)

    def mark(self, kind: type[_T], about: Sequence[object]) -> _T | None:
        """Where the list `about` something goes on, by the cursor that was given out for it."""
        if self.cursor is None:
            return None
        try:
            sealed = urlsafe_b64decode(self.cursor.encode("ascii"))
            content = sealed[_SIGNATURE:]
            # The decoder passes over what is no letter of its own, and over all after the padding.
            as_given = urlsafe_b64encode(sealed).decode() == self.cursor
            ours = (self._signature(content, about, each) for each in self.peppers)
            if not as_given or not any(hmac.compare_digest(each, sealed[:_SIGNATURE]) for each in ours):
                raise ValueError
            return msgspec.msgpack.decode(content, type=kind)
        except ValueError as error:  # also what the decoders raise
            raise Problem(
                "invalid_parameter",
                Message("not a cursor of this list", "không phải con trỏ của danh sách này"),
                "cursor",
            ) from error

    def cursor_of(self, mark: Any, about: Sequence[object]) -> str | None:
        """The cursor for the page after `mark`."""
        if mark is None:
            return None
        content = msgspec.msgpack.encode(mark)
        return urlsafe_b64encode(self._signature(content, about, self.peppers[0]) + content).decode()

    def _signature(self, content: bytes, about: Sequence[object], pepper: bytes) -> bytes:
        # What the list is about is signed with it: a cursor of another list is none of this one.
        return hmac.digest(pepper, repr(("cursor 1", *about)).encode() + content, "sha256")[:_SIGNATURE]

    def linked(self, answer: Response, cursor: str | None) -> Response:
        """The answer with a link to the next page: a table has no other place for it. A file is called a part then,
        each after the first by the beginning of its cursor."""
        name = answer.headers.get("Content-Disposition")
        if name is not None and (cursor is not None or self.cursor is not None):
            part = "-part" if self.cursor is None else f"-part-{self.cursor[:8]}"
            answer.headers["Content-Disposition"] = name.replace('.csv"', f'{part}.csv"')
        if cursor is not None:
            rest = self.request.query_params.multi_items()
            query = urlencode([*rest, ("limit", str(self.limit)), ("cursor", cursor)])
            answer.headers["Link"] = f'<{self.request.url.path}?{query}>; rel="next"'
        return answer


def _limit(text: str | None, usual: int) -> int:
    if text is None:
        return usual
    if text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= LARGEST:
        return int(text)
    span = Message("a number from 1 to {most}", "số từ 1 đến {most}", most=LARGEST)
    raise Problem("invalid_parameter", span, "limit")
