"""`GET /v1/audit`: who changed what, when, with what stood before and after, newest first; and commands."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from fastapi import Request, Response
from typing_extensions import TypedDict

from app.api.http.answers import Encoded, instant
from app.api.http.auth import Administering
from app.api.http.csv import tabular_response, wants_table
from app.api.http.fields import answer, said, time
from app.api.http.openapi.parameters import ACTOR, ANY_UNIT, AUDIT_KIND, SINCE, UNTIL
from app.api.http.openapi.routes import UNIT, Router, pages
from app.api.http.paging import LARGEST, Paged
from app.api.http.parameters import date_in, one_of, only
from app.api.http.problems import Problem
from app.api.http.service import Serving
from app.api.lives.dossiers import Cursor
from app.domain.calendar.civil import Day, day_number, start_of
from app.messages import EMPTY
from app.store.audit import ACTIONS, BY, KINDS, Asked, Entry, kept
from app.store.snapshot import reading_moment

router = Router()

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
Attributes = dict[str, Any] | None


@answer
class AuditEntry(TypedDict):
    """Something that was done."""

    at: Annotated[str, time("When, by the database's clock.", "2026-11-28T09:30:00.000001+07:00")]
    by: Annotated[str, said("What did it.", "key", enum=BY)]
    actor: Annotated[
        str,
        said(
            "Which: a key's id, the database's role of a command, what the provider calls an account.", "9f6c0a53d1e2"
        ),
    ]
    actor_name: Annotated[str, said("The key's name at that time.", "Sở Công Thương")]
    action: Annotated[str, said("What it did.", "changed", enum=ACTIONS)]
    kind: Annotated[str, said("To what kind of thing.", "units", enum=KINDS)]
    code: Annotated[
        str,
        said(
            "To which: its code, of several parts with `/`; of a login the key's id, where there is one; of a command"
            " its name, such as `verify --deep`.",
            "H44.07",
        ),
    ]
    unit: Annotated[str | None, said("The unit that it concerns; null where that is not known.", "H44.07")]
    before: Annotated[
        Attributes,
        said("What stood there, of what differs; null where there was nothing.", {"name": "Sở Công thương"}),
    ]
    after: Annotated[
        Attributes,
        said(
            "What stands there now, of what differs; null where it is gone. Of a command what came of it, in numbers.",
            {"name": "Sở Công Thương"},
        ),
    ]
    request_id: Annotated[
        str | None,
        said("`X-Request-ID` of the answer, by which the log tells more.", "7d9f3c1e5b2a4860917c3e5d1f2a4b6c"),
    ]


ITEM: Final = tuple(AuditEntry.__annotations__)


@answer
class Audit(TypedDict):
    """What was done."""

    items: Annotated[list[AuditEntry], said("A page of it, newest first.", maxItems=LARGEST)]
    next: Cursor


class _Mark(NamedTuple):
    """Where the list goes on: before this one."""

    before: int


@router.get(
    "/v1/audit",
    summary="Who changed what",
    **pages(
        Audit,
        *(ANY_UNIT, AUDIT_KIND, ACTOR, SINCE, UNTIL),
        problems=(*UNIT, "invalid_period"),
        rows="items",
        tag="catalogues",
        scope="admin",
        columns=ITEM,
    ),
)
async def audit(request: Request, access: Administering, service: Serving) -> Response:
    """Changes of catalogues and external figures, keys, the root itself, logins, and commands that made or judged
    figures (`kind=command`), of the key's unit (or `unit`) and under it. Rows that a PUT left as they were, and what
    was refused, are none; but of logins the refused ones are.

    As CSV too: `before` and `after` are JSON there.
    """
    paged = Paged.of(request, service)
    query = only(paged.request, ("unit", "kind", "actor", "from", "to"))
    assert access.root_id is not None
    kind = one_of(query, "kind", KINDS, "") if "kind" in query else None
    if query.get("actor") == "":
        raise Problem("invalid_parameter", EMPTY, "actor")
    since, until = (day_number(date_in(query, name)) if name in query else None for name in ("from", "to"))
    about = (
        "audit",
        access.root_id,
        access.unit,
        *(query.get(name) for name in ("unit", "kind", "actor")),
        since,
        until,
    )
    mark = paged.mark(_Mark, about)
    async with service.database.snapshot() as connection:
        reach = access.unit
        if "unit" in query:
            moment = await reading_moment(connection, service.catalogue_cache, access.root_id, service.clock)
            reach = access.find_unit(moment.catalogues, query["unit"])
        asked = Asked(
            reach,
            reach == access.root,
            kind,
            query.get("actor"),
            None if since is None else start_of(since),
            None if until is None else start_of(Day(until + 1)),
        )
        found, more = await kept(connection, access.root_id, asked, None if mark is None else mark.before, paged.limit)
    table = wants_table(request)
    cursor = paged.cursor_of(_Mark(found[-1].id) if more else None, about)
    page = {"items": [_told(each, table) for each in found], "next": cursor}
    return paged.linked(tabular_response(request, Encoded.of(page), "items", {}, ITEM), cursor)


def _told(entry: Entry, table: bool) -> dict[str, Any]:
    """An entry as AuditEntry; as a row of a table its attributes are a text."""
    sides = (entry.before, entry.after)
    before, after = (each if each is None or table else _DECODER.decode(each) for each in sides)
    return {
        "at": instant(entry.at, micros=True),
        "by": entry.by,
        "actor": entry.actor,
        "actor_name": entry.actor_name,
        "action": entry.action,
        "kind": entry.kind,
        "code": entry.code,
        "unit": entry.unit or None,
        "before": before,
        "after": after,
        "request_id": entry.request_id,
    }
