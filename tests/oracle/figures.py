"""Every indicator of one question, each counted by asking every life in scope directly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from .calendar import Calendar, start_of
from .catalogue import Procedures, Units
from .dossiers import Dossier
from .others import Document, Petition, Transparency
from .points import Figure, counted, half_up

ONLINE_LEVELS = ("partial", "full")
TIERS = {"PROVINCE": "province", "AGENCIES": "agencies", "COMMUNE": "commune"}
# indicators that count procedures, petitions, communes or documents do not exist for one procedure
NOT_BY_PROCEDURE = frozenset(
    ["PUBLISH_ON_TIME", "PUBLIC_UPDATE_ON_TIME", "PUBLIC_CONTENT_FULL", "ONLINE_PROVISION", "ONLINE_WITH_DOSSIERS",
     "CITIZEN_DATA_CONNECTED_FORMALITY", "ELECTRONIC_CERTIFIED_COPY", "CERTIFIED_COPY_COVERAGE",
     "PAYMENT_PROCEDURES", "PAYMENT_INTEGRATED", "PETITION_PROCESSING_ON_TIME", "PETITION_HANDLING_SATISFACTION",
     "PETITION_CLASSIFICATION_TTHC", "PETITION_CLASSIFICATION_STAFF", "E_DOCUMENT", "SIGNED_DOCUMENT"]
    + [f"{kind}_{tier}" for kind in ("E_DOCUMENT", "SIGNED_DOCUMENT") for tier in TIERS]
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """What is asked, with the lives in scope that answer it. [start, end): `end` is the effective end."""

    start: datetime
    end: datetime
    scope: frozenset[str]
    ministry: bool
    units: Units
    procedures: Procedures
    calendar: Calendar
    dossiers: Sequence[Dossier]
    petitions: Sequence[Petition]
    documents: Sequence[Document]
    transparency: Sequence[Transparency]
    national_count: int | None

    def received(self) -> list[Dossier]:
        return [d for d in self.dossiers if d.span.received_in(self.start, self.end)]

    def active(self) -> list[Dossier]:
        return [d for d in self.dossiers if d.span.active_in(self.start, self.end)]

    def ended(self) -> list[Dossier]:
        return [d for d in self.dossiers if d.span.ended_in(self.start, self.end)]

    def remit(self) -> set[str]:
        return self.procedures.in_remit(self.scope, self.start, self.end)

    def holds(self, day: date) -> bool:
        """Does the civil day begin within the period so far?"""
        return self.start <= start_of(day) < self.end


def share(population: Iterable, wanted: Callable) -> Figure:
    """How many of a population are wanted."""
    population = list(population)
    return counted(sum(1 for life in population if wanted(life)), len(population))


def share_of_procedures(denominator: set[str], numerator: Iterable[str]) -> Figure:
    """Distinct procedures; the numerator is cut to the denominator's."""
    return counted(len(denominator & set(numerator)), len(denominator))


def transparency(question: Question) -> dict[str, Figure]:
    """Announced in time, published in time, published completely."""
    nth = question.calendar.nth_workday_after
    announced = updated = content = announced_well = updated_well = content_well = 0
    for procedure in question.transparency:
        decisions = [a for a in procedure.announcements if question.holds(a.decided_on)]
        if decisions:
            announced += 1
            notice = 20 if question.ministry else 5
            announced_well += all(a.effective_on >= nth(a.decided_on, notice) for a in decisions)
        days = {d.decided_on for d in procedure.announcements + procedure.publications if question.holds(d.decided_on)}
        if days:
            updated += 1
            allowed = 10 if question.ministry else 5
            updated_well += all(_published_by(procedure, day, nth(day, allowed)) for day in days)
        so_far = [p for p in procedure.publications if start_of(p.published_on) < question.end]
        if so_far:
            content += 1
            newest = max(p.published_on for p in so_far)
            content_well += [p for p in so_far if p.published_on == newest][-1].complete
    return {
        "PUBLISH_ON_TIME": counted(announced_well, announced),
        "PUBLIC_UPDATE_ON_TIME": counted(updated_well, updated),
        "PUBLIC_CONTENT_FULL": counted(content_well, content),
    }


