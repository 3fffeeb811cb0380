"""Why a life counts as it does: of every event whether it had an effect, and how the deadline came about.

There is no second rule set here. Whether an event had an effect is asked of the fold itself, which is run with and
without it. What had no effect may be left out altogether, all of it at once, and the facts are still the same. A cause
is a claim about what the fold had read before the event, what it read in it, or the facts in the end: these are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

import msgspec

from app.domain import codes
from app.domain.catalogues.root import Catalogues
from app.domain.catalogues.rules import Rules
from app.domain.lives import document, dossier, petition, publication
from app.domain.lives import events as lives
from app.domain.lives.dossier import DossierFacts, Reading
from app.domain.lives.events import Event
from app.domain.lives.flags import PAID_ONLINE
from app.domain.lives.life import LifeFacts
from app.domain.lives.life import fold as fold_life
from app.domain.lives.petition import PetitionFacts
from app.domain.lives.reading import reading_order, without_retracted

CAUSES: Final = {
    "retracted": "Đã bị thu hồi bởi sự kiện {id} của đơn vị {unit}.",
    "already_retracted": "Sự kiện cần thu hồi đã bị một sự kiện khác thu hồi.",
    "nothing_to_retract": "Trong các sự kiện của mã này, không có sự kiện nào của nguồn này mang mã bị thu hồi.",
    "retraction_stays": "Không thể thu hồi một sự kiện thu hồi.",
    "not_above": "Chỉ đơn vị đã gửi sự kiện hoặc cấp trên của nó mới được thu hồi.",
    "no_reception": "Chưa có sự kiện tiếp nhận nên chưa tính vào chỉ số nào.",
    "foreign_unit": "Đơn vị {unit} không xử lý hồ sơ này và không phải cấp trên của đơn vị xử lý.",
    "second_reception": "Hồ sơ đã được đơn vị {unit} tiếp nhận; lần tiếp nhận này không tính.",
    "answer_without_request": "Không có yêu cầu bổ sung nào đang chờ trả lời.",
    "same_open_request": "Yêu cầu bổ sung trước chưa được trả lời, nên đây vẫn là yêu cầu đó.",
    "never_counts": "Loại sự kiện này không làm thay đổi số liệu nào.",
    "received_already": "Đã tiếp nhận trước đó; lần này không có thông tin mới.",
    "due_replaced": "Hẹn trả này đã được thay bằng hẹn trả sau.",
    "due_unchanged": "Một sự kiện khác đã cho cùng hẹn trả này.",
    "not_at_unit": "Khi đó hồ sơ chưa đến đơn vị {unit} nên đơn vị này chưa chuyển được.",
    "at_unit_already": "Khi đó hồ sơ đã ở đơn vị nhận.",
    "request_unanswered": "Yêu cầu bổ sung chưa được trả lời nên không có thời gian tạm dừng.",
    "request_after_deadline": "Yêu cầu bổ sung đưa ra khi đã quá hạn, nên không được tạm dừng.",
    "request_after_end": "Yêu cầu bổ sung đưa ra khi hồ sơ đã kết thúc, nên không có thời gian tạm dừng.",
    "pause_without_effect": "Thời gian chờ bổ sung này không làm thay đổi hạn giải quyết.",
    "values_known": "Sự kiện này không cho giá trị nào làm thay đổi số liệu.",
    "values_replaced": "Các giá trị của sự kiện này đã được sự kiện sau thay thế.",
    "fee_paid": "Đã thanh toán trực tuyến nên hồ sơ luôn được tính là có phí, lệ phí.",
    "fee_decided": "Phí, lệ phí được tính theo quyết định sau đó.",
    "fee_known": "Hồ sơ có phí, lệ phí hay không đã được biết như vậy từ khi tiếp nhận.",
    "fee_decided_before": "Một quyết định trước đó đã cho biết như vậy.",
    "offline_payment": "Chỉ thanh toán qua Cổng quốc gia hoặc cổng của địa phương mới tính là trực tuyến.",
    "component_signature": "Chỉ chữ ký số trên kết quả mới được tính.",
    "no_electronic_result": "Chưa có kết quả điện tử nên chưa được tính.",
    "ended_already": "Đã có sự kiện cùng loại trước đó; lần sớm nhất được tính.",
    "ended_otherwise": "Thời điểm kết thúc được tính theo sự kiện khác.",
    "satisfied": "Đánh giá hài lòng không làm thay đổi số liệu; chỉ không hài lòng mới được tính.",
    "known_already": "Điều này đã được một sự kiện khác ghi nhận.",
    "not_late": "Công khai không trễ hạn nên không làm thay đổi kết quả.",
    "not_answered": "Chưa có trả lời nên việc công khai chưa được tính.",
}
"""Why an event had no effect, for people; {id} and {unit} are of the event that stands in its way."""

_BY_TYPE: Final[dict[type[lives.Happening], str]] = {
    lives.DossierSubmitted: "never_counts",
    lives.DossierReceived: "values_known",
    lives.DossierTransferred: "at_unit_already",
    lives.DossierDigitised: "values_known",
    lives.DossierCompleted: "ended_otherwise",
    lives.DossierReturned: "ended_otherwise",
    lives.DossierRefused: "ended_otherwise",
    lives.DossierStopped: "ended_otherwise",
    lives.DossierWithdrawn: "ended_otherwise",
    lives.DossierNotAccepted: "never_counts",
    lives.PetitionReceived: "values_known",
    lives.PetitionSupplementRequested: "pause_without_effect",
    lives.PetitionSupplemented: "pause_without_effect",
    lives.PetitionRefused: "ended_otherwise",
    lives.PetitionForwarded: "ended_otherwise",
    lives.PetitionAnswered: "ended_otherwise",
    lives.PetitionPublished: "not_late",
    lives.DocumentSent: "values_known",
}
"""Why an event of a type had no effect, where nothing else tells."""

_NO_BEARING: Final = ("applicant", "origin", "portal", "submitted_at", "to")
"""Fields that no figure looks at."""
_FEES: Final = (lives.DossierFeeRequested, lives.DossierFeeWaived)
_SUPPLEMENTS: Final = {lives.PetitionSupplementRequested, lives.PetitionSupplemented}


class Told(NamedTuple):
    """An event, and whether it had an effect; if not, why, and perhaps which event stands in its way. `other` is also
    what a retraction undid.
    """

    event: Event
    effect: bool
    cause: str | None = None
    other: Event | None = None

    @property
    def reason(self) -> str | None:
        """Why it had no effect, in a sentence for people."""
        if self.cause is None:
            return None
        by = self.other or self.event
        return CAUSES[self.cause].format(id=by.id, unit=by.unit)


class Pause(NamedTuple):
    """A request for a supplement; when it `counts`, the clock stood from `start` to `until`, otherwise why not."""

    start: int
    until: int | None
    counts: bool
    cause: str | None


class Deadline(NamedTuple):
    """How a deadline came about: the due times given, with their events; the legal time; the pauses.

    `second_request`: the instant at which a dossier asked for more than once ran out, when that decided.
    """

    dues: list[tuple[Event, int]]
    legal_days: int | None
    legal: int | None
    pauses: list[Pause]
    second_request: int | None
    deadline: int | None


class Story(NamedTuple):
    """All that is known of one subject, and why; `holders`: the units that have handled the dossier, first to last."""

    facts: LifeFacts
    events: list[Told]
    deadline: Deadline | None
    holders: list[str]


def explain(subject: str, life: Sequence[Event], catalogues: Catalogues) -> Story:
    """The story of a life, its events in reading order."""
    standing = without_retracted(list(life))
    told = _retractions(life, standing)
    deadline = None
    holders: list[str] = []
    groups: dict[tuple[str, str], list[Event]] = {}
    for event in standing:
        unit = event.unit if event.what.noun in ("petition", "document") else ""
        groups.setdefault((event.what.noun, unit), []).append(event)
    for (noun, _), events in groups.items():
        if noun == "dossier":
            found, deadline = _of_dossier(subject, events, catalogues)
            told += found
            holders = _holders(subject, events)
        elif noun == "petition":
            told += _of_petition(events, catalogues)
        else:
            told += _told(events, document.fold if noun == "document" else publication.fold, _cause)
    facts = fold_life(subject, list(life), catalogues.rules_of, catalogues.calendar)
    return Story(facts, sorted(told, key=lambda each: reading_order(each.event)), deadline, holders)


def _holders(subject: str, events: Sequence[Event]) -> list[str]:
    receptions = [event for event in events if type(event.what) is lives.DossierReceived]
    first = dossier.effective_reception(subject, receptions) if receptions else events[0]
    return dossier.chain_of(first.unit, events)


def _retractions(life: Iterable[Event], standing: Iterable[Event]) -> list[Told]:
    """The retractions, and the events they undid."""
    kept = {(event.source, event.id) for event in standing}
    by_id = {(event.source, event.id): event for event in life}
    told, undone = [], {}
    for event in sorted(life, key=reading_order):
        if not isinstance(event.what, lives.EventRetracted):
            continue
        key = (event.source, event.what.id)
        target = by_id.get(key)
        if target is None:
            told.append(Told(event, False, "nothing_to_retract"))
        elif isinstance(target.what, lives.EventRetracted):
            told.append(Told(event, False, "retraction_stays"))
        elif not codes.is_under(target.unit, event.unit):
            told.append(Told(event, False, "not_above"))
        elif key in undone:
            told.append(Told(event, False, "already_retracted"))
        else:
            undone[key] = event
            told.append(Told(event, True, None, target))
    return told + [Told(by_id[key], False, "retracted", by) for key, by in undone.items() if key not in kept]


def _needed(events: Sequence[Event], fold: Callable[[Sequence[Event]], object]) -> set[int]:
    """The ids (of the objects) of events without which the facts would be others.

    From the last to the first, so that of two that say the same the earlier is the one that counts; and again as long
    as that makes another one dispensable.
    """
    whole = fold(events)
    kept = list(events)
    before = 0
    while len(kept) != before:
        before = len(kept)
        for place in range(before - 1, -1, -1):
            without = kept[:place] + kept[place + 1 :]
            if without and fold(without) == whole:
                kept = without
    return {id(event) for event in kept}


def _told(
    events: Sequence[Event],
    fold: Callable[[Sequence[Event]], object],
    why: Callable[[Event, Sequence[Event], Sequence[Event]], str],
) -> list[Told]:
    """Of each event whether it had an effect; `why` not is asked with the events read before it and after it."""
    needed = _needed(events, fold)
    return [
        Told(event, True)
        if id(event) in needed
        else Told(event, False, why(event, events[:place], events[place + 1 :]))
        for place, event in enumerate(events)
    ]


def _cause(event: Event, before: Sequence[Event], after: Sequence[Event]) -> str:
    """Why an event had no effect, as far as it tells itself and those of its type, read before and after it."""
    again = any(type(each.what) is type(event.what) for each in before)
    match event.what:
        case lives.DossierPaid(via="cash" | "transfer"):
            return "offline_payment"
        case lives.DossierSigned(what="component"):
            return "component_signature"
        case lives.DossierRated(satisfied=True) | lives.PetitionRated(satisfied=True):
            return "satisfied"
        case lives.DossierCompleted() | lives.DossierReturned() if again:
            return "ended_already"
        case lives.PetitionAnswered() | lives.PetitionPublished() if again:
            return "ended_already"
    cause = _BY_TYPE.get(type(event.what), "known_already")
    return "values_replaced" if cause == "values_known" and _is_replaced(event, after) else cause


def _is_replaced(event: Event, after: Sequence[Event]) -> bool:
    """Whether all that an event gives was given again later."""
    given = [
        name
        for name in event.what.__struct_fields__
        if name not in _NO_BEARING and getattr(event.what, name) is not None
    ]
    return all(any(getattr(each.what, name, None) is not None for each in after) for name in given)


def _of_petition(events: Sequence[Event], catalogues: Catalogues) -> list[Told]:
    """The petition events of one unit."""

    def fold(some: Sequence[Event]) -> PetitionFacts:
        return petition.fold(some, catalogues.calendar)

    def why(event: Event, before: Sequence[Event], after: Sequence[Event]) -> str:
        supplements = [type(each.what) for each in before if type(each.what) in _SUPPLEMENTS]
        match event.what:
            case lives.PetitionReceived() if before and fold(before) == fold([*before, event]):
                return "received_already"
            case lives.PetitionSupplemented() if supplements[-1:] != [lives.PetitionSupplementRequested]:
                return "answer_without_request"
            case lives.PetitionSupplementRequested() if facts.ended_at is not None:
                return "ended_otherwise"
            case lives.PetitionPublished() if not any(type(each.what) is lives.PetitionAnswered for each in events):
                return "not_answered"
        return _cause(event, before, after)

    facts = fold(events)
    if facts.received_at is None:
        return [Told(event, False, "no_reception") for event in events]
    return _told(events, fold, why)


def _of_dossier(subject: str, events: Sequence[Event], catalogues: Catalogues) -> tuple[list[Told], Deadline | None]:
    """A dossier's events, and its deadline if it was received: all is read once more as dossier.fold reads it."""
    receptions = [event for event in events if type(event.what) is lives.DossierReceived]
    if not receptions:
        return [Told(event, False, "no_reception") for event in events], None
    reception = dossier.effective_reception(subject, receptions)
    chain = dossier.chain_of(reception.unit, events)
    admitted = dossier.admitted(events, chain, Reading())
    reading = _read(admitted)
    rules = catalogues.rules_of(reading.procedure)
    facts = reading.facts(reception, chain[-1], rules, catalogues.calendar)
    legal = dossier.legal_end(reception.time, rules, catalogues.calendar)
    pauses = _pauses(reading, legal, facts)
    dues = [(event, due) for event in admitted if (due := getattr(event.what, "due_at", None)) is not None]

    def fold(some: Sequence[Event]) -> tuple[DossierFacts | None, list[str]]:
        # With the way it went: what it was handed on by had an effect, also where it came back.
        found = dossier.fold(subject, some, catalogues.rules_of, catalogues.calendar)
        way = [unit for unit, _ in groupby(dossier.chain_of(reception.unit, some))]
        return None if found is None else msgspec.structs.replace(found, faults=0), way

    def why(event: Event, before: Sequence[Event], after: Sequence[Event]) -> str:
        earlier, now = _read(before), _read([*before, event])
        no_result = not reading.e_result
        match event.what:
            case lives.DossierReceived() if _state(earlier) == _state(now):
                return "received_already"
            case lives.DossierTransferred() if not codes.is_over_any(
                event.unit, dossier.chain_of(reception.unit, before)
            ):
                return "not_at_unit"
            case lives.DossierFeeRequested() | lives.DossierFeeWaived():
                return _why_no_fee(reading, rules, now, any(isinstance(each.what, _FEES) for each in after))
            case lives.DossierDueChanged(due_at=due):
                return "due_unchanged" if due == reading.due else "due_replaced"
            case lives.DossierSupplementRequested() if earlier.open_request is not None:
                return "same_open_request"
            case lives.DossierSupplemented() if earlier.open_request is None:
                return "answer_without_request"
            case lives.DossierSupplementRequested() | lives.DossierSupplemented():
                return pauses[len(now.requests) - 1].cause or "pause_without_effect"
            case lives.DossierSigned(what="result") if no_result:
                return "no_electronic_result"
            case lives.DossierDigitised(components=int(files)) if files and no_result and rules.issues_document:
                return "no_electronic_result"
        return _cause(event, before, after)

    told = _told(admitted, fold, why)
    read = {id(event) for event in admitted}
    for event in (each for each in events if id(each) not in read):
        second = type(event.what) is lives.DossierReceived
        told.append(Told(event, False, *(("second_reception", reception) if second else ("foreign_unit", None))))
    second_request = _second_request(reading, facts)
    return told, Deadline(dues, rules.max_working_days, legal, pauses, second_request, facts.deadline)


