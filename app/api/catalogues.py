"""Catalogues: units, procedures, targets, external figures and the calendar, put by admin keys, listed to readers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import GenericAlias
from typing import Annotated, Any, Final, Literal, NotRequired

from fastapi import Path, Request, Response
from typing_extensions import TypedDict

from app.api.events import Told, refused
from app.api.figures.scorecard import Entered
from app.api.http.answers import json_response
from app.api.http.auth import Access, Administering, Reading, root_for
from app.api.http.bodies import body_of, parsed
from app.api.http.csv import listed_response
from app.api.http.fields import Number, answer, date, said, whole
from app.api.http.openapi.events import CORE_PATTERN
from app.api.http.openapi.parameters import ANY_UNIT, CONTENT_ENCODING, ROOT_UNIT
from app.api.http.openapi.routes import BODY, UNIT, Router, rows_of, told
from app.api.http.parameters import INDICATORS, only
from app.api.http.problems import Problem, language_of
from app.api.http.service import Service, Serving
from app.domain import codes
from app.domain.catalogues.root import APPLICANTS, LEVELS, SERVICE_LEVELS, CatalogueName
from app.domain.feeds import COVERAGE
from app.domain.push import Rejected
from app.intake.catalogues import FORMS, Row, parse_rows
from app.messages import Language, Message
from app.store.audit import Actor
from app.store.catalogues import edit
from app.store.catalogues.edit import PutResult
from app.store.catalogues.listing import listing
from app.store.snapshot import reading_moment

router = Router("catalogues")

# Of the demo province, where the page of the description can be tried.
UnitPath = Annotated[
    str, Path(description="The unit's code or an alias.", openapi_examples={"department": {"value": "H44.07"}})
]
ProcedurePath = Annotated[
    str, Path(description="The procedure's code.", openapi_examples={"procedure": {"value": "1.004654"}})
]

_NO_PROCEDURE: Final = Message(
    "the catalogue has no procedure of this code", "danh mục không có thủ tục hành chính mang mã này"
)
_PARSED_ASIDE: Final = 256 * 1024
UNIT_PATTERN: Final = r"^[A-Za-z0-9]{1,12}(\.[A-Za-z0-9]{1,12}){0,9}$"
CHANGE_CODES: Final = (
    "invalid_json",
    "invalid_value",
    "invalid_code",
    "invalid_period",
    "unknown_field",
    "unknown_unit",
    "unknown_indicator",
    "personal_data",
    "time_out_of_range",
    "forbidden_unit",
    "too_large",
)
"""Why a row can be refused."""

_UnitCode = Annotated[str, said("The unit's code, dotted segments.", "H44.07", pattern=UNIT_PATTERN)]
_Level = Annotated[str, said("The level.", "commune", enum=LEVELS)]
_Applicant = Annotated[str, said("Who.", "citizen", enum=APPLICANTS)]
_Alias = Annotated[str, said("A code.", "000.00.07.H44", minLength=1, maxLength=100)]


@answer
class Validity(TypedDict):
    """When it stands."""

    valid_from: Annotated[str | None, date("The first day it is valid.", "2025-07-01")]
    valid_to: Annotated[str | None, date("The last day it is valid.", None)]


@answer
class Unit(Validity):
    """An agency (cơ quan, đơn vị)."""

    code: _UnitCode
    name: Annotated[str | None, said("Its name.", "Sở Công Thương", maxLength=1000)]
    level: Annotated[str | None, said("Its level.", "department", enum=[*LEVELS, None])]
    parent: Annotated[
        str | None, said("The unit above it; default the nearest that exists.", "H44", pattern=UNIT_PATTERN)
    ]
    certified_copy: Annotated[
        bool, said("Whether it makes certified electronic copies (chứng thực bản sao điện tử).", False)
    ]
    successor: Annotated[str | None, said("The unit it was merged into.", None, pattern=UNIT_PATTERN)]
    aliases: Annotated[list[_Alias], said("Other codes it is known by.", maxItems=10_000)]


@answer
class Procedure(Validity):
    """An administrative procedure (thủ tục hành chính)."""

    code: Annotated[str, said("The core code (mã TTHC).", "1.004555", pattern=CORE_PATTERN)]
    name: Annotated[str | None, said("Its name.", "Cấp giấy phép kinh doanh", maxLength=2000)]
    sector: Annotated[str | None, said("Its sector (lĩnh vực).", "Công Thương", maxLength=500)]
    service_level: Annotated[str, said("Online service: none, partial, full.", "full", enum=SERVICE_LEVELS)]
    full_eligible: Annotated[bool, said("Whether it could be offered fully online.", True)]
    fee: Annotated[bool, said("Whether it costs a fee.", True)]
    payment_integrated: Annotated[bool, said("Whether the fee can be paid online.", True)]
    issues_document: Annotated[bool, said("Whether it ends with a document.", True)]
    applicants: Annotated[list[_Applicant], said("Who may apply.", maxItems=10_000)]
    max_working_days: Annotated[int | None, whole("The legal limit in working days.", 5, 1, maximum=1000)]
    essential: Annotated[bool, said("Whether it is one of the essential services.", False)]
    units: Annotated[list[_UnitCode], said("The units that apply it; empty: every unit of `levels`.", maxItems=10_000)]
    levels: Annotated[list[_Level], said("The levels that apply it.", maxItems=10_000)]


@answer
class Target(TypedDict):
    """A target of a year, of a unit or of all of a level."""

    indicator: Annotated[
        str, said("The indicator's code, or that of the feeds.", INDICATORS[0], enum=[*INDICATORS, COVERAGE])
    ]
    unit: Annotated[str | None, said("The unit's code.", None, pattern=UNIT_PATTERN)]
    level: Annotated[str | None, said("The level.", "commune", enum=[*LEVELS, None])]
    period: Annotated[str, said("The year.", "2026", pattern="^(20[0-9]{2}|2100)$")]
    value: Annotated[Number | None, said("Percent, at most four decimals.", 95.5, minimum=0, maximum=100)]


@answer
class EnteredFigure(Entered):
    """A figure entered by hand."""

    code: Annotated[str, said("The figure's code.", "DTI", pattern="^[A-Z0-9_]{1,40}$")]
    unit: _UnitCode
    period: Annotated[str, said("A period, or two dates with two dots between them.", "2026")]


@answer
class CalendarDay(TypedDict):
    """A day that is not as its weekday."""

    date: Annotated[str, date("The day.", "2026-01-10")]
    kind: Annotated[Literal["holiday", "workday"], said("A day off, or a day worked instead.", "workday")]
    name: Annotated[str | None, said("Why.", "Làm bù ngày 02/01/2026", maxLength=200)]
    seeded: Annotated[bool, said("Whether it came with the service.", False)]


@answer
class RowRefused(Told):
    """Why a row was refused, or is to be looked at."""

    code: Annotated[str, said("The kind of problem.", "unknown_field", enum=CHANGE_CODES)]


@answer
class PutOutcome(TypedDict):
    """One outcome per row."""

    accepted: Annotated[int, whole("How many rows were taken, changed or not.", 2)]
    duplicates: Annotated[int, whole("Always 0.", 0)]
    rejected: Annotated[int, whole("How many were not.", 0)]
    errors: Annotated[list[RowRefused], said("Why not, one for each.", [])]
    refolding: Annotated[int, whole("How many lives are folded again in the background.", 12)]
    warnings: NotRequired[Annotated[list[RowRefused], said("Of rows taken in, what to look at; where there is any.")]]


def _taken(kind: CatalogueName, row: type) -> dict[str, Any]:
    """What the description says of a route that takes rows."""
    problems = (*BODY, "invalid_value", "invalid_parameter")
    return told(
        PutOutcome, scope="admin", parameters=(CONTENT_ENCODING,), body=rows_of(kind, row), problems=problems, tag=None
    )


def _listed(kind: CatalogueName, row: type) -> dict[str, Any]:
    """What it says of a route that lists them."""
    columns = _COLUMNS[kind]
    return told(GenericAlias(list, (row,)), parameters=(ANY_UNIT,), problems=UNIT, tag=None, rows="", columns=columns)


_ROWS: Final[Mapping[CatalogueName, type]] = {
    "units": Unit,
    "procedures": Procedure,
    "targets": Target,
    "external-figures": EnteredFigure,
    "calendar": CalendarDay,
}
_COLUMNS: Final = {
    kind: tuple(dict.fromkeys((*FORMS[kind].columns, *row.__annotations__))) for kind, row in _ROWS.items()
}
"""A table's: those that can be sent back first, in their order."""