def _published_by(procedure: Transparency, decided_on: date, last_day: date) -> bool:
    published = [p.published_on for p in procedure.publications if p.decided_on == decided_on]
    return bool(published) and min(published) <= last_day


def dossier_shares(question: Question) -> dict[str, Figure]:
    """The scored indicators that count dossiers."""
    received, active, end = question.received(), question.active(), question.end
    synced = sum(1 for d in received if d.synced)
    return {
        "DOSSIER_SYNC": counted(synced, max(len(received), question.national_count or 0)),
        "DOSSIER_ON_TIME": share(active, lambda d: not d.span.overdue_at(end)),
        "ONLINE_DOSSIERS": share(received, lambda d: d.channel == "online"),
        "ORIGINAL_RESULT_AVAILABLE": share(active, lambda d: d.e_result),
        "SO_HOA_GIAY_TO_GIAI_QUYET": share(active, lambda d: d.digitised),
        "REUSED_DIGITIZED_DATA": share(active, lambda d: d.reused),
        "SYNCED_WITH_DVCQG_PERSONAL_STORAGE": share(active, lambda d: d.shared_store),
        "CITIZEN_DATA_CONNECTED_DOSSIER": share(active, lambda d: d.population_data),
        "PAYMENT_DOSSIERS": share([d for d in received if d.fee], lambda d: d.paid_online),
        "DOSSIER_RECEIVING_SATISFACTION": share(active, lambda d: not d.span.overdue_at(end) and not d.disliked),
    }


def procedure_shares(question: Question) -> dict[str, Figure]:
    """The indicators that count distinct procedures, and the communes that certify copies."""
    rows, remit = question.procedures.rows, question.remit()
    received = question.received()
    online = {code for code in remit if rows[code]["service_level"] in ONLINE_LEVELS}
    fee = {code for code in remit if rows[code]["fee"]}
    citizens = {code for code in remit if "citizen" in rows[code]["applicants"]}
    communes = [
        unit
        for unit in question.scope
        if question.units.level(unit) == "commune" and question.units.there(unit, question.start, question.end)
    ]
    return {
        "ONLINE_PROVISION": share_of_procedures(remit, online),
        "ONLINE_WITH_DOSSIERS": share_of_procedures(online, (d.procedure for d in received if d.channel == "online")),
        "CITIZEN_DATA_CONNECTED_FORMALITY": share_of_procedures(
            citizens, (d.procedure for d in question.active() if d.population_data)
        ),
        "PAYMENT_PROCEDURES": share_of_procedures(fee, (d.procedure for d in received if d.paid_online)),
        "PAYMENT_INTEGRATED": share_of_procedures(fee, (code for code in fee if rows[code]["payment_integrated"])),
        "ELECTRONIC_CERTIFIED_COPY": Figure(None, None, Fraction(1), Fraction(2)),
        "CERTIFIED_COPY_COVERAGE": share(communes, lambda unit: question.units.rows[unit].get("certified_copy")),
    }


def petition_shares(question: Question) -> dict[str, Figure]:
    """The scored and the unscored petition indicators."""
    active = [p for p in question.petitions if p.span.active_in(question.start, question.end)]
    end = question.end
    return {
        "PETITION_PROCESSING_ON_TIME": share(active, lambda p: not p.span.overdue_at(end)),
        "PETITION_HANDLING_SATISFACTION": share(active, lambda p: not p.disliked and not p.span.overdue_at(end)),
        "PETITION_CLASSIFICATION_TTHC": share(active, lambda p: p.about == "regulation"),
        "PETITION_CLASSIFICATION_STAFF": share(active, lambda p: p.about == "staff"),
    }


