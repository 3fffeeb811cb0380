"""How a page gets its figures: it asks the API's own routes in process, as whoever looks would.

So a page has no figure of its own and no rule of its own: what it shows is an answer, refusals are the API's problems,
and the reach of a key or a session is the API's to judge.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import Message

from app.api.http import problems
from app.messages import Language

_HANDED_ON: Final = frozenset((b"authorization", b"cookie", b"host"))
"""Of the visitor's headers, what says who asks, and by which name."""

Answer = Any
"""JSON of the API; numbers with a fraction are exact decimals."""


class Refused(Exception):
    """The API's refusal of what a page asked: a problem (RFC 9457)."""

    def __init__(self, problem: Mapping[str, Any], retry_after: str | int | None = None) -> None:
        super().__init__(problem.get("detail"))
        self.status: int = problem["status"]
        self.code: str = problem["code"]
        self.problem = problem
        self.retry_after = retry_after
        """Seconds after which it may be tried again, where that is known."""


class Asking:
    """Asks on behalf of one visitor; refusals are told in `language`."""

    def __init__(self, request: Request, language: Language) -> None:
        self._request = request
        self._language = language
        self.tags: dict[str, str] = {}
        """ETags of the answers, by path, the first of each: what a stream is told the page shows already."""

    async def __call__(self, path: str, **query: str | list[str] | None) -> Answer:
        """The answer of `GET path`; parameters that are None are left out, a list is given once for each.

        Raises:
            Refused: with the API's problem.
        """
        status, body, retry_after = await self._get(
            path, {name: value for name, value in query.items() if value is not None}
        )
        answer = json.loads(body, parse_float=Decimal)
        if status >= 400:
            raise Refused(answer, retry_after)
        return answer

    async def or_none(self, path: str, *codes: str, **query: str | list[str] | None) -> Answer | None:
        """The answer, or None where it is refused for one of `codes`."""
        try:
            return await self(path, **query)
        except Refused as refused:
            if refused.code in codes:
                return None
            raise

    async def _get(self, path: str, query: Mapping[str, str | list[str]]) -> tuple[int, bytes, str | None]:
        scope = self._request.scope
        headers = [each for each in scope["headers"] if each[0] in _HANDED_ON]
        asked = {
            **scope,
            "method": "GET",
            "path": scope.get("root_path", "") + path,
            "raw_path": quote(path).encode(),
            "query_string": urlencode(query, doseq=True).encode(),
            "headers": [*headers, (b"accept-language", self._language.encode())],
            "state": dict(scope.get("state", {})),
        }
        status, parts = 500, []
        retry_after: str | None = None
        tags = self.tags

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status, retry_after
            if message["type"] == "http.response.start":
                status = message["status"]
                told = dict(message["headers"])
                if (tag := told.get(b"etag")) is not None:
                    tags.setdefault(path, tag.decode())
                if (wait := told.get(b"retry-after")) is not None:
                    retry_after = wait.decode()
            else:
                parts.append(message.get("body", b""))

        # The router, not the application: the visitor's request is logged and measured once.
        try:
            await self._request.app.router(asked, receive, send)
        except HTTPException as error:
            # No route: a part of the address with what no name has.
            raise Refused(problems.details(problems.of_http(error), None, self._language)) from error
        return status, b"".join(parts), retry_after