def _why_no_fee(whole: Reading, rules: Rules, now: Reading, again: bool) -> str:
    """Why a decision on the fee had no effect: `now` it is read, `again`: there was another one later."""
    if whole.flags & PAID_ONLINE:
        return "fee_paid"
    if again:
        return "fee_decided"
    known = whole.reception_fee if whole.reception_fee is not None else rules.fee
    return "fee_known" if now.fee == known else "fee_decided_before"


def _read(events: Iterable[Event]) -> Reading:
    reading = Reading()
    reading.read(events)
    return reading


def _state(reading: Reading) -> list[object]:
    return [getattr(reading, name) for name in Reading.__slots__]


def _pauses(reading: Reading, legal: int | None, facts: DossierFacts) -> list[Pause]:
    """Every request for a supplement: the pause the fold made of it, or why it made none."""
    counted = dict(reading.pauses(legal, facts.ended_at))
    pauses = []
    for request in reading.requests:
        at, until, cause = request.at, request.answered_at, None
        if until is None:
            cause = "request_unanswered"
        elif until == at:
            cause = "pause_without_effect"
        elif at in counted:
            until = counted[at]
        elif facts.ended_at is not None and at >= facts.ended_at:
            cause = "request_after_end"
        else:
            cause = "request_after_deadline"
        pauses.append(Pause(at, until, cause is None, cause))
    return pauses


def _second_request(reading: Reading, facts: DossierFacts) -> int | None:
    if facts.ended_at is not None or reading.open_request is None or len(reading.requests) < 2:
        return None
    second = reading.requests[1].at
    return second if facts.deadline == max(second, facts.received_at or 0) else None
