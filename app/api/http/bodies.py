"""Reading request bodies: bounded in size, decompressed, and bounded in what is in flight at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from app.api.http.auth import Access
from app.api.http.problems import Problem
from app.api.http.service import Hold, Service
from app.intake.bodies import BodyProblem, decompress
from app.messages import Message

_T = TypeVar("_T")


@asynccontextmanager
async def body_of(request: Request, service: Service, access: Access) -> AsyncIterator[bytes]:
    """The decompressed body, counted as in flight until the block is left.

    Raises:
        Problem: also when it is not as long as was announced; nothing of it may be taken then.
    """
    limit = service.settings.intake.max_body_bytes
    hold = service.budget.hold(access.key_id)
    try:
        body = await _read(request, hold, limit)
        encoding = _header(request, b"content-encoding")
        if encoding and encoding.strip().lower() != "identity":
            packed = len(body)
            body = _decompressed(body, encoding, limit)
            hold.give_back(packed)
            hold.take(len(body))
        yield body
    finally:
        hold.give_back()


async def _read(request: Request, hold: Hold, limit: int) -> bytes:
    announced = _announced(request)
    if announced is not None and announced > limit:
        raise _too_large(limit)
    if announced is None and request.scope["http_version"] == "1.0":
        # It has no other way to say where a body ends: whatever follows would be left behind.
        unannounced = Message(
            "HTTP/1.0 has to announce the length of a body (Content-Length)",
            "HTTP/1.0 phải báo độ dài nội dung (Content-Length)",
        )
        raise Problem("incomplete_body", unannounced)
    parts: list[bytes] = []
    async for part in request.stream():
        hold.take(len(part))
        if hold.size > limit:
            raise _too_large(limit)
        parts.append(part)
    if announced is not None and announced != hold.size:
        differs = Message(
            "{announced:,} bytes were announced, {came:,} came",
            "đã báo {announced:,} byte, nhận được {came:,}",
            announced=announced,
            came=hold.size,
        )
        raise Problem("incomplete_body", differs)
    # A reader that took the offer of another protocol for accepted has thrown the chunks away; ours removes the offer.
    if not hold.size and "upgrade" in request.headers and "transfer-encoding" in request.headers:
        hidden = Message(
            "an offer of another protocol has hidden the body", "đề nghị đổi giao thức đã che mất nội dung"
        )
        raise Problem("incomplete_body", hidden)
    return b"".join(parts)


def _header(request: Request, name: bytes) -> str | None:
    """A header as it came: two of every request are asked for, which the framework's mapping would decode all for."""
    return next((value.decode("latin-1") for key, value in request.scope["headers"] if key == name), None)


def _announced(request: Request) -> int | None:
    length = _header(request, b"content-length")
    if length is None:
        return None
    if not (length.isascii() and length.isdigit()):
        raise Problem("incomplete_body", Message("the Content-Length is no number", "Content-Length không phải là số"))
    # So many digits that no body has them are not even read as a number.
    return int(length[-18:]) if len(length.lstrip("0")) <= 18 else 10**18


async def parsed(parse: Callable[..., _T], *arguments: Any, aside: bool) -> _T:
    """What `parse` makes of a body; `aside` in a thread, so that others are answered meanwhile.

    A refusal comes back as a value: raised out of the thread it would hold the body, in a ring with its own traceback
    that is only found when memory is searched for such rings.

    Raises:
        Problem: the body cannot be read.
    """
    read = partial(_read_or_refused, parse, *arguments)
    found = await run_in_threadpool(read) if aside else read()
    if not isinstance(found, Problem):
        return found
    try:
        raise found
    finally:
        del found, read, arguments


def _read_or_refused(parse: Callable[..., _T], *arguments: Any) -> _T | Problem:
    try:
        return parse(*arguments)
    except BodyProblem as problem:
        return Problem(problem.code, problem.detail, problem.field)


def _too_large(limit: int) -> Problem:
    return Problem("too_large", Message("at most {most:,} bytes", "tối đa {most:,} byte", most=limit))


def _decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    try:
        return decompress(body, encoding, limit)
    except BodyProblem as problem:
        raise Problem(problem.code, problem.detail, problem.field) from problem
