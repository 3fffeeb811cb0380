"""Who asks: a bearer key, or for reading a session, and what it reaches."""

from __future__ import annotations

import hmac
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Final, Literal

from fastapi import Depends, Request

from app.api.http.access.headers import names_this_machine
from app.api.http.csv import require_acceptable
from app.api.http.problems import Problem
from app.api.http.service import Service, service_of
from app.domain import codes
from app.domain.catalogues.root import Catalogues
from app.intake.personal import one_spelling
from app.intake.values import MAX_UNIT
from app.messages import BEYOND_KEY, NO_UNIT, Message, with_likely
from app.store.catalogues import roots
from app.store.connections.database import Connection
from app.store.keys import Key

Scope = Literal["ingest", "read", "admin"]


@dataclass(frozen=True, slots=True)
class Access:
    """What the caller may reach: `unit` with all under it. `unit` "" is open reading, which reaches everything."""

    root_id: int | None
    root: str
    unit: str
    key_id: str
    name: str
    until: float = math.inf
    """When it ends by itself, seconds since 1970."""

    def require_reach(self, unit: str) -> None:
        """Refuse a unit outside the subtree, by dotted segments."""
        if self.unit and not codes.is_under(unit, self.unit):
            raise Problem("forbidden_unit", BEYOND_KEY, "unit")

    def find_unit(self, catalogues: Catalogues, text: str) -> str:
        """The code of the asked unit (or alias); refused outside the key's reach first, then when it does not exist."""
        code = catalogues.resolve(one_spelling(text, MAX_UNIT))
        self.require_reach(code)
        if code not in catalogues.units:
            likely = codes.likely_unit_code(code, catalogues.units.__contains__)
            reached = likely is not None and codes.is_under(likely, self.unit or likely)
            raise Problem("unknown_unit", with_likely(NO_UNIT, likely if reached else None), "unit")
        return code


_OTHER_NAME: Final = Message(
    "reading without a key is for who asks this machine by its own name: `localhost` or 127.0.0.1",
    "chỉ đọc được không cần khóa khi gọi máy này bằng chính tên của nó: `localhost` hoặc 127.0.0.1",
)


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def bears(request: Request, key: str) -> bool:
    """Whether a request bears this key, which is none of the database's."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(text.strip().encode("latin-1"), key.encode())


def access_for(scope: Scope) -> Callable[..., Awaitable[Access]]:
    """A dependency that lets through keys of `scope` only."""

    async def check(request: Request, service: Annotated[Service, Depends(service_of)]) -> Access:
        access = await access_of(request, service, scope)
        if scope == "read":
            require_acceptable(request)
        return access

    return check


Reading = Annotated[Access, Depends(access_for("read"))]
Pushing = Annotated[Access, Depends(access_for("ingest"))]
Administering = Annotated[Access, Depends(access_for("admin"))]
"""Parameters of routes: who asks, with a key of the scope."""


async def access_of(request: Request, service: Service, scope: Scope) -> Access:
    """What the caller may reach with a key of `scope`.

    Raises:
        Problem: unauthenticated, forbidden_scope or rate_limited.
    """
    header = request.headers.get("authorization", "")
    kind, _, text = header.partition(" ")
    if not header and scope == "read":
        # A browser sends cookies with whatever it is made to send: they open nothing but looking.
        access = await of_session(request, service) if request.method in ("GET", "HEAD") else None
        if access is not None:
            request.state.session = True
            await service.limits.take_read(access.key_id or access.unit)
            return access
        if service.settings.auth.open_reading and _is_loopback(request):
            if names_this_machine(request.headers.get("host", ""), service.settings.http.public_url):
                return Access(None, "", "", "", "open reading")
            raise Problem("unauthenticated", _OTHER_NAME)
    if kind.lower() != "bearer" or not text.strip():
        raise Problem(
            "unauthenticated", Message("send Authorization: Bearer <key>", "gửi Authorization: Bearer <khóa>")
        )
    return await access_by(text.strip(), request, service, scope)


async def access_by(text: str, request: Request, service: Service, scope: Scope) -> Access:
    """What a key of `scope`, which came with a request, reaches.

    Raises:
        Problem: unauthenticated, forbidden_scope or rate_limited.
    """
    key = await key_of(request, service, text)
    if key is None:
        raise Problem(
            "unauthenticated",
            Message("the key is not known or was revoked", "khóa API không tồn tại hoặc đã bị thu hồi"),
        )
    # Who may write something may look at what is there.
    if scope not in key.scopes and not (scope == "read" and "admin" in key.scopes):
        needed = Message(
            "this call needs a key of scope {scope}", "lời gọi này cần khóa API có quyền {scope}", scope=scope
        )
        raise Problem("forbidden_scope", needed)
    if scope != "ingest":
        await service.limits.take_read(key.id)
    return Access(key.root_id, codes.root_of(key.unit), key.unit, key.id, key.name)


async def key_of(request: Request, service: Service, text: str) -> Key | None:
    """The key behind a text that a request has, when it is in force.

    Raises:
        Problem: rate_limited, where wrong ones come too often from there.
    """
    service.limits.require_calm(request, text)
    key = await service.keys.find(text)
    if key is None:
        await service.limits.was_wrong(request)
    else:
        service.limits.was_right(key.id)
    return key


async def of_session(request: Request, service: Service) -> Access | None:
    """What who has logged in may reach, as long as the key is in force, or the unit is there."""
    session = service.sessions.of(request)
    if session is None:
        return None
    if session.key_id:
        key = await service.keys.known(session.key_id)
        if key is None or not may_read(key):
            return None
        return Access(key.root_id, codes.root_of(key.unit), key.unit, key.id, key.name, session.until)
    async with service.database.connection("read", service.database.look_up_seconds) as connection:
        root_id = await roots.of_unit(connection, session.unit)
    return Access(root_id, codes.root_of(session.unit), session.unit, "", "", session.until) if root_id else None


def may_read(key: Key) -> bool:
    """Whether a key opens reading."""
    return not key.scopes.isdisjoint(("read", "admin"))


async def root_for(connection: Connection, access: Access, unit: str | None) -> int:
    """The id of the root an asked unit belongs to; with a key always the key's own root."""
    if access.root_id is not None:
        return access.root_id
    if unit is None:
        only = await roots.only(connection)
        if only is None:
            several = Message(
                "name a unit: there is not exactly one root", "hãy nêu đơn vị: không phải chỉ có một đơn vị gốc"
            )
            raise Problem("invalid_parameter", several, "unit")
        return only
    if "\0" in unit:
        raise Problem("invalid_parameter", Message("not a unit code", "không phải mã đơn vị"), "unit")
    found = await roots.of_unit(connection, unit)
    if found is None:
        raise Problem("unknown_unit", NO_UNIT, "unit")
    return found
