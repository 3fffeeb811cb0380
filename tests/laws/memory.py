"""The domain without a database: fold, tally and measure in memory, so that the laws of the fold are tried by
themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain.calendar.civil import Day, Instant, day_number, day_of, start_of
from app.domain.calendar.periods import Period
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues import indicators
from app.domain.catalogues.root import Catalogues, ExternalFigure, Procedure, Unit
from app.domain.codes import UnitCode
from app.domain.figures import measures as figures
from app.domain.figures import scoring
from app.domain.figures.measures import Question
from app.domain.lives import life, publication
from app.domain.lives.dossier import CHANNELS
from app.domain.lives.events import DossierTransferred, Event
from app.domain.push import Parsed
from app.domain.tallies import tally
from app.domain.tallies.sums import Counted, Sums, Uses
from app.intake import cloudevents
from tests.oracle.histories import SEED_HOLIDAYS, SEED_WORKDAYS, History


def micros(moment: datetime) -> Instant:
    """An aware time as µs since the epoch."""
    return Instant((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


def _day(text: str | None) -> Day | None:
    return None if text is None else day_number(date.fromisoformat(text))


def catalogues_of(
    history: History, procedures: list[dict] | None = None, calendar: Mapping[date, str] | None = None
) -> Catalogues:
    """The catalogues of a history as the service would hold them."""
    units = {}
    for number, row in enumerate(history.units, 1):
        known = {
            k: v for k, v in row.items() if k in ("code", "name", "level", "parent", "certified_copy", "successor")
        }
        units[row["code"]] = Unit(
            number,
            **known,
            valid_from=_day(row.get("valid_from")),
            valid_to=_day(row.get("valid_to")),
            aliases=tuple(row.get("aliases", ())),
        )
    found = {}
    for number, row in enumerate(history.procedures if procedures is None else procedures, 1):
        plain: dict[str, Any] = {k: v for k, v in row.items() if v is not None and k not in ("valid_from", "valid_to")}
        lists: dict[str, Any] = {k: tuple(plain.pop(k)) for k in ("applicants", "units", "levels") if k in plain}
        days: dict[str, Any] = {k: _day(row.get(k)) for k in ("valid_from", "valid_to")}
        found[row["code"]] = Procedure(number, **plain, **lists, **days)
    kinds = dict.fromkeys(SEED_HOLIDAYS, "holiday") | dict.fromkeys(SEED_WORKDAYS, "workday") | dict(calendar or {})
    return Catalogues(
        root_id=1,
        root="H44",
        revision=1,
        units=units,
        procedures=found,
        calendar=Calendar(
            frozenset(day_number(day) for day, kind in kinds.items() if kind == "holiday"),
            frozenset(day_number(day) for day, kind in kinds.items() if kind == "workday"),
        ),
        targets={},
        externals=[_external(row) for row in history.external],
        digest="",
    )


def _external(row: Mapping) -> ExternalFigure:
    number: dict[str, Any] = {
        key: None if row.get(key) is None else Decimal(str(row[key])) for key in ("value", "score", "max")
    }
    rest: dict[str, Any] = {key: row.get(key) for key in ("rank", "of", "count", "source", "note")}
    return ExternalFigure(
        row["code"], row["unit"], row["period"], **number, **rest, entered_by="", entered_at=Instant(0)
    )


def arrivals(events: Iterable[Mapping], catalogues: Catalogues) -> list[tuple[str, Event]]:
    """(subject, event) as they stand in their lives: parsed by intake, aliases resolved, duplicates left out."""
    lines = b"\n".join(json.dumps(event).encode() for event in events)
    seen = set()
    taken = []
    for item in cloudevents.parse(lines, "application/x-ndjson", {}, max_events=10**6).items:
        assert isinstance(item, Parsed), item
        event = item.event
        if (event.source, event.id) in seen:
            continue
        seen.add((event.source, event.id))
        what = event.what
        if isinstance(what, DossierTransferred):
            what = DossierTransferred(UnitCode(catalogues.resolve(what.to)))
        unit = UnitCode(catalogues.resolve(event.unit))
        taken.append((item.subject, Event(event.time, event.source, event.id, unit, what, event.sequence)))
    return taken


class Memory:
    """All lives of a history folded and tallied by the domain's own code."""

    def __init__(self, taken: Iterable[tuple[str, Event]], catalogues: Catalogues) -> None:
        self.catalogues = catalogues
        self.lives: dict[str, list[Event]] = {}
        for subject, event in taken:
            self.lives.setdefault(subject, []).append(event)
        fold = catalogues.rules_of, catalogues.calendar
        self.facts = {subject: life.fold(subject, events, *fold) for subject, events in self.lives.items()}
        met = {facts.dossier.procedure for facts in self.facts.values() if facts.dossier is not None}
        # In the order of the codes, so that the same facts have the same cells whatever came first.
        ids = {code: number for number, code in enumerate(sorted(met - {None}), start=1)}  # type: ignore[type-var]
        self.parts: list[tuple[tally.Family, tuple[int, int, int], list[tally.Part]]] = []
        for facts in self.facts.values():
            dossier = facts.dossier
            if dossier is not None and dossier.procedure is not None:
                key = (catalogues.units[dossier.unit].id, ids[dossier.procedure], dossier.channel)
                self.parts.append((tally.DOSSIER, key, tally.dossier_parts(dossier)))
            for petition in facts.petitions:
                key = (catalogues.units[petition.unit].id, 0, petition.about)
                self.parts.append((tally.PETITION, key, tally.petition_parts(petition)))
            for document in facts.documents:
                key = (catalogues.units[document.unit].id, 0, document.tier)
                self.parts.append((tally.DOCUMENT, key, tally.document_parts(document)))
        self.codes: dict[int, str] = {number: str(code) for code, number in ids.items()}
        self.cells: dict[str, tally.Cells] = {family.name: {} for family in tally.FAMILIES}
        for family, key, parts in self.parts:
            tally.add(self.cells[family.name], family, key, parts, 1)

    def count(self, question: Question) -> Counted:
        """The sums of a question, straight from the parts."""
        unit_ids = {unit.id for unit in self.catalogues.in_scope(question.unit.code, question.scope)}
        sums = {family.name: Sums(family, {}, {}) for family in tally.FAMILIES}
        by = {"before": Uses(), "within": Uses()}
        for family, key, parts in self.parts:
            narrowed = question.procedure is not None and self.codes.get(key[1]) != question.procedure
            if key[0] not in unit_ids or narrowed:
                continue
            for part in parts:
                if part.at < question.b:
                    when = "before" if part.at < question.a else "within"
                    cell: tally.Cells = {}
                    tally.add(cell, family, key, [part], 1)
                    [counts] = cell.values()
                    _add(getattr(sums[family.name], when), key[2], counts)
                    if family is tally.DOSSIER and self.codes[key[1]] in self.catalogues.procedures:
                        used = dict(zip(family.counters, counts, strict=True))
                        _use(by[when], self.catalogues.procedures[self.codes[key[1]]].id, key[2], used)
        ministry = self.catalogues.level_of(self.catalogues.root) == "ministry"
        limits = indicators.load().limits
        until = day_of(question.b)
        published = publication.count(
            [facts.publication for facts in self.facts.values() if facts.publication is not None],
            day_of(question.a),
            until if start_of(until) == question.b else Day(until + 1),
            self.catalogues.calendar,
            limits.announce_ministry if ministry else limits.announce,
            limits.publish_ministry if ministry else limits.publish,
        )
        return Counted(sums["dossier"], sums["petition"], sums["document"], by["before"], by["within"], published)

    def scored(self, unit: str, period: Period, scope: str, procedure: str | None, now: datetime):
        """The scored figures and the balance of a question."""
        end = period.effective_end(micros(now))
        node = self.catalogues.units[unit]
        question = Question(node, scope, period.label, period.a, end, procedure)  # type: ignore[arg-type]
        counted = self.count(question)
        measures = figures.measures(self.catalogues, question, counted)
        scored = scoring.score(indicators.load(), measures, procedure is not None)
        return scored, figures.balance(counted.dossiers)


