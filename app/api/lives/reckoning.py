"""How a dossier's deadline came about: due times, pauses, working days; and the same in sentences."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Final, Literal

from typing_extensions import TypedDict

from app.api.http.answers import instant
from app.api.http.fields import answer, said, time, whole
from app.api.lives.dossiers import DEADLINE, at
from app.domain.calendar.civil import clock_of
from app.domain.lives.dossier import DossierFacts
from app.domain.lives.events import TYPES, Event
from app.domain.lives.explain import CAUSES, Deadline
from app.domain.lives.flags import FAULTS

_ORDINALS: Final = dict(enumerate(("hai", "ba", "tư", "năm", "sáu", "bảy", "tám", "chín", "mười"), start=2))
TYPE_NAMES: Final = [each.type for each in TYPES]

_PAUSE: Final = TypedDict(
    "_PAUSE", {"from": Annotated[str, time("When the supplement was asked for.", "2026-01-06T09:00:00+07:00")]}
)


@answer
class EventNamed(TypedDict):
    """What names an event."""

    source: Annotated[str, said("Its source.", "/h44/igate")]
    id: Annotated[str, said("Its id.", "9f6c0a53")]


@answer
class DueGiven(EventNamed):
    """A due time that was given, by which event."""

    due_at: Annotated[str, time("The due time.", DEADLINE)]
    given_at: Annotated[str, time("When it was given.")]
    type: Annotated[str, said("By which type of event.", "dossier.received", enum=TYPE_NAMES)]


@answer
class PauseTold(_PAUSE):
    """A request for a supplement."""

    to: Annotated[str | None, time("When it came.", "2026-01-07T09:00:00+07:00")]
    seconds: Annotated[float | None, said("How long.", 86400.0)]
    counts: Annotated[bool, said("Whether the clock stood.", True)]
    reason: Annotated[str | None, said("If not, why, in Vietnamese.", None)]


@answer
class Reckoning(TypedDict):
    """How the deadline came about."""

    basis: Annotated[
        Literal["due", "legal", "none"],
        said("The due time that was given, the legal time of the procedure, or nothing.", "due"),
    ]
    due_history: Annotated[list[DueGiven], said("The due times, the last one holds.")]
    working_days: Annotated[int | None, whole("The legal limit.", None)]
    legal_end: Annotated[str | None, time("Its end.", None)]
    pauses: Annotated[list[PauseTold], said("The pauses.")]
    paused_seconds: Annotated[float, said("How long the clock stood.", 86400.0, minimum=0)]
    explanation: Annotated[str, said("The same in sentences, in Vietnamese.", "Hạn giải quyết: 17:00 12/01/2026.")]


def event_named(event: Event) -> EventNamed:
    """What names an event."""
    return {"source": event.source, "id": event.id}


def reckoning(deadline: Deadline, facts: DossierFacts) -> Reckoning:
    """How a deadline came about: due times, pauses, working days; and the same in sentences."""
    stood = sum((pause.until or pause.start) - pause.start for pause in deadline.pauses if pause.counts)
    return {
        "basis": "due" if facts.due_at is not None else "legal" if deadline.legal is not None else "none",
        "due_history": [
            {"due_at": instant(due), "given_at": instant(by.time), "type": by.what.type, **event_named(by)}
            for by, due in deadline.dues
        ],
        "working_days": deadline.legal_days,
        "legal_end": at(deadline.legal),
        "pauses": [
            {
                "from": instant(pause.start),
                "to": at(pause.until),
                "seconds": None if pause.until is None else (pause.until - pause.start) / 1_000_000,
                "counts": pause.counts,
                "reason": None if pause.cause is None else CAUSES[pause.cause],
            }
            for pause in deadline.pauses
        ],
        "paused_seconds": stood / 1_000_000,
        "explanation": " ".join(_sentences(deadline, facts, stood)),
    }


def _sentences(deadline: Deadline, facts: DossierFacts, stood: int) -> list[str]:
    said = []
    if facts.due_at is not None:
        moved = sum(before != after for (_, before), (_, after) in pairwise(deadline.dues))
        said.append(f"Hẹn trả {spoken(facts.due_at)}{f', đã đổi {moved} lần' if moved else ''}.")
    elif deadline.legal is not None:
        said.append(
            f"Không có hẹn trả; thời hạn của thủ tục là {deadline.legal_days} ngày làm việc sau ngày tiếp nhận, "
            f"đến hết {spoken(deadline.legal)}."
        )
    else:
        never = "" if facts.deadline is not None else ", nên không bao giờ quá hạn"
        said.append(f"Không có hẹn trả và thủ tục không có thời hạn{never}.")
    if stood:
        count = sum(pause.counts for pause in deadline.pauses)
        said.append(f"Tạm dừng {count} lần chờ bổ sung, tổng cộng {_length(stood)}.")
    if deadline.second_request is not None:
        asked = _ORDINALS.get(len(deadline.pauses), str(len(deadline.pauses)))
        said.append(f"Hồ sơ bị yêu cầu bổ sung lần thứ {asked} mà chưa trả lời, nên hạn là lúc yêu cầu lần hai.")
    if facts.faults & FAULTS["deadline_before_reception"]:
        said.append("Hạn tính ra sớm hơn lúc tiếp nhận, nên lấy lúc tiếp nhận.")
    if facts.deadline is not None:
        said.append(f"Hạn giải quyết: {spoken(facts.deadline)}.")
    return said


def spoken(moment: int) -> str:
    """An instant as people say it: hours and minutes, then the date."""
    return f"{clock_of(moment):%H:%M %d/%m/%Y}"


def _length(micros: int) -> str:
    minutes = micros // 60_000_000
    parts = ((minutes // 1440, "ngày"), (minutes // 60 % 24, "giờ"), (minutes % 60, "phút"))
    return " ".join(f"{count} {name}" for count, name in parts if count) or "chưa đến một phút"
