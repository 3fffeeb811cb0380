"""The demo's year as a stream of events: what the portal counted, as it may have happened.

`events` yields CloudEvents that enter the service like any other; `expected` says which published pairs the service
must show once all of them are in. Everything is drawn from the seed and the unit's code, so a unit's lives do not
depend on which other units are chosen.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from random import Random

from app.demo.hours import DAY, Hours, hours
from app.demo.province import ROOT, Pair, levels, published
from app.demo.year.lives import CloudEvent, Script, Teller
from app.demo.year.outlines import outlines
from app.demo.year.petitions import petitions
from app.demo.year.procedures import Procedure, catalogue
from app.demo.year.targets import scaled
from app.domain.calendar.civil import Instant

SOURCES = "/h44/motcua"

WINDOW = 4000
"""Events that are shuffled together: arrival is out of order, memory stays small."""

DUPLICATES = 0.01
"""Share of events sent a second time, half of them soon, half of them later."""

_EVENTS_PER_DOSSIER = 6.78

_EXTRA = 0.004
"""Share of further dossiers that must not count: voided ones, and as many never received."""


def events(
    units: Collection[str] | None, scale: float, seed: int, now: Instant, year: int = 2026
) -> Iterator[CloudEvent]:
    """The events of the chosen units (None: all 164), shuffled and with duplicates; none is later than `now`.

    At `scale` 1 the units' figures of the year come out exactly as published, whenever they are read after its
    September. `seed` and `year` (whose working days are used) make other, equally long stories with the same counts.
    Raises ValueError for a unit that is not of the province.
    """
    chosen = list(levels()) if units is None else [unit for unit in levels() if unit in units]
    if units is not None and len(chosen) != len(set(units)):
        raise ValueError(f"not units of the province: {sorted(set(units) - set(chosen))}")
    when = hours(year)
    lives = (script for unit in chosen for script in _lives(unit, scale, seed, when, year))
    rng = _dice(f"{seed}:{year}:arrival")
    yield from _mixed(lives, when, when.since(now), rng, source_of(scale, seed, year))


def source_of(scale: float, seed: int, year: int = 2026) -> str:
    """What the sources of a story's events begin with; another scale or seed is another story of the same subjects."""
    return f"{SOURCES}/{year}-{seed}-{scale:g}"


def estimate(units: Collection[str] | None, scale: float) -> int:
    """About how many events `events` yields, for a progress bar."""
    chosen = set(levels() if units is None else units) - {ROOT}
    return round(_EVENTS_PER_DOSSIER * sum(scaled(unit, scale).active for unit in chosen))


def _dice(seed: str) -> Random:
    return Random(seed)  # noqa: S311  no secret: the same seed must tell the same story


def _mixed(lives: Iterator[Script], when: Hours, until: int, rng: Random, story: str) -> Iterator[CloudEvent]:
    """The events of `lives` in windows of random order, some of them twice."""
    window: list[CloudEvent] = []
    again: list[CloudEvent] = []
    for script in lives:
        window += script.events(when, until, story)
        if len(window) >= WINDOW:
            again = yield from _arrive(window, again, rng)
            window = []
    again = yield from _arrive(window, again, rng)
    yield from again


