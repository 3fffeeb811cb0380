"""Why a life counts as it does: of every event whether it had an effect, and how the deadline came about.

There is no second rule set here. Whether an event had an effect is asked of the fold itself, which is run with and
without it; the reading that dossier.fold does is done once more, event by event, and watched. What had no effect may be
left out altogether, all of it at once, and the facts are still the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec

from app.domain import codes
from app.domain.catalogues.root import Catalogues
from app.domain.lives import document, dossier, flags, petition, publication
from app.domain.lives import events as lives
from app.domain.lives.dossier import DossierFacts, Reading
from app.domain.lives.events import (
    DossierDueChanged,
    DossierPaid,
    DossierRated,
    DossierReceived,
    DossierSigned,
    DossierSupplemented,
    DossierSupplementRequested,
    Event,
    EventRetracted,
    PetitionRated,
    PetitionReceived,
)
from app.domain.lives.life import LifeFacts
from app.domain.lives.life import fold as fold_life
from app.domain.lives.reading import reading_order, without_retracted

T = TypeVar("T")

CAUSES: Final = {
    "retracted": "Đã bị thu hồi bởi sự kiện {id} của đơn vị {unit}.",
    "already_retracted": "Sự kiện này đã bị một sự kiện khác thu hồi.",
    "nothing_to_retract": "Không có sự kiện nào của nguồn này mang mã bị thu hồi.",
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
    "due_unchanged": "Hẹn trả này giống hẹn trả đã có.",
    "transfer_without_effect": "Khi đó hồ sơ không ở đơn vị chuyển, hoặc việc chuyển không làm đổi đơn vị xử lý.",
    "request_unanswered": "Yêu cầu bổ sung chưa được trả lời nên không có thời gian tạm dừng.",
    "request_after_deadline": "Yêu cầu bổ sung đưa ra khi đã quá hạn, nên không được tạm dừng.",
    "request_after_end": "Yêu cầu bổ sung đưa ra khi hồ sơ đã kết thúc, nên không có thời gian tạm dừng.",
    "pause_without_effect": "Thời gian chờ bổ sung này không làm thay đổi hạn giải quyết.",
    "values_known": "Các giá trị này đã có, hoặc đã được sự kiện sau thay thế.",
    "fee_decided": "Không đổi việc có phí hay không: quyết định sau cùng về phí mới được tính.",
    "offline_payment": "Chỉ thanh toán qua Cổng quốc gia hoặc cổng của địa phương mới tính là trực tuyến.",
    "component_signature": "Chỉ chữ ký số trên kết quả mới được tính.",
    "no_electronic_result": "Chưa có kết quả điện tử nên chữ ký số chưa được tính.",
    "ended_already": "Đã có sự kiện cùng loại trước đó; lần sớm nhất được tính.",
    "ended_otherwise": "Thời điểm kết thúc được tính theo sự kiện khác.",
    "satisfied": "Đánh giá hài lòng không làm thay đổi số liệu; chỉ không hài lòng mới được tính.",
    "known_already": "Điều này đã được ghi nhận từ sự kiện trước.",
    "not_late": "Công khai không trễ hạn nên không làm thay đổi kết quả.",
}
"""Why an event had no effect, for people; {id} and {unit} are of the event that stands in its way."""

_BY_TYPE: Final[dict[type[lives.Happening], str]] = {
    lives.DossierSubmitted: "never_counts",
    lives.DossierReceived: "received_already",
    lives.DossierTransferred: "transfer_without_effect",
    lives.DossierDigitised: "values_known",
    lives.DossierFeeRequested: "fee_decided",
    lives.DossierFeeWaived: "fee_decided",
    lives.DossierCompleted: "ended_already",
    lives.DossierReturned: "ended_already",
    lives.DossierRefused: "ended_otherwise",
    lives.DossierStopped: "ended_otherwise",
    lives.DossierWithdrawn: "ended_otherwise",
    lives.DossierNotAccepted: "never_counts",
    lives.PetitionReceived: "received_already",
    lives.PetitionSupplementRequested: "ended_otherwise",
    lives.PetitionSupplemented: "answer_without_request",
    lives.PetitionRefused: "ended_otherwise",
    lives.PetitionForwarded: "ended_otherwise",
    lives.PetitionAnswered: "ended_already",
    lives.PetitionPublished: "not_late",
    lives.DocumentSent: "values_known",
}
"""Why an event of a type had no effect, where nothing else tells."""


class Told(NamedTuple):
    """An event, and whether it had an effect; if not, why, and perhaps which event stands in its way. `other` is also
    what a retraction undid.
    """

    event: Event
    effect: bool
    cause: str | None = None
    other: Event | None = None
    unit: str | None = None

    @property
    def reason(self) -> str | None:
        """Why it had no effect, in a sentence for people."""
        if self.cause is None:
            return None
        by = self.other or self.event
        return CAUSES[self.cause].format(id=by.id, unit=self.unit or by.unit)


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
    """All that is known of one subject, and why."""

    facts: LifeFacts
    events: list[Told]
    deadline: Deadline | None


def explain(subject: str, life: Sequence[Event], catalogues: Catalogues) -> Story:
    """The story of a life, its events in reading order."""
    standing = without_retracted(list(life))
    told = _retractions(life, standing)
    dossier_events = [event for event in standing if event.what.noun == "dossier"]
    deadline = None
    if dossier_events:
        seen = _Watched(subject, dossier_events, catalogues)
        told += seen.told
        deadline = seen.deadline
    groups: dict[tuple[str, str], list[Event]] = {}
    for event in standing[:] if len(dossier_events) < len(standing) else ():
        if event.what.noun != "dossier":
            kind: str = event.what.noun
            groups.setdefault((kind, "" if kind == "procedure" else event.unit), []).append(event)
    for (kind, _), events in groups.items():
        told += _of_others(kind, events, catalogues)
    facts = fold_life(subject, list(life), catalogues.rules_of, catalogues.calendar)
    return Story(facts, sorted(told, key=lambda each: reading_order(each.event)), deadline)


def _retractions(life: Iterable[Event], standing: Iterable[Event]) -> list[Told]:
    """The retractions, and the events they undid."""
    kept = {(event.source, event.id) for event in standing}
    by_id = {(event.source, event.id): event for event in life}
    told, undone = [], {}
    for event in sorted(life, key=reading_order):
        if not isinstance(event.what, EventRetracted):
            continue
        key = (event.source, event.what.id)
        target = by_id.get(key)
        if target is None:
            told.append(Told(event, False, "nothing_to_retract"))
        elif isinstance(target.what, EventRetracted):
            told.append(Told(event, False, "retraction_stays"))
        elif not codes.is_under(target.unit, event.unit):
            told.append(Told(event, False, "not_above"))
        elif key in undone:
            told.append(Told(event, False, "already_retracted"))
        else:
            undone[key] = event
            told.append(Told(event, True, None, target))
    return told + [Told(by_id[key], False, "retracted", by) for key, by in undone.items() if key not in kept]


def _needed(events: Sequence[Event], fold: Callable[[Sequence[Event]], T]) -> set[int]:
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


def _of_others(kind: str, events: Sequence[Event], catalogues: Catalogues) -> list[Told]:
    """Petitions and documents of one unit, or what was decided and published of a procedure."""
    if kind == "petition":
        if not any(type(event.what) is PetitionReceived for event in events):
            return [Told(event, False, "no_reception") for event in events]
        needed = _needed(events, lambda some: petition.fold(some, catalogues.calendar))
    elif kind == "document":
        needed = _needed(events, document.fold)
    else:
        needed = _needed(events, publication.fold)
    return [Told(event, True) if id(event) in needed else Told(event, False, _cause(event)) for event in events]


def _cause(event: Event) -> str:
    """Why an event that was read had no effect, as far as its type tells."""
    match event.what:
        case DossierPaid(via="cash" | "transfer"):
            return "offline_payment"
        case DossierSigned(what="component"):
            return "component_signature"
        case DossierRated(satisfied=True) | PetitionRated(satisfied=True):
            return "satisfied"
    return _BY_TYPE.get(type(event.what), "known_already")


class _Watched:
    """A dossier's standing events read once more, one by one."""

    def __init__(self, subject: str, events: Sequence[Event], catalogues: Catalogues) -> None:
        self.told: list[Told] = []
        self.deadline: Deadline | None = None
        self._reading = Reading()
        self._unlike: dict[int, str] = {}
        self._requests: dict[int, int] = {}
        receptions = [event for event in events if type(event.what) is DossierReceived]
        if not receptions:
            self.told = [Told(event, False, "no_reception") for event in events]
            return
        reception = dossier.effective_reception(subject, receptions)
        chain = dossier.chain_of(reception.unit, events)
        read = dossier.admitted(events, chain, Reading())
        dues = [due for event in read if (due := self._read(event)) is not None]
        rules = catalogues.rules_of(self._reading.procedure)
        facts = self._reading.facts(reception, chain[-1], rules, catalogues.calendar)
        legal = dossier.legal_end(reception.time, rules, catalogues.calendar)
        self._pauses = self._told_pauses(legal, facts)
        self.deadline = Deadline(
            dues, rules.max_working_days, legal, self._pauses, self._second_request(facts), facts.deadline
        )

        def fold(some: Sequence[Event]) -> DossierFacts | None:
            found = dossier.fold(subject, some, catalogues.rules_of, catalogues.calendar)
            return None if found is None else msgspec.structs.replace(found, faults=0)

        needed = _needed(read, fold)
        admitted = {id(event) for event in read}
        for event in events:
            if id(event) in needed:
                self.told.append(Told(event, True))
            elif id(event) in admitted:
                self.told.append(Told(event, False, self._why(event)))
            elif type(event.what) is DossierReceived:
                self.told.append(Told(event, False, "second_reception", reception))
            else:
                self.told.append(Told(event, False, "foreign_unit"))

    def _read(self, event: Event) -> tuple[Event, int] | None:
        """Read one event; the due time it gives."""
        reading = self._reading
        waiting, faults = reading.open_request, reading.faults
        reading.faults = 0
        reading.read([event])
        if reading.faults & flags.ANSWER_WITHOUT_REQUEST:
            self._unlike[id(event)] = "answer_without_request"
        elif type(event.what) is DossierSupplementRequested and waiting is not None:
            self._unlike[id(event)] = "same_open_request"
        elif type(event.what) in (DossierSupplementRequested, DossierSupplemented):
            self._requests[id(event)] = len(reading.requests) - 1
        reading.faults |= faults
        due: int | None = getattr(event.what, "due_at", None)
        return None if due is None else (event, due)

    def _told_pauses(self, legal: int | None, facts: DossierFacts) -> list[Pause]:
        counted = dict(self._reading.pauses(legal, facts.ended_at))
        pauses = []
        for request in self._reading.requests:
            if request.at in counted and request.answered_at is not None:
                pauses.append(Pause(request.at, counted[request.at], True, None))
            elif request.answered_at is None:
                pauses.append(Pause(request.at, None, False, "request_unanswered"))
            else:
                over = facts.ended_at is not None and request.at >= facts.ended_at
                cause = "request_after_end" if over else "request_after_deadline"
                pauses.append(Pause(request.at, request.answered_at, False, cause))
        return pauses

    def _second_request(self, facts: DossierFacts) -> int | None:
        requests = self._reading.requests
        if facts.ended_at is None and self._reading.open_request is not None and len(requests) >= 2:
            second = requests[1].at
            return second if facts.deadline == max(second, facts.received_at or 0) else None
        return None

    def _why(self, event: Event) -> str:
        """Why an event of a unit of the chain had no effect."""
        if id(event) in self._unlike:
            return self._unlike[id(event)]
        if id(event) in self._requests:
            return self._pauses[self._requests[id(event)]].cause or "pause_without_effect"
        if isinstance(event.what, DossierDueChanged):
            return "due_unchanged" if event.what.due_at == self._reading.due else "due_replaced"
        if isinstance(event.what, DossierSigned) and event.what.what == "result" and not self._reading.e_result:
            return "no_electronic_result"
        return _cause(event)