def _use(uses: Any, procedure: int, channel: int, used: dict[str, int]) -> None:
    """Fill in uses that nobody has seen yet."""
    if used["received"] and CHANNELS[channel] == "online":
        uses.online |= {procedure}
    if used["received_fee_paid_online"]:
        uses.paid |= {procedure}
    if used["received_population_data"]:
        uses.population |= {procedure}
    more = used["received_population_data"] - used["ended_population_data"]
    uses.open[procedure] = uses.open.get(procedure, 0) + more
    uses.received.setdefault(procedure, [0, 0, 0])[channel] += used["received"]


def _add(into: dict, key: object, counts: list[int]) -> None:
    present = into.setdefault(key, [0] * len(counts))
    for index, count in enumerate(counts):
        present[index] += count


def shown(memory: Memory, unit: str, period: Period, scope: str, procedure: str | None, now: datetime) -> dict:
    """A scorecard in the contract's shape, as far as the oracle compares it."""
    scored, balance = memory.scored(unit, period, scope, procedure, now)

    def told(each: scoring.ScoredIndicator) -> dict:
        numbers = {
            name: None if (n := getattr(each, name)) is None else float(n) for name in ("ratio", "score", "value")
        }
        return {
            "code": each.indicator.code,
            "max": each.indicator.max,
            "numerator": each.numerator,
            "denominator": each.denominator,
            **numbers,
        }

    end = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=period.effective_end(micros(now)))
    first, last = (date(1970, 1, 1) + timedelta(days=day) for day in (period.first, period.last))
    return {
        "period": {"from": first.isoformat(), "to": last.isoformat(), "effective_end": end.isoformat()},
        "groups": [
            {"code": g.code, "score": float(g.score), "max": g.max, "indicators": [told(i) for i in g.indicators]}
            for g in scored.groups
        ],
        "operational": [told(each) for each in scored.operational],
        "total": float(scored.total),
        "rating": scored.rating,
        "balance": balance,
    }
