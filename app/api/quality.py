"""`GET /v1/data-quality`: what is wrong with the events of a unit, by cause, with the subjects."""

from __future__ import annotations

from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Request, Response

from app.api.dossiers import ITEM, life_item
from app.api.http.answers import instant
from app.api.http.auth import Access, access_for, root_for
from app.api.http.csv import tabular_response
from app.api.http.paging import Paged
from app.api.http.parameters import SCOPES, one_of, only
from app.api.http.problems import Problem
from app.api.http.service import Service, service_of
from app.domain.catalogues import indicators
from app.domain.lives.flags import FAULTS
from app.store.read.dossiers import Place
from app.store.read.figures import Reader
from app.store.read.quality import counts, faulty
from app.store.snapshot import reading_moment

router = APIRouter()

NAMES: Final = {
    "no_reception": "Chưa có sự kiện tiếp nhận",
    "end_before_reception": "Kết thúc trước khi tiếp nhận",
    "deadline_before_reception": "Hạn giải quyết trước khi tiếp nhận",
    "foreign_unit": "Sự kiện của đơn vị không xử lý hồ sơ",
    "second_reception": "Đơn vị khác tiếp nhận lần thứ hai",
    "answer_without_request": "Bổ sung khi không có yêu cầu bổ sung",
    "unknown_procedure": "Mã thủ tục chưa có trong danh mục",
    "due_moved_late": "Đổi hẹn trả khi đã quá hạn",
}
_NOTE: Final = "Hồ sơ, phản ánh đã hủy không nằm trong danh sách này."


class _Mark(NamedTuple):
    """Where a list goes on: dossiers or petitions, the place of the unit, the subject."""

    walk: int
    unit: int
    subject: str


@router.get("/v1/data-quality", summary="Faults of the data, by cause", tags=["figures"])
async def data_quality(
    request: Request,
    access: Annotated[Access, Depends(access_for("read"))],
    service: Annotated[Service, Depends(service_of)],
) -> Response:
    """How many dossiers have each fault; of one `cause` their list, page by page. Voided ones are left out.

    A list is of now, page by page: what is mended meanwhile is gone from the pages that follow. As CSV too.
    """
    paged = Paged.of(request, service)
    query = only(paged.request, ("unit", "scope", "cause"))
    if "unit" not in query:
        raise Problem("invalid_parameter", "name the unit", "unit")
    scope = one_of(query, "scope", SCOPES, "subtree")
    cause = one_of(query, "cause", tuple(FAULTS), "no_reception") if "cause" in query else None
    async with service.database.snapshot() as connection:
        root_id = await root_for(connection, access, query["unit"])
        moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
        catalogues = moment.catalogues
        unit = catalogues.units[access.find_unit(catalogues, query["unit"])]
        units = catalogues.in_scope(unit.code, scope)
        about = ("data-quality", unit.code, scope, cause)
        mark = paged.mark(_Mark, about)
        reader = Reader(connection, catalogues, moment.generation)
        found = await counts(reader, units)
        listed: list[dict[str, Any]] = []
        place = None
        if cause is not None:
            after = None if mark is None else (mark.walk, Place(mark.unit, mark.subject))
            lives, place = await faulty(reader, units, cause, moment.now, after, paged.limit)
            ids = {each.row["procedure_id"] or 0 for table, each in lives if table == "life"}
            code_of = await reader.procedure_codes(ids)
            listed = [life_item(table, each, moment.now, code_of) for table, each in lives]
    body: dict[str, Any] = {
        "unit": {"code": unit.code, "name": unit.name, "level": unit.level},
        "scope": scope,
        "catalogue": {"version": indicators.load().version, "hash": catalogues.digest},
        "refolding": moment.refolding,
        "note": _NOTE,
    }
    moving: dict[str, Any] = {"as_of": instant(moment.now, micros=True)}
    if cause is None:
        body["causes"] = [{"cause": each, "name": NAMES[each], "count": count} for each, count in found.items()]
        return tabular_response(request, body, "causes", moving, ("cause", "name", "count"))
    body |= {"cause": cause, "name": NAMES[cause], "total": found[cause], "items": listed}
    cursor = paged.cursor_of(None if place is None else _Mark(place[0], *place[1]), about)
    return paged.linked(tabular_response(request, body, "items", moving | {"next": cursor}, ITEM), cursor)
