"""Catalogues: units, procedures, targets, external figures and the calendar, put by admin keys, listed to readers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from app.api.http.answers import json_response
from app.api.http.auth import Access, access_for, root_for
from app.api.http.bodies import body_of
from app.api.http.parameters import only
from app.api.http.problems import Problem
from app.api.http.service import Service, service_of
from app.domain import codes
from app.domain.push import Rejected
from app.intake.bodies import BodyProblem
from app.intake.catalogues import Kind, Row, parse_rows
from app.store.catalogues import edit
from app.store.catalogues.edit import PutResult
from app.store.catalogues.listing import listing
from app.store.snapshot import reading_moment

router = APIRouter(tags=["catalogues"])

Admin = Annotated[Access, Depends(access_for("admin"))]
Reader = Annotated[Access, Depends(access_for("read"))]
Serving = Annotated[Service, Depends(service_of)]

_PARSED_ASIDE: Final = 256 * 1024
_TAKES: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}


@router.put("/v1/units", summary="Add or change units", openapi_extra=_TAKES)
async def put_units(request: Request, access: Admin, service: Serving) -> Response:
    """Upsert units of the key's subtree."""
    return await _put(request, access, service, "units", edit.put_units)


@router.put("/v1/procedures", summary="Add or change procedures", openapi_extra=_TAKES)
async def put_procedures(request: Request, access: Admin, service: Serving) -> Response:
    """Upsert procedures; `refolding` says how many lives are folded again in the background."""
    return await _put(request, access, service, "procedures", edit.put_procedures)


@router.put("/v1/targets", summary="Set or remove targets", openapi_extra=_TAKES)
async def put_targets(request: Request, access: Admin, service: Serving) -> Response:
    """Upsert yearly targets of units or levels; value null removes one."""
    return await _put(request, access, service, "targets", edit.put_targets)


@router.put("/v1/external-figures", summary="Enter external figures", openapi_extra=_TAKES)
async def put_external_figures(request: Request, access: Admin, service: Serving) -> Response:
    """Upsert figures entered by hand (SIPAS, DTI, counts of the national report)."""
    entered_by = access.name or access.key_id
    put = partial(edit.put_external_figures, entered_by=entered_by, now=service.clock())
    return await _put(request, access, service, "external-figures", put)


@router.put("/v1/calendar", summary="Override days of the calendar", openapi_extra=_TAKES)
async def put_calendar(request: Request, access: Admin, service: Serving) -> Response:
    """Upsert holidays and swap days; what depends on working days is folded again."""
    return await _put(request, access, service, "calendar", edit.put_calendar)


@router.get("/v1/units", summary="The units")
async def list_units(request: Request, access: Reader, service: Serving) -> Response:
    """The units within the key's reach, parents as they are in effect."""
    return await _list(request, access, service, "units", "code")


@router.get("/v1/units/{code}", summary="One unit")
async def one_unit(code: str, request: Request, access: Reader, service: Serving) -> Response:
    """A unit by its code or an alias."""
    only(request, ())
    async with service.database.snapshot() as connection:
        root_id = await root_for(connection, access, code)
        moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
        unit = access.find_unit(moment.catalogues, code)
        (found,) = await listing(connection, root_id, "units", unit)
    return json_response(found)


@router.get("/v1/procedures", summary="The procedures")
async def list_procedures(request: Request, access: Reader, service: Serving) -> Response:
    """The procedures of the root."""
    return await _list(request, access, service, "procedures", None)


@router.get("/v1/procedures/{code}", summary="One procedure")
async def one_procedure(code: str, request: Request, access: Reader, service: Serving) -> Response:
    """A procedure by its code."""
    query = only(request, ("unit",))
    if not codes.is_procedure_code(code):
        raise Problem("not_found", "the catalogue has no procedure of this code")
    async with service.database.snapshot() as connection:
        root_id = await root_for(connection, access, query.get("unit"))
        found = await listing(connection, root_id, "procedures", code)
    if not found:
        raise Problem("not_found", "the catalogue has no procedure of this code")
    return json_response(found[0])


@router.get("/v1/targets", summary="The targets")
async def list_targets(request: Request, access: Reader, service: Serving) -> Response:
    """The targets of levels, and those of units within the key's reach."""
    return await _list(request, access, service, "targets", "unit")


@router.get("/v1/external-figures", summary="The external figures")
async def list_external_figures(request: Request, access: Reader, service: Serving) -> Response:
    """The external figures of units within the key's reach, with who entered them and when."""
    return await _list(request, access, service, "external-figures", "unit")


@router.get("/v1/calendar", summary="The calendar")
async def list_calendar(request: Request, access: Reader, service: Serving) -> Response:
    """Holidays and swap days of the root; `seeded` ones came with the service."""
    return await _list(request, access, service, "calendar", None)


async def _put(
    request: Request,
    access: Access,
    service: Service,
    kind: Kind,
    put: Callable[..., Awaitable[PutResult]],
) -> Response:
    only(request, ())
    async with body_of(request, service) as body:
        items = await _parsed(request, kind, body)
        rows = [item for item in items if isinstance(item, Row)]
        assert access.root_id is not None
        result = await put(service.database, service.catalogue_cache, access.root_id, access.unit, rows)
    if result.refolding:
        service.refolder.wake()
    return json_response(_told(result, [item for item in items if isinstance(item, Rejected)]))


async def _parsed(request: Request, kind: Kind, body: bytes) -> list[Row | Rejected]:
    arguments = (kind, body, request.headers.get("content-type"))
    try:
        if len(body) > _PARSED_ASIDE:
            return await run_in_threadpool(parse_rows, *arguments)
        return parse_rows(*arguments)
    except BodyProblem as problem:
        raise Problem(problem.code, problem.detail, problem.field) from problem


def _told(result: PutResult, unread: Sequence[Rejected]) -> dict[str, Any]:
    errors = sorted([*result.errors, *unread], key=lambda each: each.index)
    return {
        "accepted": result.accepted,
        "duplicates": 0,
        "rejected": len(errors),
        "errors": [
            {"index": each.index, "id": each.id, "code": each.code, "field": each.field, "detail": each.detail}
            for each in errors
        ],
        "refolding": result.refolding,
    }


async def _list(request: Request, access: Access, service: Service, kind: Kind, owner: str | None) -> Response:
    """A catalogue's rows; those whose `owner` column names a unit only where the key, and the asked unit, reach it."""
    query = only(request, ("unit",))
    async with service.database.snapshot() as connection:
        root_id = await root_for(connection, access, query.get("unit"))
        reach = access.unit
        if "unit" in query:
            moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
            reach = access.find_unit(moment.catalogues, query["unit"])
        rows = await listing(connection, root_id, kind)
    if owner is not None and reach:
        rows = [row for row in rows if row[owner] is None or codes.is_under(row[owner], reach)]
    return json_response(rows)
