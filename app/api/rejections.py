"""`GET /v1/rejections`: the last events that were refused, and why, newest first."""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

from fastapi import Request, Response
from typing_extensions import TypedDict

from app.api.http.answers import Encoded, instant
from app.api.http.auth import Reading, root_for
from app.api.http.csv import tabular_response
from app.api.http.fields import answer, said, time, whole
from app.api.http.openapi.parameters import ANY_UNIT, SOURCE
from app.api.http.openapi.routes import UNIT, Router, pages
from app.api.http.paging import LARGEST, Paged
from app.api.http.parameters import only
from app.api.http.problems import language_of
from app.api.http.service import Serving
from app.api.lives.dossiers import Cursor
from app.domain.push import EVENT_CODES
from app.store.rejections import kept
from app.store.snapshot import reading_moment

router = Router()


@answer
class Rejection(TypedDict):
    """A refused event; of its content nothing is kept."""

    received_at: Annotated[str, time("When it arrived.", "2026-01-05T08:12:01.000001+07:00")]
    source: Annotated[str | None, said("Its source, as far as it can be read.", "/h44/igate")]
    index: Annotated[int, whole("Its place in the batch.", 17)]
    id: Annotated[str | None, said("Its id, as far as it can be read.", "9f6c0a53")]
    code: Annotated[str, said("Why it was refused.", "unknown_field", enum=EVENT_CODES)]
    field: Annotated[str | None, said("The field at fault.", "data.name")]
    detail: Annotated[
        str | None,
        said("All that is wrong, without anything of what was sent.", "not a field of this type, which takes due_at"),
    ]


ITEM: Final = tuple(Rejection.__annotations__)


@answer
class Rejections(TypedDict):
    """Events that were refused."""

    items: Annotated[list[Rejection], said("A page of them, newest first.", maxItems=LARGEST)]
    next: Cursor


class _Mark(NamedTuple):
    """Where the list goes on: before this one."""

    before: int


@router.get(
    "/v1/rejections",
    summary="Events that were refused",
    **pages(Rejections, SOURCE, ANY_UNIT, problems=UNIT, rows="items", tag="events"),
)
async def rejections(request: Request, access: Reading, service: Serving) -> Response:
    """The last thousand of each source, sent with keys of the reader's unit (or `unit`) or under it; without content.
    The same event refused for the same once more takes the place of the one before.

    Without `source` those of all sources; an empty one asks for events whose source could not be read. As CSV too.
    """
    paged = Paged.of(request, service)
    query = only(paged.request, ("source", "unit"), texts=("source",))
    source = query.get("source")
    about = ("rejections", access.root_id, access.unit, query.get("unit"), source)
    mark = paged.mark(_Mark, about)
    async with service.database.snapshot() as connection:
        root_id = await root_for(connection, access, query.get("unit"))
        reach = access.unit
        if "unit" in query:
            moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
            reach = access.find_unit(moment.catalogues, query["unit"])
        before = None if mark is None else mark.before
        found, more = await kept(connection, root_id, reach, source, before, paged.limit)
    vietnamese = language_of(request) == "vi"
    items: list[Rejection] = [
        {
            "received_at": instant(each.received_at, micros=True),
            "source": each.source,
            "index": each.place,
            "id": each.event_id,
            "code": each.code,
            "field": each.field,
            "detail": each.detail_vi if vietnamese else each.detail,
        }
        for each in found
    ]
    cursor = paged.cursor_of(_Mark(found[-1].id) if more else None, about)
    page: Rejections = {"items": items, "next": cursor}
    told = tabular_response(request, Encoded.of(page), "items", {}, ITEM)
    told.headers["Vary"] = "Accept, Accept-Language"
    return paged.linked(told, cursor)
