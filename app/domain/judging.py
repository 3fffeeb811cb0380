"""What becomes of each event of a push: accepted, a duplicate, or refused and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from app.domain import codes
from app.domain.calendar.civil import AHEAD, Day, Instant, date_of, day_of, start_of
from app.domain.catalogues.root import Catalogues
from app.domain.codes import UnitCode
from app.domain.lives.events import DossierReceived, DossierTransferred, Event
from app.domain.push import Outcome, Parsed, Read, Rejected, Warned, Wrong
from app.messages import BEYOND_KEY, NO_UNIT, Message, with_likely

AHEAD_OF_CLOCK: Final = Message(
    "more than 10 minutes ahead of the server's clock", "nhanh hơn đồng hồ máy chủ quá 10 phút"
)
_NO_UNIT_OF_ROOT: Final = Message(
    "no unit of this root has this code or alias", "đơn vị gốc này không có đơn vị nào mang mã hoặc mã phụ này"
)
_NO_PROCEDURE: Final = Message(
    "the procedure is not in the catalogue; counted with default attributes until it is",
    "thủ tục hành chính chưa có trong danh mục; tạm tính theo thuộc tính mặc định",
)
_IN_CATALOGUE: Final = Message("which is in the catalogue", "đang có trong danh mục")
_SIX_DIGITS: Final = Message("six digits after the point", "sáu chữ số sau dấu chấm")
_NOT_VALID: Final = Message(
    "the procedure was not valid on that day; counted all the same",
    "thủ tục hành chính không có hiệu lực ngày đó; vẫn được tính",
)
_SENT_BEFORE: Final = Message(
    "this source has sent this id before with other content", "nguồn này đã gửi mã này với nội dung khác"
)
_TOO_LONG: Final = Message("1,000 events are the most", "tối đa 1.000 sự kiện")


class Item(msgspec.Struct, gc=False):
    """An event of a batch as it stands in its life (units by code, not by alias), and what becomes of it.

    `forbidden`: its unit exists, and the sender's key does not reach it.
    """

    parsed: Parsed
    key: bytes
    event: Event
    fault: Rejected | None = None
    warning: Warned | None = None
    unit_warning: Warned | None = None
    forbidden: bool = False
    outcome: Literal["accepted", "duplicate", "refused"] = "refused"

    def refuse(self, *faults: Wrong) -> None:
        """Say what is wrong with it."""
        event = self.parsed.event
        self.outcome = "refused"
        self.fault = Rejected(self.parsed.index, event.id, event.source, *faults[0], more=faults[1:])


def judged(parsed: Parsed, key: bytes, reach: str, catalogues: Catalogues, now: int) -> Item:
    """An event with what the unit its sender's key reaches, the catalogues and the clock (µs) say of it.

    Args:
        key: stands for its source and id.
    """
    event = parsed.event
    unit = UnitCode(catalogues.resolve(event.unit))
    if unit != event.unit:
        event = msgspec.structs.replace(event, unit=unit)
    item = Item(parsed, key, event)
    if not codes.is_under(unit, reach):
        item.refuse(_beyond(unit, reach, catalogues))
        # Perhaps an alias that has gone since: what was taken in under it stays a duplicate when sent again.
        item.forbidden = unit in catalogues.units
        return item
    moved = event.what if isinstance(event.what, DossierTransferred) else None
    to = UnitCode(catalogues.resolve(moved.to)) if moved is not None else None
    ahead = event.time > now + AHEAD
    if unit not in catalogues.units or ahead or (to is not None and to not in catalogues.units):
        item.refuse(*_faults(unit, ahead, to, reach, catalogues))
        return item
    item.unit_warning = _ended(catalogues, parsed, unit, "unit")
    if moved is not None and to is not None:
        if to != moved.to:
            item.event = msgspec.structs.replace(event, what=DossierTransferred(to))
        item.warning = _ended(catalogues, parsed, to, "data.to")
    elif type(event.what) is DossierReceived:
        item.warning = _warning(catalogues, parsed, event.what.procedure)
    return item


def _ended(catalogues: Catalogues, parsed: Parsed, unit: str, field: str) -> Warned | None:
    known = catalogues.units[unit]
    if known.valid_to is None or parsed.event.time < start_of(Day(known.valid_to + 1)):
        return None
    ended = str(date_of(known.valid_to))
    detail = Message(
        "the unit ended on {ended}; counted all the same", "đơn vị đã kết thúc ngày {ended}; vẫn được tính", ended=ended
    )
    if known.successor:
        detail = Message(
            "the unit ended on {ended}; its successor is {successor}; counted all the same",
            "đơn vị đã kết thúc ngày {ended}; đơn vị kế thừa là {successor}; vẫn được tính",
            ended=ended,
            successor=known.successor,
        )
    return Warned(parsed.index, parsed.event.id, "unknown_unit", field, detail)


def also_wrong(rejected: Rejected, reach: str, catalogues: Catalogues, now: int) -> Rejected:
    """A refused event with what is wrong with its unit and its time too, as far as these could be read; of a unit
    beyond what the sender's key reaches, that it is.
    """
    if not isinstance(rejected.read, Read):
        return rejected
    unit, to = (None if each is None else catalogues.resolve(each) for each in (rejected.read.unit, rejected.read.to))
    if unit is not None and not codes.is_under(unit, reach):
        return rejected.and_also([_beyond(unit, reach, catalogues)])
    ahead = rejected.read.time is not None and rejected.read.time > now + AHEAD
    return rejected.and_also(_faults(unit, ahead, to, reach, catalogues))


def _beyond(unit: str, reach: str, catalogues: Catalogues) -> Wrong:
    return _no_unit("forbidden_unit", "unit", BEYOND_KEY, unit, reach, catalogues)


def _faults(unit: str | None, ahead: bool, to: str | None, reach: str, catalogues: Catalogues) -> Iterator[Wrong]:
    """What catalogues and the clock find wrong with an event, in the order of the contract."""
    if unit is not None and unit not in catalogues.units:
        yield _no_unit("unknown_unit", "unit", NO_UNIT, unit, reach, catalogues)
    if ahead:
        yield Wrong("future_time", "time", AHEAD_OF_CLOCK)
    if to is not None and to not in catalogues.units:
        yield _no_unit("unknown_unit", "data.to", _NO_UNIT_OF_ROOT, to, catalogues.root, catalogues)


def _no_unit(code: str, field: str, detail: Message, unit: str, reach: str, catalogues: Catalogues) -> Wrong:
    """A fault of a unit's code, with the unit within reach that was likely meant."""
    likely = codes.likely_unit_code(unit, lambda each: each in catalogues.units and codes.is_under(each, reach))
    return Wrong(code, field, with_likely(detail, likely), detail if likely else None)