_ONE_UNIT: Final = told(Unit, problems=(*UNIT, "not_found"), tag=None, rows="", columns=_COLUMNS["units"])
_ONE_PROCEDURE: Final = told(
    Procedure,
    parameters=(ROOT_UNIT,),
    problems=("unknown_unit", "invalid_parameter", "not_found"),
    tag=None,
    rows="",
    columns=_COLUMNS["procedures"],
)


@router.put("/v1/units", summary="Add or change units", **_taken("units", Unit))
async def put_units(request: Request, access: Administering, service: Serving) -> Response:
    """Upsert units of the key's subtree; parent, successor and aliases name none beyond it.

    A code that was another unit's is refused; `warnings` tell what else is doubtful: a merger without a day, an ended
    unit renamed, an alias moved from one unit to another.
    """
    return await _put(request, access, service, "units", edit.put_units)


@router.put("/v1/procedures", summary="Add or change procedures", **_taken("procedures", Procedure))
async def put_procedures(request: Request, access: Administering, service: Serving) -> Response:
    """Upsert procedures; `refolding` says how many lives are folded again in the background."""
    return await _put(request, access, service, "procedures", edit.put_procedures)


@router.put("/v1/targets", summary="Set or remove targets", **_taken("targets", Target))
async def put_targets(request: Request, access: Administering, service: Serving) -> Response:
    """Upsert yearly targets of units or levels; value null removes one."""
    return await _put(request, access, service, "targets", edit.put_targets)


