"""Which indicators an event feeds, found out by trying: a life without it and with it, and what differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.running import Running

Step = tuple[str, dict[str, Any]]

_ONLINE: Step = ("dossier.received", {"channel": "online", "due_at": "2026-01-12T17:00:00+07:00"})
_FREE: Step = (_ONLINE[0], {**_ONLINE[1], "fee": False})
_POST: Step = (_ONLINE[0], {**_ONLINE[1], "channel": "postal", "receiver": "postal_clerk"})
_PAID: Step = ("dossier.paid", {"via": "national_gateway"})
_DONE: Step = ("dossier.completed", {"electronic_result": True})
_BACK: Step = ("dossier.returned", {"via": "counter"})
_BACK_LATE: Step = (_BACK[0], {**_BACK[1], "time": "2026-01-13T08:00:00+07:00"})
_BACK_ONLINE: Step = ("dossier.returned", {"via": "online", "electronic_result": True})
_SCANNED: Step = ("dossier.digitised", {"components": 1})
_RESULT_SIGNED: Step = ("dossier.signed", {"what": "result"})
_ASKED: Step = ("dossier.supplement_requested", {})
_PETITION: Step = ("petition.received", {"about": "staff"})
_ANSWERED: Step = ("petition.answered", {})
_LATER = "2027-01-12T17:00:00+07:00"
_ANNOUNCED: Step = ("procedure.announced", {"decided_on": "2026-01-06", "effective_on": "2026-02-06"})
_PUBLISHED: Step = (
    "procedure.published",
    {"decided_on": "2026-01-06", "published_on": "2026-01-07", "complete": True},
)

TRIED: list[tuple[list[Step], Step]] = [
    ([], ("dossier.submitted", {"channel": "online", "portal": "national"})),
    ([], _ONLINE),
    ([], _POST),
    ([_PAID, _DONE, ("dossier.synced", {}), ("dossier.digitised", {"population_data": True})], _ONLINE),
    ([_ONLINE], ("dossier.due_changed", {"due_at": _LATER})),
    ([_ONLINE, _BACK_LATE], ("dossier.due_changed", {"due_at": _LATER})),
    ([_ONLINE], _ASKED),
    ([_ONLINE], (_ASKED[0], {"due_at": _LATER})),
    ([_ONLINE, _ASKED], ("dossier.supplemented", {})),
    ([_ONLINE, _ASKED, _BACK_LATE], ("dossier.supplemented", {})),
    ([_ONLINE, _DONE], ("dossier.digitised", {"components": 2})),
    ([_ONLINE], ("dossier.digitised", {"reused": True, "shared_store": True, "population_data": True})),
    ([_FREE], ("dossier.fee_requested", {"amount": 100_000})),
    ([_ONLINE], ("dossier.fee_waived", {})),
    ([_ONLINE], _PAID),
    ([_ONLINE], ("dossier.paid", {"via": "cash"})),
    ([_ONLINE, _DONE], _RESULT_SIGNED),
    ([_ONLINE, _DONE], ("dossier.signed", {"what": "component"})),
    ([_ONLINE], ("dossier.completed", {"electronic_result": True, "signed": True})),
    ([_ONLINE, _SCANNED], _DONE),
    ([_ONLINE], ("dossier.returned", {"via": "postal"})),
    ([_ONLINE, _SCANNED], _BACK_ONLINE),
    ([_ONLINE, _RESULT_SIGNED, _BACK], _BACK_ONLINE),
    ([_ONLINE], ("dossier.refused", {})),
    ([_ONLINE], ("dossier.stopped", {})),
    ([_ONLINE], ("dossier.withdrawn", {})),
    ([_ONLINE], ("dossier.not_accepted", {})),
    ([_ONLINE], ("dossier.synced", {})),
    ([(_ONLINE[0], {**_ONLINE[1], "due_at": _LATER})], ("dossier.rated", {"satisfied": False})),
    ([], _PETITION),
    ([], (_PETITION[0], {"about": "regulation"})),
    ([_PETITION], ("petition.supplement_requested", {})),
    ([_PETITION, ("petition.supplement_requested", {})], ("petition.supplemented", {})),
    ([_PETITION], ("petition.refused", {})),
    ([_PETITION], ("petition.forwarded", {})),
    ([_PETITION], _ANSWERED),
    ([_PETITION, _ANSWERED], ("petition.published", {"time": "2026-06-01T08:00:00+07:00"})),
    ([_PETITION, _ANSWERED], ("petition.rated", {"satisfied": False})),
    ([], _ANNOUNCED),
    ([_ANNOUNCED], _PUBLISHED),
    *(
        ([], ("document.sent", {"electronic": True, "signed": True, "tier": tier}))
        for tier in ("province", "agencies", "commune")
    ),
]  # fmt: skip
"""What is there before, and the event that is tried; each step a type and its data, two days after the one before."""


def _unit(number: int) -> str:
    return f"H44.{100 + number}"


def _procedure(number: int) -> str:
    return f"1.{number:06}"


def units() -> list[dict[str, Any]]:
    """A department for each life that is tried, so that nothing else lies in its figures."""
    tried = [{"code": _unit(number), "name": f"Sở {number}", "level": "department"} for number in range(len(TRIED))]
    return [{"code": "H44", "name": "UBND tỉnh Phú Thọ", "level": "province"}, *tried]


def procedures() -> list[dict[str, Any]]:
    """A procedure for each, of those that every indicator looks at."""
    shared = {"name": "Cấp giấy phép", "service_level": "full", "full_eligible": True, "fee": True, "essential": True}
    return [
        {"code": _procedure(number), "applicants": ["citizen"], "units": [_unit(number)], **shared}
        for number in range(len(TRIED))
    ]


async def fed(running: Running) -> dict[str, set[str]]:
    """By type: the indicators of a unit's year that an event of it changes in any of the lives tried."""
    await running.catalogue(units(), procedures())
    found: dict[str, set[str]] = {}
    for number, (before, tried) in enumerate(TRIED):
        *steps, last = _events(running, number, [*before, tried])
        if steps:
            assert (await running.push(steps))["accepted"] == len(steps)
        without = await _figures(running, number)
        assert (await running.push([last]))["accepted"] == 1
        with_it = await _figures(running, number)
        found.setdefault(tried[0], set()).update(code for code in without if without[code] != with_it[code])
    return found


def _events(running: Running, number: int, steps: list[Step]) -> Iterator[dict[str, Any]]:
    for place, (kind, data) in enumerate(steps):
        subject = _procedure(number) if kind.startswith("procedure") else f"{_unit(number)}-260105-000001"
        more = {"time": f"2026-01-{5 + 2 * place:02}T08:00:00+07:00"} | data
        if kind == "dossier.received":
            more["procedure"] = _procedure(number)
        yield running.event(kind, subject, _unit(number), **more)


async def _figures(running: Running, number: int) -> dict[str, tuple[Any, ...]]:
    card = (await running.get("/v1/scorecard", unit=_unit(number), period="2026")).json()
    every = [*card["operational"], *(each for group in card["groups"] for each in group["indicators"])]
    shown = ("numerator", "denominator", "ratio", "value", "score")
    return {each["code"]: tuple(each.get(name) for name in shown) for each in every}
