"""Announcing and publishing procedures (công bố, công khai): which count in January 2026, and which of them in time.

A publication is complete unless told otherwise. A province's limits are five working days: the fifth after Monday the
5th is the 12th, after the 19th the 27th, after the 30th the 5th of February.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.lives.publication import PublicationCounts, count
from tests.domain.lives.telling import CALENDAR, cases, day, folded, publication


def counted(lives: Sequence[str], announce: int = 5, publish: int = 5) -> PublicationCounts:
    """What the procedures of some lives count in January."""
    return count([publication(each) for each in lives], day("1"), day("1/2"), CALENDAR, announce, publish)


def test_a_life_without_a_decision_has_none() -> None:
    assert folded("5 received").publication is None


@cases(
    "life, announced",
    ("effective on the fifth working day is in time", "5 announced decided=5 from=12", (1, 1)),
    ("effective the day before is late", "5 announced decided=5 from=11", (0, 1)),
    ("effective long after is in time", "5 announced decided=5 from=1/6", (1, 1)),
    ("effective at once is late", "5 announced decided=5 from=5", (0, 1)),
    ("five working days leave out a holiday", "19 announced decided=19 from=27", (1, 1)),
    ("four and a holiday are not five", "19 announced decided=19 from=26", (0, 1)),
    ("a procedure counts once", "5 announced decided=5 from=12; 6 announced decided=6 from=13", (1, 1)),
    ("one late makes it late", "5 announced decided=5 from=12; 6 announced decided=6 from=9", (0, 1)),
    ("one late of the same day makes it late", "5 announced decided=5 from=6; 6 announced decided=5 from=30", (0, 1)),
    ("a late one last year does not", "5 announced decided=5 from=12; 6 announced decided=31/12/2025 from=1", (1, 1)),
    ("decided on the first day", "5 announced decided=1 from=30", (1, 1)),
    ("decided on the last day", "5 announced decided=31 from=28/2", (1, 1)),
    ("decided the day before", "5 announced decided=31/12/2025 from=30", (0, 0)),
    ("decided the day after", "5 announced decided=1/2 from=28/2", (0, 0)),
    ("when it was told does not matter", "5/3 announced decided=5 from=12", (1, 1)),
    ("published is not announced", "5 published decided=5 on=6", (0, 0)),
    ("taken back, sent anew", "5 announced decided=5 from=6; 6 retracted id=1; 7 announced decided=5 from=12", (1, 1)),
)
def test_announced_in_time(life: str, announced: tuple[int, int]) -> None:
    counts = counted([life])
    assert (counts.announced_on_time, counts.announced) == announced


@cases(
    "life, updated",
    ("published on the fifth working day is in time", "6 published decided=5 on=12", (1, 1)),
    ("published the day after is late", "6 published decided=5 on=13", (0, 1)),
    ("five working days leave out a holiday", "6 published decided=19 on=27", (1, 1)),
    ("announced and never published is not in time", "5 announced decided=5 from=12", (0, 1)),
    ("announced and published counts once", "5 announced decided=5 from=12; 6 published decided=5 on=9", (1, 1)),
    ("late effect is not late publishing", "5 announced decided=5 from=5; 6 published decided=5 on=9", (1, 1)),
    ("incomplete is published", "6 published decided=5 on=9 complete=no", (1, 1)),
    ("the earliest publication counts", "6 published decided=5 on=20; 7 published decided=5 on=9 complete=no", (1, 1)),
    ("one late makes it late", "6 published decided=5 on=9; 7 published decided=6 on=20", (0, 1)),
    ("one unpublished makes it late", "6 published decided=5 on=9; 7 announced decided=6 from=30", (0, 1)),
    ("a publication is of its own day", "5 announced decided=5 from=12; 6 published decided=6 on=7", (0, 1)),
    ("decided on the last day, published in the next month", "9/2 published decided=30 on=5/2", (1, 1)),
    ("decided on the last day, published late", "9/2 published decided=30 on=6/2", (0, 1)),
    ("decided before, published now", "9 published decided=31/12/2025 on=5", (0, 0)),
    ("decided after", "9 published decided=1/2 on=1/2", (0, 0)),
    ("one unpublished last year is not", "5 announced decided=31/12/2025 from=2; 6 published decided=5 on=9", (1, 1)),
)
def test_published_in_time(life: str, updated: tuple[int, int]) -> None:
    counts = counted([life])
    assert (counts.updated_on_time, counts.updated) == updated


@cases(
    "life, complete",
    ("complete", "6 published decided=5 on=9", (1, 1)),
    ("incomplete", "6 published decided=5 on=9 complete=no", (0, 1)),
    ("announced only is not published", "5 announced decided=5 from=12", (0, 0)),
    ("the latest counts, complete", "6 published decided=5 on=9 complete=no; 7 published decided=5 on=12", (1, 1)),
    ("the latest counts, incomplete", "6 published decided=5 on=9; 7 published decided=6 on=12 complete=no", (0, 1)),
    ("latest is by its date", "6 published decided=5 on=12; 7 published decided=5 on=9 complete=no", (1, 1)),
    ("of one day the last told counts", "6 published decided=5 on=9; 7 published decided=5 on=9 complete=no", (0, 1)),
    ("published long before still counts", "6 published decided=5/1/2024 on=9/1/2024", (1, 1)),
    ("published on the last day", "6 published decided=5 on=31", (1, 1)),
    ("published after the period", "6 published decided=5 on=1/2", (0, 0)),
    ("completed after the period", "6 published decided=5 on=9 complete=no; 7 published decided=5 on=1/2", (0, 1)),
)
def test_published_completely(life: str, complete: tuple[int, int]) -> None:
    counts = counted([life])
    assert (counts.published_complete, counts.published) == complete


def test_procedures_add_up() -> None:
    in_time = "5 announced decided=5 from=12; 6 published decided=5 on=9"
    late = "5 announced decided=5 from=6; 6 published decided=5 on=20 complete=no"
    never = "5 announced decided=5 from=12"
    assert counted([in_time, late, never]) == PublicationCounts(
        announced=3, announced_on_time=2, updated=3, updated_on_time=1, published=2, published_complete=1
    )


@cases(
    "life, announced_on_time, updated_on_time",
    ("a ministry announces twenty working days before", "5 announced decided=5 from=2/2", 1, 0),
    ("not nineteen", "5 announced decided=5 from=31", 0, 0),
    ("a ministry publishes within ten working days", "6 published decided=5 on=19", 0, 1),
    ("not eleven", "6 published decided=5 on=20", 0, 0),
)
def test_the_limits_of_a_ministry(life: str, announced_on_time: int, updated_on_time: int) -> None:
    counts = counted([life], announce=20, publish=10)
    assert (counts.announced_on_time, counts.updated_on_time) == (announced_on_time, updated_on_time)
