"""`GET /v1/rejections`: the last events that were refused, and why, newest first."""

from __future__ import annotations

from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Request, Response

from app.api.http.answers import instant
from app.api.http.auth import Access, access_for, root_for
from app.api.http.csv import tabular_response
from app.api.http.paging import Paged
from app.api.http.parameters import only
from app.api.http.service import Service, service_of
from app.domain.calendar.civil import Instant
from app.store.rejections import kept
from app.store.snapshot import reading_moment

router = APIRouter()

ITEM: Final = ("received_at", "source", "index", "id", "code", "field")


class _Mark(NamedTuple):
    """Where the list goes on: before this one."""

    before: int


@router.get("/v1/rejections", summary="Events that were refused", tags=["events"])
async def rejections(
    request: Request,
    access: Annotated[Access, Depends(access_for("read"))],
    service: Annotated[Service, Depends(service_of)],
) -> Response:
    """The last thousand of each source, sent with keys of the reader's unit (or `unit`) or under it; without content.

    Without `source` those of all sources; an empty one asks for events whose source could not be read. As CSV too.
    """
    paged = Paged.of(request, service)
    query = only(paged.request, ("source", "unit"))
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
    items: list[dict[str, Any]] = [
        {
            "received_at": instant(Instant(each.received_at), micros=True),
            "source": each.source,
            "index": each.place,
            "id": each.event_id,
            "code": each.code,
            "field": each.field,
        }
        for each in found
    ]
    cursor = paged.cursor_of(_Mark(found[-1].id) if more else None, about)
    return paged.linked(tabular_response(request, {"items": items}, "items", {"next": cursor}, ITEM), cursor)
