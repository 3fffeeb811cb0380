"""From counters to measures: what stood before a period and what came within it → what an indicator counts.

A line names the counters that are not 0, e.g. `received=10 ended=7`; `online: received=3` is of one variety.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from app.domain.calendar.civil import DAY, Day, Instant, start_of
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues.root import Catalogues, ExternalFigure, Procedure, Unit
from app.domain.figures.cube import Cube, Slices
from app.domain.figures.measures import Balance, Question, balance, is_reported, measures
from app.domain.figures.scoring import Measure
from app.domain.lives.document import TIERS
from app.domain.lives.dossier import CHANNELS
from app.domain.lives.petition import ABOUT
from app.domain.tallies.sums import Counted, Sums, Uses
from app.domain.tallies.tally import DOCUMENT, DOSSIER, PETITION, Family
from tests.domain.lives.telling import cases

PROCEDURES = [
    # id, code, online service, eligible, fee, integrated, citizens, essential
    Procedure(1, "1.000001", None, None, "full", True, True, True, True, ("citizen",), None, True, ("H44.01",)),
    Procedure(
        2, "1.000002", None, None, "partial", True, True, False, True, ("organisation",), None, True, ("H44.01",)
    ),
    Procedure(3, "1.000003", None, None, "none", False, False, False, True, ("citizen",), None, False, ("H44.01",)),
]
UNITS = [
    Unit(1, "H44", level="province"),
    Unit(2, "H44.01", level="commune", certified_copy=True),
    Unit(3, "H44.02", level="commune"),
]
CATALOGUES = Catalogues(
    1, "H44", 1, {each.code: each for each in UNITS}, {each.code: each for each in PROCEDURES}, Calendar(), {}, (), ""
)
QUESTION = Question(UNITS[0], "subtree", "2026", start_of(Day(20454)), start_of(Day(20819)))


def counters(family: Family, told: str) -> dict[int, list[int]]:
    """Counters by variety."""
    found: dict[int, list[int]] = {}
    for part in filter(None, (each.strip() for each in told.split(";"))):
        variety, colon, named = part.partition(":")
        values = dict(each.split("=") for each in (named if colon else part).split())
        assert values.keys() <= set(family.counters), told
        counts = [int(values.get(name, 0)) for name in family.counters]
        found[family.varieties.index(variety) if colon else 0] = counts
    return found


def sums(family: Family, before: str, within: str) -> Sums:
    return Sums(family, counters(family, before), counters(family, within))


def told(expected: str) -> dict[str, int]:
    return {name: int(value) for name, value in (each.split("=") for each in expected.split())}


def counted(family: Family, before: str, within: str) -> Counted:
    found = Counted.nothing()
    setattr(
        found, {DOSSIER: "dossiers", PETITION: "petitions", DOCUMENT: "documents"}[family], sums(family, before, within)
    )
    return found


def measured(family: Family, before: str, within: str) -> dict[str, Measure]:
    return measures(CATALOGUES, QUESTION, counted(family, before, within))


@cases(
    "before, within, expected",
    ("nothing at all", "", "", "active=0 overdue=0 on_time=0 ended=0 ended_on_time=0 received=0"),
    ("received only", "", "received=4", "active=4 overdue=0 on_time=4 ended=0 received=4"),
    ("what ended before is not active", "received=10 ended=7", "", "active=3 on_time=3 received=0"),
    ("ended within is active still", "received=3", "ended=2", "active=3 ended=2 ended_on_time=2"),
    ("late is missed within", "received=3", "missed=1", "active=3 overdue=1 on_time=2"),
    ("late before and open is overdue", "received=3 missed=2", "", "active=3 overdue=2 on_time=1"),
    ("late before and ended late before is gone", "received=3 missed=2 ended=2 ended_late=2", "", "active=1 overdue=0"),
    ("ended late within", "received=3 missed=1", "ended=2 ended_late=1", "active=3 overdue=1 ended_on_time=1"),
    ("dislikes take from what is in time", "", "received=5 received_disliked=2", "on_time=5 active_satisfied=3"),
    (
        "a late dislike is taken away once",
        "received=4 received_disliked=2 ended=1 ended_disliked=1",
        "missed=2 missed_disliked=1",
        "active=3 overdue=2 on_time=1 active_satisfied=1",
    ),
    (
        "of flags, those active",
        "received=9 received_digitised=6 ended=5 ended_digitised=4",
        "received=2 received_digitised=1",
        "active=6 active_digitised=3",
    ),
    (
        "by channel",
        "online: received=50",
        "online: received=3; counter: received=2; postal: received=1",
        "received=6 received_online=3 received_postal=1",
    ),
    ("what is returned within", "returned_postal=7", "returned_postal=2 returned_online=1", "returned_postal=2"),
    ("what is synced within", "received_synced=7", "received=3 received_synced=2", "synced_base=3 received_synced=2"),
)
def test_dossiers(before: str, within: str, expected: str) -> None:
    found = measured(DOSSIER, before, within)
    assert {name: found[name] for name in told(expected)} == told(expected)


@cases(
    "before, within, expected",
    (
        "all of it",
        "received=10 ended=7 missed=2 ended_late=1",
        "online: received=3 ended=5 ended_late=2 missed=3; counter: received=1",
        "carried_over=3 received=4 received_online=3 received_counter=1 received_postal=0 active=7 ended=5"
        " ended_on_time=3 ended_late=2 open=2 open_overdue=2",
    ),
    (
        "nothing came, one is still open and late",
        "received=2 ended=1 missed=1",
        "",
        "carried_over=1 received=0 received_online=0 received_counter=0 received_postal=0 active=1 ended=0"
        " ended_on_time=0 ended_late=0 open=1 open_overdue=1",
    ),
)
def test_the_balance(before: str, within: str, expected: str) -> None:
    found: Balance = balance(sums(DOSSIER, before, within))
    assert found == told(expected)


def test_processing_time_is_the_mean_of_what_ended_in_days() -> None:
    took = DAY // 1_000_000
    found = measured(DOSSIER, "ended=9 processing_seconds=999", f"ended=4 processing_seconds={6 * took + 43_200}")
    assert found["processing_time"] == Fraction(13, 8)
    found = measured(DOSSIER, "", "ended=2 processing_seconds=3 processing_micros=500000")
    assert found["processing_time"] == Fraction(3_500_000, 2 * DAY)
    assert measured(DOSSIER, "", "")["processing_time"] is None


@cases(
    "before, within, expected",
    (
        "active, late and satisfied",
        "received=6 ended=2 received_disliked=3 ended_disliked=1 missed=1",
        "received=1 missed=2 missed_disliked=1",
        "petitions_active=5 petitions_on_time=2 petitions_satisfied=1",
    ),
    (
        "ended late before is no longer late",
        "received=2 ended=1 ended_late=1 missed=1",
        "",
        "petitions_active=1 petitions_on_time=1 petitions_satisfied=1",
    ),
    (
        "by what they are about",
        "regulation: received=2 ended=1; staff: received=1",
        "staff: received=2; other: received=4",
        "petitions_active=8 petitions_about_regulation=1 petitions_about_staff=3",
    ),
)
def test_petitions(before: str, within: str, expected: str) -> None:
    found = measured(PETITION, before, within)
    assert {name: found[name] for name in told(expected)} == told(expected)


def test_documents_by_tier_are_those_sent_within() -> None:
    found = measured(DOCUMENT, "province: sent=9 electronic=9", "none: sent=1; commune: sent=3 electronic=2 signed=1")
    expected = (
        "documents=4 documents_electronic=2 documents_signed=1 documents_commune=3 documents_electronic_commune=2"
        " documents_signed_commune=1 documents_province=0 documents_agencies=0"
    )
    assert {name: found[name] for name in told(expected)} == told(expected)


def test_procedures_are_distinct_ones_of_the_remit() -> None:
    found = Counted.nothing()
    found.uses = Uses(online={1, 9}, paid={1, 3}, population={2, 9})
    found.carried = Uses(open={3: 1, 1: 0})
    # 9 is nobody's; 3 has no fee; of those with population data only procedures of citizens count.
    expected = (
        "procedures=3 procedures_online_service=2 procedures_with_online_dossiers=1 procedures_fee=2"
        " procedures_paid_online=1 procedures_integrated=1 procedures_citizen=2 procedures_population_data=1"
        " communes=2 communes_certified_copy=1"
    )
    told_of = measures(CATALOGUES, QUESTION, found)
    assert {name: told_of[name] for name in told(expected)} == told(expected)


def test_uses_of_units_are_added_up_by_procedure() -> None:
    found = Uses(online={1}, open={1: 2}, received={1: [1, 0, 0]})
    more = Uses(online={2}, paid={1}, open={1: -1, 2: 4}, received={1: [2, 0, 5], 3: [0, 1, 0]})
    both = Uses.together((found, more))
    assert both == Uses({1, 2}, {1}, set(), {1: 1, 2: 4}, {1: [3, 0, 5], 3: [0, 1, 0]})
    assert found == Uses(online={1}, open={1: 2}, received={1: [1, 0, 0]})
    assert both.following(Uses(open={2: -4})).open == {1: 1, 2: 0}
    assert both.following(Uses(open={2: -4})).left() == Uses(open={1: 1})
    assert Uses(online={1}, open={1: 0}).left() is None
    assert both.size() == 2 + 1 + 2 * 2 + 2 + 6


def test_programmes_are_dossiers_by_an_attribute_of_their_procedure() -> None:
    found = Counted.nothing()
    found.uses = Uses(received={1: [3, 1, 0], 2: [0, 2, 2], 3: [5, 5, 5]})
    expected = "full_online_received=3 full_eligible_received=8 essential_online=3 essential_received=8"
    told_of = measures(CATALOGUES, QUESTION, found)
    assert {name: told_of[name] for name in told(expected)} == told(expected)
    assert told_of["essential_mean"] == (Fraction(3, 4) + 0) / 2


def test_a_national_report_stands_in_for_fewer_received() -> None:
    nothing = dict.fromkeys(("value", "score", "max", "rank", "of", "source", "note"))
    report = ExternalFigure("DOSSIER_SYNC", "H44", "2026", count=9, entered_by="VP", entered_at=QUESTION.a, **nothing)
    reported = replace(CATALOGUES, externals=[report])
    three = counted(DOSSIER, "", "received=3")
    assert measures(reported, QUESTION, three)["synced_base"] == 9
    assert measures(reported, QUESTION, counted(DOSSIER, "", "received=10"))["synced_base"] == 10
    assert measures(reported, replace(QUESTION, procedure="1.000001"), three)["synced_base"] == 3
    assert (is_reported(reported, QUESTION), is_reported(CATALOGUES, QUESTION)) == (True, False)


def test_a_cube_carries_what_is_before_a_slice_into_it() -> None:
    cube = Cube(Slices((Day(0), Day(1), Day(2)), None))

    def cell(told_of: str) -> list[int]:
        return counters(DOSSIER, told_of)[0]

    cube.cells["dossier"] = {
        (1, 0, 0, 0): cell("received=5 ended=1"),
        (1, 0, 0, 1): cell("received=2"),
        (2, 0, 0, 1): cell("received=7"),
        (1, 0, 0, 2): cell("ended=3"),
    }
    by_unit = [
        {unit: (each.dossiers.active(), each.dossiers.in_period("ended")) for unit, each in found.items()}
        for found in cube.in_turn(lambda cell: (cell[0],))
    ]
    assert by_unit == [{1: (6, 0), 2: (7, 0)}, {1: (6, 3), 2: (7, 0)}]
    assert [each.dossiers.active() for each in cube.wholes()] == [13, 13]
    assert cube.split(lambda cell: (cell[0],))[1].dossiers.active() == 6


def test_a_slice_of_now_ends_in_its_last_day() -> None:
    begin, noon = start_of(Day(10)), Instant(start_of(Day(12)) + DAY // 2)
    cut = Slices.of(begin, noon)
    assert (cut.edges, cut.now, cut.first, cut.until, cut.last) == ((10, 13), noon, 10, 13, 1)
    whole = Slices.of(begin, start_of(Day(12)))
    assert (whole.edges, whole.now) == ((10, 12), None)


assert (CHANNELS, ABOUT[0], TIERS[3]) == (("online", "counter", "postal"), "regulation", "commune")
