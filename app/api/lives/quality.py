"""`GET /v1/data-quality`: what is wrong with the events of a unit, by cause, with the subjects."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple

from fastapi import Request, Response
from typing_extensions import TypedDict

from app.api.figures.view import (
    AsOf,
    CatalogueBrief,
    IndicatorCode,
    Refolding,
    UnitBrief,
    as_of,
    catalogue_brief,
    unit_brief,
)
from app.api.http.answers import LATER, Encoded
from app.api.http.auth import Reading, root_for
from app.api.http.csv import tabular_response
from app.api.http.fields import answer, said, whole
from app.api.http.openapi.parameters import CAUSE, SCOPE
from app.api.http.openapi.parameters import UNIT as UNIT_ASKED
from app.api.http.openapi.routes import UNIT, Router, pages
from app.api.http.paging import Paged
from app.api.http.parameters import SCOPES, one_of, only
from app.api.http.problems import Problem
from app.api.http.service import Serving
from app.api.lives.dossiers import ITEM, Cursor, Item, Items, life_item
from app.domain import codes
from app.domain.catalogues.root import Scope, Unit
from app.domain.lives.flags import CAUSES
from app.domain.portal.faults import FIELDS, OF_FEES
from app.domain.portal.state import SOURCE
from app.domain.portal.untold import without_data
from app.messages import NAME_UNIT
from app.store.read.dossiers import Place
from app.store.read.figures import Reader
from app.store.read.quality import Source, counts, faulty, sources
from app.store.snapshot import reading_moment

router = Router()

NAMES: Final = {
    "no_reception": "Chưa có sự kiện tiếp nhận",
    "end_before_reception": "Kết thúc trước khi tiếp nhận",
    "deadline_before_reception": "Hạn giải quyết trước khi tiếp nhận",
    "foreign_unit": "Sự kiện của đơn vị không xử lý hồ sơ",
    "second_reception": "Đơn vị khác tiếp nhận lần thứ hai",
    "answer_without_request": "Bổ sung khi không có yêu cầu bổ sung",
    "unknown_procedure": "Mã thủ tục chưa có trong danh mục",
    "due_moved_late": "Đổi hẹn trả khi đã quá hạn",
    "end_moved_back": "Thời điểm kết thúc bị lùi về trước",
    "likely_duplicate": "Mã chỉ khác mã khác ở chữ hoa, dấu gạch hoặc dấu cách",
    "unknown_unit": "Đơn vị xử lý chưa có trong danh mục",
    "reception_not_told": "Không gửi ngày tiếp nhận",
    "time_in_future": "Thời điểm ở tương lai",
    "no_procedure_code": "Mã thủ tục không có mã gốc",
    "channel_not_told": "Không gửi kênh thực hiện",
    "code_used_again": "Mã hồ sơ từng có thủ tục hoặc ngày tiếp nhận khác",
    "sent_again": "Gửi lặp lại y nguyên",
    "due_moved": "Ngày hẹn trả đã đổi",
    "false_result": "Tệp kết quả chính là tệp đã nộp",
    "ended_at_reception": "Kết thúc đúng lúc tiếp nhận",
}
_NOTE: Final = "Hồ sơ, phản ánh đã hủy không nằm trong danh sách này."


class _Mark(NamedTuple):
    """Where a list goes on: dossiers or petitions, after which subject of which unit; in front of all where empty.

    The unit by its code: its place in the scope moves with the tree.
    """

    walk: int
    unit: str
    subject: str


@answer
class Cause(TypedDict):
    """A cause."""

    cause: Annotated[str, said("The cause.", "no_reception", enum=list(CAUSES))]
    name: Annotated[str, said("The cause in Vietnamese.", NAMES["no_reception"])]


@answer
class Counted(Cause):
    """A cause and how many lives it has."""

    count: Annotated[int, whole("How many lives.", 3)]


@answer
class QualityHeading(TypedDict):
    """What both begin with."""

    unit: UnitBrief
    scope: Annotated[Scope, said("The unit with all under it, or alone.", "subtree")]
    catalogue: CatalogueBrief
    refolding: Refolding
    note: Annotated[str, said("What is left out, in Vietnamese.", _NOTE)]
    as_of: AsOf


@answer
class ConstantField(TypedDict):
    """A field of the national portal's payload that never varies."""

    field: Annotated[str, said("Its name in the payload.", "NoiNopHoSo", enum=[*FIELDS, *OF_FEES])]
    value: Annotated[str | None, said("Its one value, as it is understood; null: it is never told.", "local")]


