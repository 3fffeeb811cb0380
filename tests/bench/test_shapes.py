"""The benchmark's load is what its shapes say."""

from __future__ import annotations

import msgspec
import pytest

from app.demo.year.lives import CloudEvent
from app.domain.push import Parsed
from app.intake import cloudevents
from bench import shapes
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
