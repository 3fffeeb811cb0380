"""Reading request bodies: bounded in size, decompressed, and bounded in what is in flight at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from app.api.http.problems import Problem
from app.api.http.service import Service
from app.intake.bodies import BodyProblem, decompress


@asynccontextmanager
async def body_of(request: Request, service: Service) -> AsyncIterator[bytes]:
    """The decompressed body, counted as in flight until the block is left."""
    limit = service.settings.intake.max_body_bytes
    held = 0
    try:
        parts: list[bytes] = []
        async for part in request.stream():
            held = _hold(service, len(part), held)
            if held > limit:
                raise Problem("too_large", f"at most {limit:,} bytes")
            parts.append(part)
        body = b"".join(parts)
        encoding = request.headers.get("content-encoding")
        if encoding and encoding.strip().lower() != "identity":
            body = _decompressed(body, encoding, limit)
            held = _hold(service, len(body), held)
        yield body
    finally:
        service.bytes_in_flight -= held


def _hold(service: Service, size: int, held: int) -> int:
    service.bytes_in_flight += size
    if service.bytes_in_flight > service.settings.intake.max_bytes_in_flight:
        service.bytes_in_flight -= size
        raise Problem("overloaded", "too many bytes are being worked on; try again")
    return held + size


def _decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    try:
        return decompress(body, encoding, limit)
    except BodyProblem as problem:
        raise Problem(problem.code, problem.detail, problem.field) from problem