@answer
class SourceQuality(TypedDict):
    """What one source tells in the national portal's payload."""

    source: Annotated[str, said("The source.", "/dvcqg/H44")]
    dossiers: Annotated[int, whole("Of how many dossiers of the root it has told.", 1284)]
    untrusted: Annotated[list[str], said("The fields that are not believed (`chiso sources`).", ["MaCSDL"])]
    constants: Annotated[list[ConstantField], said("The fields that never vary, from 20 dossiers on.")]
    no_data: Annotated[
        list[IndicatorCode],
        said("Indicators of which it tells nothing: null for units of whose dossiers no other source tells, not 0."),
    ]


@answer
class CauseCounts(QualityHeading):
    """Faults of the data by cause."""

    causes: Annotated[list[Counted], said("All causes.")]
    sources: Annotated[
        list[SourceQuality],
        said("Sources of the national portal's payload whose keys are of the unit, or of one above or under it."),
    ]


@answer
class CauseList(QualityHeading, Cause):
    """The lives with one fault."""

    total: Annotated[int, whole("How many lives.", 1)]
    items: Items
    next: Cursor


@router.get(
    "/v1/data-quality",
    summary="Faults of the data, by cause",
    **pages(CauseCounts | CauseList, UNIT_ASKED, SCOPE, CAUSE, problems=UNIT, rows="causes"),
)
async def data_quality(request: Request, access: Reading, service: Serving) -> Response:
    """How many dossiers have each fault; of one `cause` their list, page by page. Voided ones are left out.

    A list is of now, page by page: what is mended meanwhile is gone from the pages that follow. As CSV too.
    """
    paged = Paged.of(request, service)
    query = only(paged.request, ("unit", "scope", "cause"))
    if "unit" not in query:
        raise Problem("invalid_parameter", NAME_UNIT, "unit")
    scope = one_of(query, "scope", SCOPES, "subtree")
    cause = one_of(query, "cause", CAUSES, "no_reception") if "cause" in query else None
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
        seen = [] if cause else await sources(reader)
        listed, goes_on = await _listed(reader, units, cause, moment.now, mark, paged.limit) if cause else ([], None)
    heading: QualityHeading = {
        "unit": unit_brief(unit),
        "scope": scope,
        "catalogue": catalogue_brief(catalogues),
        "refolding": moment.refolding,
        "note": _NOTE,
        "as_of": LATER,
    }
    later = as_of(moment)
    if cause is None:
        causes: list[Counted] = [{"cause": each, "name": NAMES[each], "count": n} for each, n in found.items()]
        told = [_source(each) for each in seen if codes.is_related(each.name.removeprefix(SOURCE), unit.code)]
        every: CauseCounts = {**heading, "causes": causes, "sources": told}
        return tabular_response(request, Encoded.of(every), "causes", later, tuple(Counted.__annotations__))
    cursor = paged.cursor_of(goes_on, about)
    page: CauseList = {
        **heading,
        "cause": cause,
        "name": NAMES[cause],
        "total": found[cause],
        "items": listed,
        "next": cursor,
    }
    return paged.linked(tabular_response(request, Encoded.of(page), "items", later, ITEM), cursor)


def _source(seen: Source) -> SourceQuality:
    return {
        "source": seen.name,
        "dossiers": seen.dossiers,
        "untrusted": list(seen.untrusted),
        "constants": [{"field": each.field, "value": each.value} for each in seen.constants],
        "no_data": without_data(seen.untold),
    }


async def _listed(
    reader: Reader, units: Sequence[Unit], cause: str, now: int, mark: _Mark | None, limit: int
) -> tuple[list[Item], _Mark | None]:
    """A page of the lives with a fault, and where the next one goes on."""
    after = None if mark is None else (mark.walk, _place(units, mark))
    lives, place = await faulty(reader, units, cause, now, after, limit)
    code_of = await reader.procedure_codes({each.row["procedure_id"] or 0 for table, each in lives if table == "life"})
    items = [life_item(table, each, now, code_of) for table, each in lives]
    if place is None:
        return items, None
    walk, (unit, subject) = place
    return items, _Mark(walk, units[unit].code if subject else "", subject)


def _place(units: Sequence[Unit], mark: _Mark) -> Place:
    """Where a mark lies among units in their order, also when its own is no longer one of them."""
    unit = bisect_left(units, codes.sort_key(mark.unit), key=lambda each: codes.sort_key(each.code))
    same = unit < len(units) and units[unit].code == mark.unit
    return Place(unit, mark.subject if same else "")