def operational_shares(question: Question) -> dict[str, Figure]:
    """The indicators without points that count dossiers."""
    received, ended = question.received(), question.ended()
    row = question.procedures.get
    eligible = [d for d in received if row(d.procedure)["full_eligible"]]

    def returned(via: str) -> int:
        return sum(
            1
            for d in question.dossiers
            if d.returned_via == via and d.returned is not None and question.start <= d.returned < question.end
        )

    return {
        "RETURNED_BY_POST": counted(returned("postal"), len(ended)),
        "RETURNED_ONLINE": counted(returned("online"), len(ended)),
        "RECEIVED_BY_POST": share(received, lambda d: d.channel == "postal"),
        "RECEIVED_BY_POST_STAFF": share(received, lambda d: d.receiver == "postal_clerk"),
        "SIGNED_RESULT": share(ended, lambda d: d.signed_result),
        "FULL_ONLINE_DOSSIERS": share(
            eligible, lambda d: d.channel == "online" and row(d.procedure)["service_level"] == "full"
        ),
        "SETTLED_ON_TIME": share(ended, lambda d: d.span.on_time),
        "AVERAGE_PROCESSING_TIME": Figure(value=_average_days(ended)),
        **_essential([d for d in received if row(d.procedure)["essential"]]),
    }


def _average_days(ended: Sequence[Dossier]) -> Fraction | None:
    if not ended:
        return None
    spent = sum((d.span.ended - d.span.received for d in ended if d.span.ended is not None), timedelta(0))
    return half_up(Fraction(spent // timedelta(microseconds=1), len(ended) * 86_400_000_000))


def _essential(received: Sequence[Dossier]) -> dict[str, Figure]:
    """Essential services: the ratio of the sums, and the mean of each procedure's own ratio."""
    by_procedure: dict[str, list[Dossier]] = {}
    for dossier in received:
        by_procedure.setdefault(dossier.procedure, []).append(dossier)
    ratios = [
        Fraction(sum(d.channel == "online" for d in dossiers), len(dossiers)) for dossiers in by_procedure.values()
    ]
    return {
        "ESSENTIAL_ONLINE_SUM": share(received, lambda d: d.channel == "online"),
        "ESSENTIAL_ONLINE_MEAN": Figure(ratio=sum(ratios, Fraction(0)) / len(ratios) if ratios else None),
    }


def document_shares(question: Question) -> dict[str, Figure]:
    """Documents sent electronically and signed, in all and by tier."""
    sent = [d for d in question.documents if question.start <= d.sent < question.end]
    figures: dict[str, Figure] = {}
    for suffix, tier in {"": None, **{f"_{name}": tier for name, tier in TIERS.items()}}.items():
        of_tier = [d for d in sent if tier is None or d.tier == tier]
        figures["E_DOCUMENT" + suffix] = share(of_tier, lambda d: d.electronic)
        figures["SIGNED_DOCUMENT" + suffix] = share([d for d in of_tier if d.electronic], lambda d: d.signed)
    return figures


def all_figures(question: Question, procedure: str | None) -> Mapping[str, Figure]:
    """Every indicator by code, before points (the certified copy apart, which has only points)."""
    figures = {
        **transparency(question),
        **dossier_shares(question),
        **procedure_shares(question),
        **petition_shares(question),
        **operational_shares(question),
        **document_shares(question),
    }
    if procedure is not None:
        figures.update({code: Figure() for code in NOT_BY_PROCEDURE})
    return figures


def balance(question: Question) -> dict[str, int]:
    """The balance of dossiers."""
    received, ended = question.received(), question.ended()
    opened = [d for d in question.dossiers if d.span.open_at(question.end)]
    on_time = sum(1 for d in ended if d.span.on_time)
    return {
        "carried_over": sum(1 for d in question.dossiers if d.span.open_at(question.start)),
        "received": len(received),
        **{f"received_{c}": sum(1 for d in received if d.channel == c) for c in ("online", "counter", "postal")},
        "active": len(question.active()),
        "ended": len(ended),
        "ended_on_time": on_time,
        "ended_late": len(ended) - on_time,
        "open": len(opened),
        "open_overdue": sum(1 for d in opened if d.span.overdue_at(question.end)),
    }
