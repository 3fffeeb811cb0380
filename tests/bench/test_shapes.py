"""The benchmark's load is what its shapes say."""

from __future__ import annotations

import itertools
from collections import defaultdict
from datetime import datetime, timedelta

import msgspec
import pytest

from app.demo import province
from app.demo.year.lives import CloudEvent
from app.demo.year.procedures import catalogue
from app.domain.push import Parsed
from app.intake import cloudevents
from bench import command, lives, shapes
from bench.shapes import Shape

COUNT = 3_000


@pytest.fixture(scope="module", params=list(Shape))
def made(request: pytest.FixtureRequest) -> tuple[Shape, list[CloudEvent]]:
    return request.param, shapes.made(request.param, COUNT, 7)


def test_every_event_is_sound_and_two_seeds_have_none_in_common(made: tuple[Shape, list[CloudEvent]]) -> None:
    shape, events = made
    assert len(events) == COUNT
    body = b"\n".join(shapes.encoded(events))
    assert all(isinstance(item, Parsed) for item in cloudevents.parse(body, "application/x-ndjson", {}).items)
    others = shapes.made(shape, COUNT, 8)
    assert not set(map(shapes.key, events)) & set(map(shapes.key, others))
    assert not {event["subject"] for event in events} & {event["subject"] for event in others}
    assert shapes.made(shape, COUNT, 7) == events


def test_shapes_are_what_they_say() -> None:
    made = {shape: shapes.made(shape, COUNT, 7) for shape in Shape}
    times = {shape: [str(event["time"]) for event in events] for shape, events in made.items()}
    procedures = {
        shape: {event["data"]["procedure"] for event in events if "procedure" in event["data"]}  # type: ignore[operator, index]
        for shape, events in made.items()
    }
    units = {shape: {event["unit"] for event in events} for shape, events in made.items()}
    assert len(units[Shape.normal]) > 100
    assert len(procedures[Shape.normal]) > 50
    assert units[Shape.one_unit] == {shapes.ONE_UNIT}
    assert len(procedures[Shape.one_procedure]) == 1
    assert {time[:10] for time in times[Shape.one_day]} == {shapes.ONE_DAY}
    assert {event["type"] for event in made[Shape.all_new]} == {"dossier.received"}
    assert len({event["subject"] for event in made[Shape.all_new]}) == COUNT
    assert times[Shape.live] == sorted(times[Shape.live])
    assert times[Shape.reversed] == sorted(times[Shape.reversed], reverse=True)
    assert made[Shape.duplicates] == made[Shape.normal]


def test_a_retraction_still_names_an_event_of_its_own_dossier() -> None:
    events = shapes.made(Shape.normal, 20_000, 7)
    retractions = [event for event in events if event["type"] == "event.retracted"]
    assert retractions
    for event in retractions:
        said = msgspec.json.decode(msgspec.json.encode(event["data"]))
        assert said["id"].startswith(f"{event['subject']}/")


def _places(events: list[CloudEvent]) -> dict[str, list[int]]:
    """Where the events of each dossier lie."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, event in enumerate(events):
        places[str(event["subject"])].append(place)
    return places


def test_together_every_dossier_lives_its_whole_life_side_by_side() -> None:
    events = shapes.made(Shape.together, 30_000, 7)
    places = _places(events)
    assert all(theirs[-1] - theirs[0] == len(theirs) - 1 for theirs in places.values())
    # The last one is where the events asked for end.
    assert {len(theirs) for theirs in list(places.values())[:-1]} == {5, 6, 7, 8}
    assert max(theirs[-1] - theirs[0] for theirs in places.values()) == 7
    assert len({subject.partition("-")[0] for subject in places}) > 150
    assert len(set(map(shapes.key, events))) == len(events)


def test_on_a_live_day_events_of_a_dossier_are_hours_and_many_others_apart() -> None:
    events = shapes.made(Shape.day, 30_000, 7)
    times = [datetime.fromisoformat(str(event["time"])) for event in events]
    assert times == sorted(times)
    assert len({time.date() for time in times}) == lives.DAYS
    assert all("07:30" <= f"{time:%H:%M}" < "11:30" or "13:30" <= f"{time:%H:%M}" < "17:00" for time in times)
    neighbours = [pair for theirs in _places(events).values() for pair in itertools.pairwise(theirs)]
    assert min(times[after] - times[before] for before, after in neighbours) >= timedelta(hours=lives.NEAREST)
    # No request of 500 has two events of one dossier.
    assert min(after - before for before, after in neighbours) >= 500


def test_on_a_live_day_thousands_of_dossiers_are_open() -> None:
    events = shapes.made(Shape.day, 30_000, 7)
    begun_or_ended = [0] * len(events)
    for theirs in _places(events).values():
        begun_or_ended[theirs[0]] += 1
        begun_or_ended[theirs[-1]] -= 1
    opened = list(itertools.accumulate(begun_or_ended))
    assert min(opened[3_000:-3_000]) > 1_500
    assert max(opened) > 3_500


def test_together_and_day_are_the_same_lives() -> None:
    together, day = shapes.made(Shape.together, COUNT, 7), shapes.made(Shape.day, COUNT, 7)
    assert together != day
    assert sorted(map(shapes.key, together)) == sorted(map(shapes.key, day))


def test_whole_lives_name_what_the_catalogues_have() -> None:
    units = {str(unit["code"]) for unit in province.units()}
    codes = {each.code for each in catalogue().procedures}
    for event in shapes.made(Shape.together, 10_000, 7):
        data = msgspec.convert(event["data"], dict[str, object])
        assert event["unit"] in units
        assert data.get("to", event["unit"]) in units
        assert event["type"] != "dossier.received" or data["procedure"] in codes


def test_every_shape_can_be_asked_for_by_name() -> None:
    assert [each.value for each in command.Shape] == ["all", *(each.value for each in Shape)]
    assert list(shapes.MEANING) == list(Shape)


def test_what_a_year_leaves_open_is_finished_in_the_next() -> None:
    events = list(shapes.of_years(0.002, 7, 2025, 2026))
    ends = {f"dossier.{kind}" for kind in ("completed", "returned", "refused", "stopped", "withdrawn", "voided")}
    years: dict[str, set[str]] = {"2025": set(), "2026": set()}
    finished = set()
    for event in events:
        if event["type"] == "dossier.received":
            years[str(event["source"]).split("/")[3][:4]].add(str(event["subject"]))
        if event["type"] in ends or event["type"] == "dossier.supplement_requested":
            finished.add(event["subject"])
    assert len(years["2025"]) > 1_000
    assert years["2025"] <= finished
    assert not years["2026"] <= finished
    late = [event for event in events if str(event["id"]).endswith("/finished")]
    assert {str(event["time"])[:7] for event in late} == {"2026-01", "2026-02", "2026-03"}