def _arrive(
    window: list[CloudEvent], again: list[CloudEvent], rng: Random
) -> Generator[CloudEvent, None, list[CloudEvent]]:
    """Let a window arrive, with the resends `again` left by the one before; returns the resends it leaves."""
    resent = rng.sample(window, int(len(window) * DUPLICATES + rng.random()))
    soon = resent[: len(resent) // 2]
    arriving = window + again + soon
    rng.shuffle(arriving)
    yield from arriving
    return resent[len(soon) :]


def _lives(unit: str, scale: float, seed: int, when: Hours, year: int) -> Iterator[Script]:
    """Every life of one unit: dossiers and petitions; of the province itself, the publication of procedures."""
    rng = _dice(f"{seed}:{year}:{unit}")
    if unit == ROOT:
        yield from _publications(when, rng)
        return
    counts, remit, level = scaled(unit, scale), catalogue().remits[unit], levels()[unit]
    siblings = [other for other, its in levels().items() if its == level and other != unit]
    teller = Teller(unit, when, rng, float(published()[unit].average_days), siblings, remit.free or remit.fee)
    for number, outline in enumerate(outlines(counts, remit, rng), start=1):
        yield teller.dossier(outline, number)
        if rng.random() < _EXTRA:
            yield teller.voided(outline, number)
        if rng.random() < _EXTRA:
            yield teller.not_accepted(number)
    yield from petitions(unit, counts, when, rng)


def _publications(when: Hours, rng: Random) -> Iterator[Script]:
    """The province's decisions on procedures: announced to take effect at once, published late.

    All counts of the year are small and do not scale.
    """
    announced, complete = published()[ROOT].announced, published()[ROOT].complete
    assert announced is not None
    assert complete is not None
    if announced[0] or announced[1] != complete[1]:
        raise ValueError("the publications told here are all late, and all announced procedures are published")
    chosen: list[Procedure] = rng.sample(catalogue().procedures, announced[1])
    for nth, procedure in enumerate(chosen):
        index = when.first + int(rng.random() * (when.last - when.first - 40))
        decided, published_at = when.morning(index, rng.random()), when.moment(index + 12 + nth % 20, rng.random())
        decided_on, published_on = when.date(decided // DAY), when.date(published_at // DAY)
        script = Script(procedure.code, ROOT, [])
        script.add(decided + 7200, "procedure.announced", {"decided_on": decided_on, "effective_on": decided_on})
        data: dict[str, object] = {
            "decided_on": decided_on,
            "published_on": published_on,
            "complete": nth < complete[0],
        }
        script.add(published_at, "procedure.published", data)
        yield script


def expected(unit: str) -> dict[str, Pair]:
    """indicator → the published (numerator, denominator) that a full replay at scale 1 shows for the year.

    For the province, of a replay of all units. Left out: what was not published for the unit, and what cannot be lived
    (PUBLIC_UPDATE_ON_TIME counts fewer procedures than were announced; DOSSIER_SYNC's denominator is a placeholder).
    """
    facts = published()[unit]
    pairs: dict[str, tuple[int | None, int | None]] = {
        "DOSSIER_ON_TIME": (facts.on_time, facts.active),
        "DOSSIER_RECEIVING_SATISFACTION": (facts.satisfied, facts.active),
        "ORIGINAL_RESULT_AVAILABLE": (facts.e_result, facts.active),
        "SO_HOA_GIAY_TO_GIAI_QUYET": (facts.digitised, facts.active),
        "REUSED_DIGITIZED_DATA": (facts.reused, facts.active),
        "SYNCED_WITH_DVCQG_PERSONAL_STORAGE": (facts.shared_store, facts.active),
        "CITIZEN_DATA_CONNECTED_DOSSIER": (facts.population_data, facts.active),
        "CITIZEN_DATA_CONNECTED_FORMALITY": (facts.connected_procedures, facts.citizen_procedures),
        "PAYMENT_DOSSIERS": (facts.paid, facts.fee),
        "PAYMENT_PROCEDURES": (facts.paid_procedures, facts.fee_procedures),
        "PAYMENT_INTEGRATED": (facts.integrated_procedures, facts.fee_procedures),
        "PETITION_PROCESSING_ON_TIME": (facts.petitions_on_time, facts.petitions),
        "PETITION_HANDLING_SATISFACTION": (facts.petitions_satisfied, facts.petitions),
        "PETITION_CLASSIFICATION_TTHC": (facts.petitions_regulation, facts.petitions),
        "PETITION_CLASSIFICATION_STAFF": (facts.petitions_staff, facts.petitions),
        "ONLINE_DOSSIERS": (facts.online, facts.received),
        "PUBLISH_ON_TIME": facts.announced or (None, None),
        "PUBLIC_CONTENT_FULL": facts.complete or (None, None),
    }
    return {code: (top, base) for code, (top, base) in pairs.items() if top is not None and base is not None}
