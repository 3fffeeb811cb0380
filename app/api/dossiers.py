"""`GET /v1/dossiers`: the very lives behind a number, in pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Request, Response

from app.api.http.answers import instant
from app.api.http.auth import Access, access_for
from app.api.http.csv import tabular_response
from app.api.http.paging import Paged
from app.api.http.parameters import asked, one_of
from app.api.http.problems import Problem
from app.api.http.service import Service, service_of
from app.api.ranking import indicator_of
from app.api.scorecard import View, heading, moving, viewing
from app.domain.calendar.civil import Instant
from app.domain.catalogues.indicators import Indicator
from app.domain.figures import measures, scoring
from app.domain.figures.measures import Needed, Question
from app.domain.figures.scoring import ScoredIndicator
from app.domain.lives.document import TIERS
from app.domain.lives.dossier import CHANNELS
from app.domain.lives.flags import FLAGS
from app.domain.lives.petition import ABOUT
from app.store.read.dossiers import NOT_A_PART, SIDES, Found, Lists, Place, Side, Table, table_of

router = APIRouter()

ITEM: Final = (
    "kind", "subject", "unit", "procedure", "channel", "received_at", "due_at", "deadline", "ended_at", "on_time",
    "flags",
)  # fmt: skip
_KINDS: Final = {"life": "dossier", "petition": "petition", "document": "document"}

_REPORTED: Final = (
    "Mẫu số lấy theo báo cáo của Cổng Dịch vụ công quốc gia; "
    "danh sách chỉ có những hồ sơ đã tiếp nhận ở đây ({listed})."
)
_APART: Final = (
    "Tử số tính theo ngày trả kết quả, mẫu số theo ngày kết thúc, nên số còn thiếu là các hồ sơ đã kết thúc trong kỳ "
    "mà chưa trả theo cách này trong kỳ, không phải hiệu của hai số."
)
_NO_COUNTS: Final = "Chỉ số này không đếm hồ sơ, nên không có danh sách."


class _Mark(NamedTuple):
    """Where a list goes on: the instant and state of its first page, its total and how many of these are listed, and
    where the page before ended.
    """

    as_of: int
    stamp: tuple[int, ...]
    total: int
    listed: int
    unit: int
    subject: str


@router.get("/v1/dossiers", summary="The dossiers behind a number", tags=["figures"])
async def dossiers(
    request: Request,
    access: Annotated[Access, Depends(access_for("read"))],
    service: Annotated[Service, Depends(service_of)],
) -> Response:
    """The dossiers, petitions, documents, procedures or communes on one side of an indicator, page by page.

    `total` is the scorecard's number; where the list cannot be that long, `note` says why. `on_time` is false for what
    is late or overdue, null while it may still end in time. All pages are of the instant of the first; when anything in
    them has changed since, the cursor is 409 `snapshot_changed`. As CSV too, with the next page in `Link`.
    """
    paged = Paged.of(request, service)
    if "compare" in request.query_params:
        raise Problem("invalid_parameter", "a list is compared with nothing", "compare")
    wanted = asked(paged.request, ("indicator", "side"))
    query = dict(request.query_params)
    indicator = indicator_of(query)
    if "side" not in query:
        raise Problem("invalid_parameter", f"name the side: one of {', '.join(SIDES)}", "side")
    side = one_of(query, "side", SIDES, "")
    async with viewing(service, access, wanted, lists=True) as view:
        about = (view.unit.code, wanted.scope, wanted.procedure, wanted.period.label, indicator.code, side)
        listed = _Listed(view, indicator, side, paged.mark(_Mark, about))
        await listed.read(paged.limit)
    body = heading(listed.moment, view.unit, wanted)
    body |= {"indicator": indicator.code, "side": side, "total": listed.total, "note": listed.note}
    body["items"] = listed.items
    cursor = paged.cursor_of(listed.next, about)
    answer = tabular_response(request, body, "items", moving(listed.moment, wanted.period) | {"next": cursor}, ITEM)
    return paged.linked(answer, cursor)


class _Listed:
    """One page of a list."""

    def __init__(self, view: View, indicator: Indicator, side: Side, mark: _Mark | None) -> None:
        self.moment = view.moment if mark is None else replace(view.moment, now=mark.as_of)
        self.total = 0
        self._few = 0
        self.note: str | None = None
        self.items: list[dict[str, Any]] = []
        self.next: _Mark | None = None
        self._view = replace(view, moment=self.moment)
        self._lists = Lists(view.reader)
        self._indicator = indicator
        self._side = side
        self._mark = mark

    async def read(self, limit: int) -> None:
        question = self._view.question()
        catalogues = self._view.catalogues
        units = {unit.code: unit for unit in question.units_in(catalogues)}
        if self._indicator.root_only and catalogues.root in catalogues.units:
            units[catalogues.root] = catalogues.units[catalogues.root]
        moment = self.moment
        change = await self._lists.change(units.values())
        stamp = (catalogues.revision, moment.generation, int(moment.refolding), change)
        if self._mark is None:
            await self._find_total(question)
        elif self._mark.stamp != stamp:
            raise Problem("snapshot_changed", "something in the list has changed since its first page", "cursor")
        else:
            self.total, self._few = self._mark.total, self._mark.listed
        self.note = self._why()
        place = await self._fill(question, limit)
        if place is not None:
            self.next = _Mark(moment.now, stamp, self.total, self._few, *place)

    async def _find_total(self, question: Question) -> None:
        """The scorecard's number, and how many of these the list can show."""
        indicator, catalogues = self._indicator, self._view.catalogues
        needed = Needed.of([indicator])
        counted = await self._view.reader.count(question, needed)
        measured = measures.measures(catalogues, question, counted, needed)
        figure = scoring.score_indicator(indicator, measured, question.procedure is not None)
        if figure.numerator is None or figure.denominator is None:
            return
        self.total = self._few = _number(figure, self._side)
        if indicator.numerator in NOT_A_PART and self._side == "missing":
            self.total = self._few = await self._lists.number(question, indicator, self._side)
        elif indicator.denominator == "synced_base" and self._side != "numerator":
            self._few = self.total - figure.denominator + int(measured["received"] or 0)

    def _why(self) -> str | None:
        """What is to be known about the number."""
        if self._indicator.kind != "ratio":
            return _NO_COUNTS
        if self._indicator.numerator in NOT_A_PART and self._side == "missing":
            return _APART
        return _REPORTED.format(listed=self._few) if self._few != self.total else None

    async def _fill(self, question: Question, limit: int) -> Place | None:
        """The page's items; its last place when more follow."""
        after = Place(self._mark.unit, self._mark.subject) if self._mark else None
        if self._indicator.kind != "ratio":
            return None
        table = table_of(self._indicator)
        if table is not None:
            found, place = await self._lists.lives(question, self._indicator, self._side, after, limit)
            code_of = await self._view.reader.procedure_codes({each.row.get("procedure_id") or 0 for each in found})
            self.items = [life_item(table, each, question.b, code_of) for each in found]
            return place
        if question.procedure is not None:
            return None
        if self._indicator.counts == "communes":
            keys = [each.code for each in self._lists.communes(question, self._indicator, self._side)]
        else:
            keys = await self._lists.procedures(question, self._indicator, self._side)
        start = after.unit if after else 0
        item = _unit_item if self._indicator.counts == "communes" else _procedure_item
        self.items = [item(key) for key in keys[start : start + limit]]
        return Place(start + limit, "") if start + limit < len(keys) else None