@router.put("/v1/external-figures", summary="Enter external figures", **_taken("external-figures", EnteredFigure))
async def put_external_figures(request: Request, access: Administering, service: Serving) -> Response:
    """Upsert figures entered by hand (SIPAS, DTI, counts of the national report); one left without value, score, rank
    and count, all null, is removed."""
    entered_by = access.name or access.key_id
    put = partial(edit.put_external_figures, entered_by=entered_by, now=service.clock())
    return await _put(request, access, service, "external-figures", put)


@router.put("/v1/calendar", summary="Override days of the calendar", **_taken("calendar", CalendarDay))
async def put_calendar(request: Request, access: Administering, service: Serving) -> Response:
    """Upsert holidays and swap days; what depends on working days is folded again."""
    return await _put(request, access, service, "calendar", edit.put_calendar)


@router.get("/v1/units", summary="The units", **_listed("units", Unit))
async def list_units(request: Request, access: Reading, service: Serving) -> Response:
    """The units within the key's reach, parents as they are in effect."""
    return await _list(request, access, service, "units", "code")


@router.get("/v1/units/{code:path}", summary="One unit", **_ONE_UNIT)
async def one_unit(code: UnitPath, request: Request, access: Reading, service: Serving) -> Response:
    """A unit by its code or an alias."""
    only(request, ())
    async with service.database.snapshot() as connection:
        root_id = await root_for(connection, access, code)
        moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
        unit = access.find_unit(moment.catalogues, code)
        (found,) = await listing(connection, root_id, "units", unit)
    return listed_response(request, found, _COLUMNS["units"])


@router.get("/v1/procedures", summary="The procedures", **_listed("procedures", Procedure))
async def list_procedures(request: Request, access: Reading, service: Serving) -> Response:
    """The procedures of the root."""
    return await _list(request, access, service, "procedures", None)


@router.get("/v1/procedures/{code}", summary="One procedure", **_ONE_PROCEDURE)
async def one_procedure(code: ProcedurePath, request: Request, access: Reading, service: Serving) -> Response:
    """A procedure by its code."""
    query = only(request, ("unit",))
    if not codes.is_procedure_code(code):
        raise Problem("not_found", _NO_PROCEDURE)
    async with service.database.snapshot() as connection:
        root_id = await root_for(connection, access, query.get("unit"))
        found = await listing(connection, root_id, "procedures", code)
    if not found:
        raise Problem("not_found", _NO_PROCEDURE)
    return listed_response(request, found[0], _COLUMNS["procedures"])


@router.get("/v1/targets", summary="The targets", **_listed("targets", Target))
async def list_targets(request: Request, access: Reading, service: Serving) -> Response:
    """The targets of levels, and those of units within the key's reach."""
    return await _list(request, access, service, "targets", "unit")


@router.get("/v1/external-figures", summary="The external figures", **_listed("external-figures", EnteredFigure))
async def list_external_figures(request: Request, access: Reading, service: Serving) -> Response:
    """The external figures of units within the key's reach, with who entered them and when."""
    return await _list(request, access, service, "external-figures", "unit")


@router.get("/v1/calendar", summary="The calendar", **_listed("calendar", CalendarDay))
async def list_calendar(request: Request, access: Reading, service: Serving) -> Response:
    """Holidays and swap days of the root; `seeded` ones came with the service."""
    return await _list(request, access, service, "calendar", None)


async def _put(
    request: Request,
    access: Access,
    service: Service,
    kind: CatalogueName,
    put: Callable[..., Awaitable[PutResult]],
) -> Response:
    only(request, ())
    async with body_of(request, service, access) as body:
        items = await _parsed(request, kind, body)
        assert access.root_id is not None
        actor = Actor("key", access.key_id, access.name, request.state.request_id)
        result = await put(service.database, service.catalogue_cache, access.root_id, access.unit, items, actor=actor)
    if result.refolding:
        service.refolder.wake()
    return json_response(_told(result, language_of(request)))


async def _parsed(request: Request, kind: CatalogueName, body: bytes) -> list[Row | Rejected]:
    arguments = (kind, body, request.headers.get("content-type"))
    return await parsed(parse_rows, *arguments, aside=len(body) > _PARSED_ASIDE)


def _told(result: PutResult, language: Language) -> PutOutcome:
    told: PutOutcome = {
        "accepted": result.accepted,
        "duplicates": 0,
        "rejected": len(result.errors),
        "errors": [refused(each, language) for each in result.errors],
        "refolding": result.refolding,
    }
    if result.warnings:
        told["warnings"] = [refused(each, language) for each in sorted(result.warnings, key=lambda each: each.index)]
    return told


async def _list(request: Request, access: Access, service: Service, kind: CatalogueName, owner: str | None) -> Response:
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
    return listed_response(request, rows, _COLUMNS[kind])
