"""Problems told without the application: what was refused never became a request."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.api.http.access.headers import NOSNIFF
from app.api.http.problems import MEDIA_TYPE, RETRY_AFTER, Problem, details

_MORE: Final = {
    405: ((b"allow", b"GET, HEAD, OPTIONS, POST, PUT"),),
    503: ((b"retry-after", b"%d" % RETRY_AFTER),),
}


def refusal(always: Iterable[tuple[bytes, bytes]], problem: Problem) -> bytes:
    """A whole answer; the connection ends with it.

    Args:
        always: headers of every answer.
    """
    request_id = os.urandom(16).hex()
    body = msgspec.json.encode(details(problem, request_id))
    headers = (
        *always,
        *NOSNIFF,
        *_MORE.get(problem.status, ()),
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
        (b"connection", b"close"),
    )
    return b"".join((STATUS_LINE[problem.status], *(b"%b: %b\r\n" % each for each in headers), b"\r\n", body))
