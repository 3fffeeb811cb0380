"""`GET /v1/dossiers`: the very lives behind a number, in pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final, Literal, NamedTuple

from fastapi import Request, Response
from typing_extensions import TypedDict

from app.api.figures.view import Heading, IndicatorCode, View, viewing
from app.api.http.answers import LATER, Encoded, instant
from app.api.http.auth import Reading
from app.api.http.csv import tabular_response
from app.api.http.fields import answer, said, time, whole
from app.api.http.openapi.parameters import INDICATOR, SIDE, UNCOMPARED
from app.api.http.openapi.routes import FIGURE, Router, pages
from app.api.http.paging import LARGEST, Paged
from app.api.http.parameters import asked, indicator_of, named
from app.api.http.problems import Problem
from app.api.http.service import Serving
from app.domain.catalogues.indicators import Indicator
from app.domain.figures import measures, scoring
from app.domain.figures.advice import Prospect
from app.domain.figures.measures import Needed, Question
from app.domain.figures.scoring import ScoredIndicator
from app.domain.lives.document import TIERS
from app.domain.lives.dossier import CHANNELS
from app.domain.lives.events import Channel
from app.domain.lives.flags import FLAGS
from app.domain.lives.petition import ABOUT
from app.messages import Message
from app.store.read.dossiers import NOT_A_PART, PROSPECTS, SIDES, Found, Lists, Place, Side, Table, table_of
from app.store.read.prospects import prospects

router = Router()

ItemKind = Literal["dossier", "petition", "document", "procedure", "unit"]

_ENDED: Final = "2026-01-09T10:00:00+07:00"
DEADLINE: Final = "2026-01-12T17:00:00+07:00"
Subject = Annotated[str, said("The code of the dossier, petition, document, procedure or unit.", "H44.07-260105-0001")]
ReceivedAt = Annotated[str | None, time("When it was received, or sent.")]
DueAt = Annotated[str | None, time("When it is due.", DEADLINE)]
DeadlineAt = Annotated[str | None, time("Until when it is in time; null is never late.", DEADLINE)]
EndedAt = Annotated[str | None, time("When it ended.", _ENDED)]
OnTime = Annotated[bool | None, said("False when late or overdue, null while it may still end in time.", True)]
Cursor = Annotated[str | None, said("`cursor` of the next page; null on the last.", None)]
_FLAGS: Final = [*FLAGS, *ABOUT, "late_published", "electronic", "signed", *TIERS[1:]]
Flags = Annotated[list[Annotated[str, said("A flag.", "fee", enum=_FLAGS)]], said("What is known of it.")]
_KINDS: Final[dict[Table, ItemKind]] = {"life": "dossier", "petition": "petition", "document": "document"}


@answer
class Item(TypedDict):
    """A life of a list: codes and times only; what its kind does not have is null."""

    kind: Annotated[ItemKind, said("What it is.", "dossier")]
    subject: Subject
    unit: Annotated[str | None, said("The unit.", "H44.07")]
    procedure: Annotated[str | None, said("The procedure.", "1.004555")]
    channel: Annotated[Channel | None, said("How it came.", "online")]
    received_at: ReceivedAt
    due_at: DueAt
    deadline: DeadlineAt
    ended_at: EndedAt
    on_time: OnTime
    flags: Flags


ITEM: Final = tuple(Item.__annotations__)
Items = Annotated[list[Item], said("A page of them.", maxItems=LARGEST)]


@answer
class Dossiers(Heading):
    """The lives behind a number."""

    indicator: IndicatorCode
    side: Annotated[Side, said("The side.", "numerator")]
    total: Annotated[int, whole("The number of the scorecard.", 1)]
    note: Annotated[str | None, said("What is to be known about the number, in Vietnamese.", None)]
    items: Items
    next: Cursor


_REPORTED: Final = (
    "Mẫu số lấy theo báo cáo của Cổng Dịch vụ công quốc gia; "
    "danh sách chỉ có những hồ sơ đã tiếp nhận ở đây ({listed})."
)
_APART: Final = (
    "Tử số tính theo ngày trả kết quả, mẫu số theo ngày kết thúc, nên số còn thiếu là các hồ sơ đã kết thúc trong kỳ "
    "mà chưa trả theo cách này trong kỳ, không phải hiệu của hai số."
)
_NO_COUNTS: Final = "Chỉ số này không đếm hồ sơ, nên không có danh sách."

CHANGED: Final = Message(
    "something in the list has changed since its first page", "danh sách đã thay đổi kể từ trang đầu"
)


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


@router.get(
    "/v1/dossiers",
    summary="The dossiers behind a number",
    **pages(
        Dossiers,
        *UNCOMPARED,
        INDICATOR,
        SIDE,
        problems=(*FIGURE, "unknown_indicator", "snapshot_changed"),
        rows="items",
    ),
)
async def dossiers(request: Request, access: Reading, service: Serving) -> Response:
    """The dossiers, petitions, documents, procedures or communes on one side of an indicator, page by page.

    `total` is the scorecard's number; where the list cannot be that long, `note` says why. Of what is missing for a
    scored indicator there are those that can still be won (`recoverable`) and those that cannot (`lost`); `at_risk` are
    those that soon cannot. `on_time` is false for what is late or overdue, null while it may still end in time. All
    pages are of the instant of the first; when anything in them has changed since, the cursor is 409
    `snapshot_changed`. As CSV too, with the next page in `Link`.
    """
    paged = Paged.of(request, service)
    if "compare" in request.query_params:
        raise Problem(
            "invalid_parameter",
            Message("a list is compared with nothing", "danh sách không so sánh với kỳ khác"),
            "compare",
        )
    wanted = asked(paged.request, ("indicator", "side"))
    query = dict(request.query_params)
    indicator = indicator_of(query)
    side = named(query, "side", SIDES)
    if side in PROSPECTS and indicator.recover is None:
        raise Problem(
            "invalid_parameter",
            Message(
                "only indicators that score by counting have such a side",
                "chỉ các chỉ số tính điểm bằng cách đếm mới có phần này",
            ),
            "side",
        )
    async with viewing(service, access, wanted, lists=True) as view:
        about = (view.unit.code, wanted.scope, wanted.seen, wanted.procedure, wanted.period.label, indicator.code, side)
        listed = _Listed(view, indicator, side, paged.mark(_Mark, about))
        await listed.read(paged.limit)
    page: Dossiers = {
        **listed.view.heading,
        "indicator": indicator.code,
        "side": side,
        "total": listed.total,
        "note": listed.note,
        "items": listed.items,
        "next": LATER,
    }
    cursor = paged.cursor_of(listed.next, about)
    later = listed.view.later | {"next": cursor}
    # Of the cursor, which tells the instant, what it holds by: whoever has the page still has a cursor that lives.
    encoded = Encoded.of(page, listed.next and listed.next.stamp)
    return paged.linked(tabular_response(request, encoded, "items", later, ITEM), cursor)


class _Listed:
    """One page of a list."""

    def __init__(self, view: View, indicator: Indicator, side: Side, mark: _Mark | None) -> None:
        self.total = 0
        self._few = 0
        self.note: str | None = None
        self.items: list[Item] = []
        self.next: _Mark | None = None
        # All pages are of the instant of the first.
        self.view = view if mark is None else replace(view, moment=replace(view.moment, now=mark.as_of))
        self._lists = Lists(self.view.reader, self.view.outlook)
        self._indicator = indicator
        self._side = side
        self._mark = mark

    async def read(self, limit: int) -> None:
        question = self.view.question()
        catalogues = self.view.catalogues
        units = {unit.code: unit for unit in question.units_in(catalogues)}
        if self._indicator.root_only and catalogues.root in catalogues.units:
            units[catalogues.root] = catalogues.units[catalogues.root]
        moment = self.view.moment
        change = await self._lists.change(units.values())
        stamp = (catalogues.revision, moment.generation, int(moment.refolding), change)
        if self._mark is None:
            await self._find_total(question)
        elif self._mark.stamp != stamp:
            raise Problem("snapshot_changed", CHANGED, "cursor")
        else:
            self.total, self._few = self._mark.total, self._mark.listed
        self.note = self._why()
        place = await self._fill(question, limit)
        if place is not None:
            self.next = _Mark(moment.now, stamp, self.total, self._few, *place)

    async def _find_total(self, question: Question) -> None:
        """The scorecard's number, and how many of these the list can show."""
        indicator, catalogues = self._indicator, self.view.catalogues
        needed = Needed.of([indicator])
        counted = await self.view.reader.count(question, needed)
        measured = measures.tallied(catalogues, question, counted, needed)
        figure = scoring.score_indicator(indicator, measured, question.procedure is not None)
        if figure.numerator is None or figure.denominator is None:
            return
        if self._side in PROSPECTS:
            [prospect] = await prospects(self._lists, question, counted, [figure])
            self.total = self._few = _prospective(figure, prospect, self._side)
        elif indicator.numerator in NOT_A_PART and self._side == "missing":
            [self.total] = await self._lists.numbers(question, "life", [(indicator, self._side)])
            self._few = self.total
        else:
            self.total = self._few = _number(figure, self._side)
        if indicator.denominator == "synced_base" and self._side in ("missing", "denominator", "recoverable"):
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
            code_of = await self.view.reader.procedure_codes({each.row.get("procedure_id") or 0 for each in found})
            self.items = [life_item(table, each, question.b, code_of) for each in found]
            return place
        if question.procedure is not None:
            return None
        if self._indicator.counts == "communes":
            keys = [each.code for each in self._lists.communes(question, self._indicator, self._side)]
        else:
            keys = await self._lists.procedures(question, self._indicator, self._side)
        start = after.unit if after else 0
        kind: Literal["unit", "procedure"] = "unit" if self._indicator.counts == "communes" else "procedure"
        self.items = [_item(kind, key, **{kind: key}) for key in keys[start : start + limit]]
        return Place(start + limit, "") if start + limit < len(keys) else None


