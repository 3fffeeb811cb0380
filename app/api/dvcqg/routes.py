"""`/dvcqg/{key}`: the national portal's own interface, so that one-stop software needs but a second address.

The key is in the path, for its clients cannot send a header. The service is named by the last part of the path, or by
the body; whoever logs in gets a session, and nobody asks for one, since the key is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.api.dvcqg import answers, oauth
from app.api.dvcqg.receive import Received, receive, source_of
from app.api.http.auth import Access, access_by, access_of
from app.api.http.bodies import body_of, parsed
from app.api.http.problems import Problem
from app.api.http.service import Service, Serving
from app.domain.catalogues.root import Catalogues
from app.intake.dvcqg import dossier, envelope
from app.intake.dvcqg.dossier import Read
from app.intake.dvcqg.envelope import OAUTH, PUSHES, SERVICES, Call
from app.intake.dvcqg.oauth import told as told_by_oauth
from app.messages import Message
from app.store.portal import known, sources
from app.store.snapshot import reading_moment

router = APIRouter()

_LOGIN: Final = frozenset({"login", "dangnhap", "auth", "token"})
_ASIDE: Final = 64 * 1024
_UNKNOWN: Final = "dịch vụ không có: {service}"
_UNNAMED: Final = "chưa nêu dịch vụ: ở cuối địa chỉ (…/DongBoHoSoMC) hoặc trong `service`"
_BY_POST: Final = "dịch vụ này nhận bằng POST"
_NOTHING: Final = "nội dung không có hồ sơ hay bước nào: cần một mảng, hoặc `data`"
_LEVELS: Final[Mapping[str | None, str]] = {"ministry": "0", "province": "1", "department": "1", "commune": "3"}
"""Levels of units by the portal's numbers."""
_NAME: Final = re.compile(r"[a-z]{1,40}")


@router.api_route("/dvcqg/oauth/{rest:path}", methods=["GET", "POST"], include_in_schema=False)
async def call_by_token(request: Request, rest: str, service: Serving) -> Response:
    """The OAuth dialect with no key in the address: `…/token` makes a token of the key, the client's secret."""
    names = _parts(rest)
    if names and names[-1] in _LOGIN:
        key = await oauth.secret(request)
        await access_by(key, request, service, "ingest")
        return answers.token(key)
    return await _answered(request, await access_of(request, service, "ingest"), names, service)


@router.api_route("/dvcqg/{key}", methods=["GET", "POST"], include_in_schema=False)
async def call(request: Request, key: str, service: Serving) -> Response:
    """`DongBoHoSoMC`, `CapNhatTienDoHoSoMC`, `TraCuuHoSo` and whatever else the body names as `service`."""
    _require_key(key)
    return await _answered(request, await access_by(key, request, service, "ingest"), [], service)


@router.api_route("/dvcqg/{key}/{rest:path}", methods=["GET", "POST"], include_in_schema=False)
async def call_by_address(request: Request, key: str, rest: str, service: Serving) -> Response:
    """The same where the address may name the service: `…/DongBoHoSoMC`, `…/LayThuTuc?maTTHC=`; `…/login` logs in.

    The national portal's contract, not the service's own: not in its description (docs/integration.md).
    """
    _require_key(key)
    access = await access_by(key, request, service, "ingest")
    names = _parts(rest)
    if names and names[-1] == "token":
        return answers.token(_session(access))
    return await _answered(request, access, names, service)


def _require_key(key: str) -> None:
    """
    Raises:
        Problem: what stands in the key's place names a service.
    """
    if (name := SERVICES.get(key.lower())) is not None:
        told = Message(
            "the address has no key: `/dvcqg/(key)/{name}`", "địa chỉ chưa có khóa: `/dvcqg/(khóa)/{name}`", name=name
        )
        raise Problem("unauthenticated", told)


def _parts(rest: str) -> list[str]:
    return [part for part in rest.lower().split("/") if part]


