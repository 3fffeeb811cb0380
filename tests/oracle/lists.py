"""Who stands behind a number: every indicator as two sets of lives, each asked directly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from .calendar import start_of
from .figures import NOT_BY_PROCEDURE, ONLINE_LEVELS, TIERS, Question
from .others import Transparency

Member = tuple[str, str, str | None]
"""Kind, subject, and the unit where the kind has one."""
Sides = tuple[set[Member], set[Member]]


def behind(question: Question, procedure: str | None) -> dict[str, Sides]:
    """(numerator, denominator) of every indicator that counts something, as sets."""
    found = {
        **_dossiers(question),
        **_ended_and_returned(question),
        **_procedures(question),
        **_transparency(question),
        **_petitions(question),
        **_documents(question),
    }
    if procedure is not None:
        found = {code: sides for code, sides in found.items() if code not in NOT_BY_PROCEDURE}
    return found


def _named(kind: str, lives: Iterable) -> set[Member]:
    return {(kind, life.subject, life.unit) for life in lives}


def _share(kind: str, population: Iterable, wanted: Callable) -> Sides:
    population = list(population)
    return _named(kind, filter(wanted, population)), _named(kind, population)


def _dossiers(question: Question) -> dict[str, Sides]:
    received, active, end = question.received(), question.active(), question.end
    row = question.procedures.get
    eligible = [d for d in received if row(d.procedure)["full_eligible"]]
    essential = [d for d in received if row(d.procedure)["essential"]]

    def of(population: Iterable, wanted: Callable) -> Sides:
        return _share("dossier", population, wanted)

    return {
        "DOSSIER_SYNC": of(received, lambda d: d.synced),
        "DOSSIER_ON_TIME": of(active, lambda d: not d.span.overdue_at(end)),
        "ONLINE_DOSSIERS": of(received, lambda d: d.channel == "online"),
        "ORIGINAL_RESULT_AVAILABLE": of(active, lambda d: d.e_result),
        "SO_HOA_GIAY_TO_GIAI_QUYET": of(active, lambda d: d.digitised),
        "REUSED_DIGITIZED_DATA": of(active, lambda d: d.reused),
        "SYNCED_WITH_DVCQG_PERSONAL_STORAGE": of(active, lambda d: d.shared_store),
        "CITIZEN_DATA_CONNECTED_DOSSIER": of(active, lambda d: d.population_data),
        "PAYMENT_DOSSIERS": of([d for d in received if d.fee], lambda d: d.paid_online),
        "DOSSIER_RECEIVING_SATISFACTION": of(active, lambda d: not d.span.overdue_at(end) and not d.disliked),
        "RECEIVED_BY_POST": of(received, lambda d: d.channel == "postal"),
        "RECEIVED_BY_POST_STAFF": of(received, lambda d: d.receiver == "postal_clerk"),
        "FULL_ONLINE_DOSSIERS": of(
            eligible, lambda d: d.channel == "online" and row(d.procedure)["service_level"] == "full"
        ),
        "ESSENTIAL_ONLINE_SUM": of(essential, lambda d: d.channel == "online"),
    }


def _ended_and_returned(question: Question) -> dict[str, Sides]:
    ended = question.ended()

    def returned(via: str) -> Sides:
        lives = [
            d
            for d in question.dossiers
            if d.returned_via == via and d.returned is not None and question.start <= d.returned < question.end
        ]
        return _named("dossier", lives), _named("dossier", ended)

    return {
        "RETURNED_BY_POST": returned("postal"),
        "RETURNED_ONLINE": returned("online"),
        "SIGNED_RESULT": _share("dossier", ended, lambda d: d.signed_result),
        "SETTLED_ON_TIME": _share("dossier", ended, lambda d: d.span.on_time),
    }


def _codes(denominator: set[str], numerator: Iterable[str]) -> Sides:
    return (
        {("procedure", code, None) for code in denominator & set(numerator)},
        {("procedure", code, None) for code in denominator},
    )


def _procedures(question: Question) -> dict[str, Sides]:
    rows, remit = question.procedures.rows, question.remit()
    received = question.received()
    online = {code for code in remit if rows[code]["service_level"] in ONLINE_LEVELS}
    fee = {code for code in remit if rows[code]["fee"]}
    citizens = {code for code in remit if "citizen" in rows[code]["applicants"]}
    communes = {unit for unit in question.scope if question.units.level(unit) == "commune"}
    certified = {unit for unit in communes if question.units.rows[unit].get("certified_copy")}
    return {
        "ONLINE_PROVISION": _codes(remit, online),
        "ONLINE_WITH_DOSSIERS": _codes(online, (d.procedure for d in received if d.channel == "online")),
        "CITIZEN_DATA_CONNECTED_FORMALITY": _codes(
            citizens, (d.procedure for d in question.active() if d.population_data)
        ),
        "PAYMENT_PROCEDURES": _codes(fee, (d.procedure for d in received if d.paid_online)),
        "PAYMENT_INTEGRATED": _codes(fee, (code for code in fee if rows[code]["payment_integrated"])),
        "CERTIFIED_COPY_COVERAGE": (
            {("unit", unit, unit) for unit in certified},
            {("unit", unit, unit) for unit in communes},
        ),
    }


def _transparency(question: Question) -> dict[str, Sides]:
    nth = question.calendar.nth_workday_after
    notice, allowed = (20, 10) if question.ministry else (5, 5)
    sides: dict[str, Sides] = {
        code: (set(), set()) for code in ("PUBLISH_ON_TIME", "PUBLIC_UPDATE_ON_TIME", "PUBLIC_CONTENT_FULL")
    }

    def put(code: str, one: Transparency, well: bool) -> None:
        member = ("procedure", one.procedure, None)
        sides[code][1].add(member)
        if well:
            sides[code][0].add(member)

    for one in question.transparency:
        decisions = [each for each in one.announcements if question.holds(each.decided_on)]
        if decisions:
            put("PUBLISH_ON_TIME", one, all(d.effective_on >= nth(d.decided_on, notice) for d in decisions))
        days = {d.decided_on for d in one.announcements + one.publications if question.holds(d.decided_on)}
        if days:
            put("PUBLIC_UPDATE_ON_TIME", one, all(_first(one, day) <= nth(day, allowed) for day in days))
        so_far = [each for each in one.publications if start_of(each.published_on) < question.end]
        if so_far:
            newest = max(each.published_on for each in so_far)
            put("PUBLIC_CONTENT_FULL", one, [p for p in so_far if p.published_on == newest][-1].complete)
    return sides


def _first(one: Transparency, decided_on: date) -> date:
    """The first publication of a decision; never, when there is none."""
    return min((p.published_on for p in one.publications if p.decided_on == decided_on), default=date.max)


def _petitions(question: Question) -> dict[str, Sides]:
    active = [p for p in question.petitions if p.span.active_in(question.start, question.end)]
    end = question.end
    return {
        "PETITION_PROCESSING_ON_TIME": _share("petition", active, lambda p: not p.span.overdue_at(end)),
        "PETITION_HANDLING_SATISFACTION": _share(
            "petition", active, lambda p: not p.disliked and not p.span.overdue_at(end)
        ),
        "PETITION_CLASSIFICATION_TTHC": _share("petition", active, lambda p: p.about == "regulation"),
        "PETITION_CLASSIFICATION_STAFF": _share("petition", active, lambda p: p.about == "staff"),
    }


def _documents(question: Question) -> dict[str, Sides]:
    sent = [d for d in question.documents if question.start <= d.sent < question.end]
    found: dict[str, Sides] = {}
    for suffix, tier in {"": None, **{f"_{name}": tier for name, tier in TIERS.items()}}.items():
        of_tier = [d for d in sent if tier is None or d.tier == tier]
        found["E_DOCUMENT" + suffix] = _share("document", of_tier, lambda d: d.electronic)
        found["SIGNED_DOCUMENT" + suffix] = _share("document", [d for d in of_tier if d.electronic], lambda d: d.signed)
    return found
