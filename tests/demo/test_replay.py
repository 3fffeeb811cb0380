"""The demo at full size over HTTP: what the service shows for 2026 is what the portal published, to the cent."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from fractions import Fraction

import msgspec

from app.demo import province
from app.demo.year import events as simulate
from app.demo.year import procedures
from app.demo.year.targets import full_size
from app.domain.calendar.civil import Instant
from app.domain.catalogues import indicators
from app.domain.figures import scoring
from tests.running import Running

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SMALLEST = sorted(full_size(), key=lambda unit: (full_size()[unit].active, unit))
# The fifteen departments, and the seven smallest communes: all kinds of remit, zero denominators among them.
UNITS = sorted(
    [unit for unit in SMALLEST if province.levels()[unit] == "department"][:13]
    + [unit for unit in SMALLEST if province.levels()[unit] == "commune"][:9]
)
SCORED = (
    "DOSSIER_ON_TIME",
    "ORIGINAL_RESULT_AVAILABLE",
    "SO_HOA_GIAY_TO_GIAI_QUYET",
    "REUSED_DIGITIZED_DATA",
    "SYNCED_WITH_DVCQG_PERSONAL_STORAGE",
    "CITIZEN_DATA_CONNECTED_DOSSIER",
    "CITIZEN_DATA_CONNECTED_FORMALITY",
    "DOSSIER_RECEIVING_SATISFACTION",
    "PETITION_PROCESSING_ON_TIME",
    "PETITION_HANDLING_SATISFACTION",
    "PAYMENT_DOSSIERS",
    "PAYMENT_PROCEDURES",
    "PAYMENT_INTEGRATED",
)


async def _replay(running: Running) -> int:
    await running.catalogue(province.units(), procedures.procedures())
    now = Instant((NOW - datetime(1970, 1, 1, tzinfo=UTC)) // (NOW.resolution))
    events = iter(simulate.events(UNITS, 1, 1, now))
    sent = 0
    while batch := list(itertools.islice(events, 2_000)):
        body = b"\n".join(map(msgspec.json.encode, batch))
        outcome = (await running.post(body)).json()
        assert outcome["rejected"] == 0, outcome["errors"][:3]
        sent += outcome["accepted"]
    return sent


async def test_a_full_size_replay_shows_the_published_figures(running: Running) -> None:
    assert len(UNITS) >= 20
    running.clock.at = NOW
    assert await _replay(running) > 50_000
    known = indicators.load()
    compared, differences = 0, []
    # The figures were read in September: the nine months hold all of the year's.
    for unit, period in itertools.product(UNITS, ("2026", "2026-9M")):
        card = (await running.get("/v1/scorecard", unit=unit, period=period)).json()
        shown = {each["code"]: each for group in card["groups"] for each in group["indicators"]}
        expected = simulate.expected(unit)
        for code in SCORED:
            if code not in expected:
                continue
            numerator, denominator = expected[code]
            score = scoring.points(Fraction(numerator), Fraction(denominator), known.indicator(code))
            found = (shown[code]["numerator"], shown[code]["denominator"], shown[code]["score"])
            wanted = (numerator, denominator, None if score is None else float(score))
            compared += 1
            if found != wanted:
                differences.append(f"{unit} {period} {code}: {found}, published {wanted}")
    assert differences == []
    assert compared > 300