async def _answered(request: Request, access: Access, names: list[str], service: Service) -> Response:
    if names and names[-1] in _LOGIN:
        return answers.done(await _success(service, access), session=_session(access))
    if names and names[-1] in oauth.FILES:
        return await oauth.file(request, service.settings.intake.max_body_bytes)
    named = next((name for name in reversed(names) if name in SERVICES), None)
    async with body_of(request, service, access) as body:
        arguments = (body, named, dict(request.query_params))
        made: Call = await parsed(envelope.read, *arguments, aside=len(body) > _ASIDE)
        if made.service in PUSHES or made.service in OAUTH:
            if request.method == "GET":
                return answers.failed(_BY_POST)
            if made.elements is None:
                return answers.failed(_NOTHING) if made.service in PUSHES else answers.of_oauth(422, {}, _NOTHING)
            outcome = await _received(service, access, made)
            if made.service in OAUTH:
                return answers.received_by_oauth(outcome)
            code = outcome.profile.success if outcome.profile is not None else await _success(service, access)
            return answers.received(code, outcome)
    match made.service:
        case None:
            named = next((name for name in reversed(names) if _NAME.fullmatch(name)), None)
            return answers.failed(_UNNAMED if named is None else _UNKNOWN.format(service=named))
        case envelope.LOGIN:
            return answers.done(await _success(service, access), session=_session(access))
    rows = await _looked_up(service, access, made)
    return answers.found(await _success(service, access), rows, request.method == "GET")


async def _success(service: Service, access: Access) -> str:
    """The code by which the clients of a key's source know success."""
    assert access.root_id is not None
    async with service.database.connection("read") as connection:
        return (await sources.read(connection, access.root_id, source_of(access))).profile.success


async def _received(service: Service, access: Access, made: Call) -> Received:
    told = _read(made)
    most = service.settings.intake.max_events
    if len(told) > most:
        raise Problem("too_many_events", _too_many(most))
    await service.limits.take_events(access.key_id, len(told))
    return await receive(service, access, told)


def _read(made: Call) -> list[Read]:
    assert made.elements is not None
    match made.service:
        case "DongBoHoSoMC":
            return [dossier.dossier(each, made.agency) for each in made.elements]
        case "CapNhatTienDoHoSoMC":
            return [dossier.step(each) for each in made.elements]
    assert made.service is not None
    return told_by_oauth(made.service, made.elements, made.agency)


def _session(access: Access) -> str:
    """The same for a key whenever it logs in: clients keep it for ten minutes, and it opens nothing by itself."""
    return str(UUID(bytes=blake2b(access.key_id.encode(), digest_size=16).digest(), version=4))


async def _looked_up(service: Service, access: Access, made: Call) -> list[dict[str, Any]]:
    assert access.root_id is not None
    async with service.database.snapshot() as connection:
        if made.service == "TraCuuHoSo":
            rows = await known.read(connection, access.root_id, source_of(access), [made.about or ""])
            return [
                {"MaHoSo": subject, "TrangThaiHoSo": str(row.known.in_order()[-1].state.status or 2)}
                for subject, row in rows.items()
                if row.known.states
            ]
        moment = await reading_moment(connection, service.catalogue_cache, access.root_id, service.clock)
    return _catalogue(made, moment.catalogues)


def _catalogue(made: Call, catalogues: Catalogues) -> list[dict[str, Any]]:
    """Rows as the national portal names them, of what the root's catalogues hold."""
    known_ones = [each for each in catalogues.procedures.values() if each.name]
    match made.service:
        case "LayDanhMucCoQuan":
            units = catalogues.units.values()
            return [
                {"MADONVI": each.code, "TENDONVI": each.name or each.code, "CAPDONVI": _LEVELS.get(each.level)}
                for each in units
            ]
        case "LayDanhMucLinhVuc":
            sectors = sorted({each.sector for each in known_ones if each.sector})
            return [{"MALINHVUC": each, "TENLINHVUC": each} for each in sectors]
        case "LayThuTuc":
            # Also of one that is not there: its software fills in what it sends with what it finds.
            asked = made.about or ""
            named = catalogues.procedures.get(dossier.procedure(asked) or "")
            name, sector = (named.name or "", named.sector or "") if named is not None else ("", "")
            return [
                {"MATTHC": asked, "TENTTHC": name, "LINHVUCTHUCHIEN": [{"MALINHVUC": sector, "TENLINHVUC": sector}]}
            ]
    return [{"MATTHC": each.code, "TENTTHC": each.name} for each in known_ones]


def _too_many(most: int) -> Message:
    return Message(
        "at most {most:,} dossiers or steps in a call", "tối đa {most:,} hồ sơ hoặc bước mỗi lần gọi", most=most
    )
