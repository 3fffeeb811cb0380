"""Lives of petitions (phản ánh, kiến nghị): so many in time, so many disliked, each about something.

What is in time and what is late is far from the limit on either side, so that hardly an edit of the calendar moves it:
answered within nine days of the fifteen working days allowed, or not within forty-five; passed on the same day;
published the same day, or a month later. A petition still open at the year's end is late, so what is to be in time is
answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from app.demo.hours import DAY, Hours
from app.demo.year.lives import Script
from app.demo.year.targets import Counts

_LATE_AFTER = 45 * DAY


def petitions(unit: str, counts: Counts, hours: Hours, rng: Random) -> Iterator[Script]:
    """The lives of one unit's petitions."""
    others = counts.petitions - counts.petitions_regulation - counts.petitions_staff
    about = ["regulation"] * counts.petitions_regulation + ["staff"] * counts.petitions_staff + ["other"] * others
    rng.shuffle(about)
    latest = next(i for i in range(hours.last, 0, -1) if hours.days[i] * DAY + _LATE_AFTER + 30 * DAY < hours.closed)
    for nth, subject in enumerate(about):
        received = hours.morning(hours.first + int(rng.random() * (latest - hours.first)), rng.random())
        script = Script(f"PAKN-{unit}-{hours.stamp(received)}-{nth + 1:04}", unit, [])
        origin = "direct" if rng.random() < 0.6 else "forwarded"
        script.add(received, "petition.received", {"about": subject, "origin": origin})
        if nth < counts.petitions_on_time:
            _in_time(script, received, nth < counts.petitions_disliked_on_time, rng)
        else:
            _late(script, received, rng)
        yield script


def _in_time(script: Script, received: int, disliked: bool, rng: Random) -> None:
    way = rng.random()
    if way < 0.08 and not disliked:
        kind = "petition.forwarded" if way < 0.05 else "petition.refused"
        script.add(received + 3600 + int(rng.random() * 3600), kind, {})
        return
    answered = received + DAY + int(rng.random() * 8 * DAY)
    if way < 0.25:
        script.add(received + 3600, "petition.supplement_requested", {})
        script.add(received + 7200, "petition.supplemented", {})
    script.add(answered, "petition.answered", {})
    if way < 0.9:
        script.add(answered + 600, "petition.published", {})
    if disliked or way > 0.6:
        script.add(answered + 3600, "petition.rated", {"satisfied": not disliked})


def _late(script: Script, received: int, rng: Random) -> None:
    way = rng.random()
    if way < 0.3:
        return
    if way < 0.4:
        script.add(received + 20 * DAY, "petition.refused", {})
        return
    if way < 0.6:
        # Answered in time, made public a month late.
        script.add(received + 2 * DAY, "petition.answered", {})
        script.add(received + 35 * DAY, "petition.published", {})
    else:
        answered = received + _LATE_AFTER + int(rng.random() * 20 * DAY)
        script.add(answered, "petition.answered", {})
        script.add(answered + 600, "petition.published", {})
    if way > 0.7:
        script.add(received + _LATE_AFTER + 25 * DAY, "petition.rated", {"satisfied": way > 0.85})