def _number(figure: ScoredIndicator, side: Side) -> int:
    numerator, denominator = figure.numerator or 0, figure.denominator or 0
    return {"numerator": numerator, "denominator": denominator, "missing": denominator - numerator}[side]


def life_item(table: Table, found: Found, cut: int, code_of: dict[int, str]) -> dict[str, Any]:
    """A dossier, petition or document as lists show it; late or not as seen at the cut."""
    row = found.row
    told: dict[str, Any] = dict.fromkeys(ITEM) | {"kind": _KINDS[table], "subject": row["subject"], "unit": found.unit}
    if table == "document":
        flags = [name for name in ("electronic", "signed") if row[name]]
        told["flags"] = flags + [TIERS[row["tier"]]] * (row["tier"] > 0)
        return told | {"received_at": instant(row["sent_at"])}
    late_published = False
    if table == "petition":
        late_published = row["late_published"]
        told["flags"] = [ABOUT[row["about"]]] + ["disliked"] * row["disliked"] + ["late_published"] * late_published
    else:
        told["procedure"] = code_of.get(row["procedure_id"])
        told["channel"] = None if row["received_at"] is None else CHANNELS[row["channel"]]
        told["flags"] = [name for name, bit in FLAGS.items() if row["flags"] & bit]
        told["due_at"] = _instant(row["due_at"])
    for name in ("received_at", "deadline", "ended_at"):
        told[name] = _instant(row[name])
    told["on_time"] = on_time(row["ended_at"], row["deadline"], late_published, cut)
    return told


def on_time(ended_at: int | None, deadline: int | None, late_published: bool, cut: int) -> bool | None:
    """Ended in time or late as seen at an instant; None for what may still end in time."""
    if ended_at is not None and ended_at < cut:
        return (deadline is None or ended_at <= deadline) and not late_published
    return False if deadline is not None and deadline < cut else None


def _instant(at: int | None) -> str | None:
    return None if at is None else instant(Instant(at))


def _procedure_item(code: str) -> dict[str, Any]:
    return dict.fromkeys(ITEM) | {"kind": "procedure", "subject": code, "procedure": code, "flags": []}


def _unit_item(code: str) -> dict[str, Any]:
    return dict.fromkeys(ITEM) | {"kind": "unit", "subject": code, "unit": code, "flags": []}