def _warning(catalogues: Catalogues, parsed: Parsed, procedure: str) -> Warned | None:
    known = catalogues.procedures.get(procedure)
    if known is None:
        detail = _NO_PROCEDURE
        if likely := codes.likely_procedure_code(procedure):
            where = _IN_CATALOGUE if likely in catalogues.procedures else _SIX_DIGITS
            detail = Message("{fault}, {where}", "{fault}, {where}", fault=with_likely(detail, likely), where=where)
    elif not known.is_valid_on(day_of(Instant(parsed.event.time))):
        detail = _NOT_VALID
    else:
        return None
    return Warned(parsed.index, parsed.event.id, "unknown_procedure", "data.procedure", detail)


def decide(items: Iterable[Item], receipts: Mapping[bytes, bytes], taken_in: Mapping[bytes, bytes]) -> set[bytes]:
    """Give each event its outcome, in their order.

    Args:
        receipts: content by key of events that were taken in before.
        taken_in: of those that a batch before them is just taking in.

    Returns:
        The keys of those that only `taken_in` knows.
    """
    claimed: dict[bytes, bytes] = {}
    recalled: set[bytes] = set()
    for item in items:
        key, content = item.key, item.parsed.content
        known = receipts.get(key) or taken_in.get(key) or claimed.get(key)
        if item.fault is not None and (known is None or item.forbidden):
            continue
        if known is None:
            claimed[key] = content
            item.outcome = "accepted"
            continue
        if key in taken_in and key not in receipts:
            recalled.add(key)
        if known == content:
            item.outcome = "duplicate"
        elif item.fault is None or item.fault.code != "forbidden_unit":
            item.refuse(Wrong("conflict", "id", _SENT_BEFORE))
    return recalled


def refuse_unfit(items: Iterable[Item], unfit: Collection[bytes]) -> None:
    """Refuse what does not fit into its life; a copy of it in the same batch has nothing to be a duplicate of."""
    for item in items:
        if item.key in unfit and item.outcome != "refused":
            item.refuse(Wrong("life_too_long", "subject", _TOO_LONG))


def outcome_of(items: Sequence[Item]) -> Outcome:
    """What became of one push's events."""
    accepted = [item for item in items if item.outcome == "accepted"]
    duplicates = [item for item in items if item.outcome == "duplicate"]
    errors = [item.fault for item in items if item.outcome == "refused" and item.fault is not None]
    return Outcome(
        accepted=len(accepted),
        duplicates=len(duplicates),
        errors=sorted(errors, key=lambda each: each.index),
        warnings=[each for item in accepted for each in (item.unit_warning, item.warning) if each is not None],
        accepted_types=_types(accepted),
        duplicate_types=_types(duplicates),
    )


def _types(items: Iterable[Item]) -> dict[str, int]:
    """How many of each type; most pushes are of one event, for which a Counter takes longer than all else here."""
    found: dict[str, int] = {}
    for item in items:
        name = item.event.what.type
        found[name] = found.get(name, 0) + 1
    return found