def _number(figure: ScoredIndicator, side: Side) -> int:
    numerator, denominator = figure.numerator or 0, figure.denominator or 0
    return {"numerator": numerator, "denominator": denominator, "missing": denominator - numerator}[side]


def _prospective(figure: ScoredIndicator, prospect: Prospect, side: Side) -> int:
    lost = _number(figure, "missing") - prospect.recoverable
    return {"recoverable": prospect.recoverable, "at_risk": prospect.at_risk, "lost": lost}[side]


def life_item(table: Table, found: Found, cut: int, code_of: dict[int, str]) -> Item:
    """A dossier, petition or document as lists show it; late or not as seen at the cut."""
    row = found.row
    told = _item(_KINDS[table], row["subject"])
    told["unit"] = found.unit
    if table == "document":
        flags = [name for name in ("electronic", "signed") if row[name]]
        told["flags"] = flags + [TIERS[row["tier"]]] * (row["tier"] > 0)
        told["received_at"] = instant(row["sent_at"])
        return told
    late_published = False
    if table == "petition":
        late_published = row["late_published"]
        told["flags"] = [ABOUT[row["about"]]] + ["disliked"] * row["disliked"] + ["late_published"] * late_published
    else:
        told["procedure"] = code_of.get(row["procedure_id"])
        told["channel"] = None if row["received_at"] is None else CHANNELS[row["channel"]]
        told["flags"] = [name for name, bit in FLAGS.items() if row["flags"] & bit]
        told["due_at"] = at(row["due_at"])
    told["received_at"] = at(row["received_at"])
    told["deadline"] = at(row["deadline"])
    told["ended_at"] = at(row["ended_at"])
    told["on_time"] = on_time(row["ended_at"], row["deadline"], late_published, cut)
    return told


def _item(kind: ItemKind, subject: str, **more: str) -> Item:
    """What is alike in all: the rest is null."""
    return {
        "kind": kind,
        "subject": subject,
        "unit": more.get("unit"),
        "procedure": more.get("procedure"),
        "channel": None,
        "received_at": None,
        "due_at": None,
        "deadline": None,
        "ended_at": None,
        "on_time": None,
        "flags": [],
    }


def on_time(ended_at: int | None, deadline: int | None, late_published: bool, cut: int) -> bool | None:
    """Ended in time or late as seen at an instant; None for what may still end in time."""
    if ended_at is not None and ended_at < cut:
        return (deadline is None or ended_at <= deadline) and not late_published
    return False if deadline is not None and deadline < cut else None


def at(moment: int | None) -> str | None:
    """An instant as clients read it."""
    return None if moment is None else instant(moment)
