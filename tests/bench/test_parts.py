"""The parts of the trials that count: what they take for a change, a slope, a copy, a share."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import msgspec
import pytest

from app.domain.lives.events import EventId, EventRetracted, Happening
from app.domain.push import Parsed
from app.intake import cloudevents
from bench import loads, shapes, soak, storm
from bench.client import renewed
from bench.country import NoRoom, codes, of_root, room
from bench.listening import Reading, Sent, Unchunked
from bench.memory import half, slope
from bench.read import questions
from bench.replicas import cut, dealt
from bench.results import Machine, Report
from bench.shapes import Shape
from bench.viewers import delays

STREAM = b'retry: 1000\r\n\r\n: calm\n\nevent: scorecard\nid: W/"1"\ndata: {"a":\ndata: 1}\n\nevent: other\ndata: 2\n\n'


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_a_stream_is_read_however_it_is_cut(size: int) -> None:
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (STREAM[:5], STREAM[5:40], STREAM[40:]))
    unchunked, reading = Unchunked(), Reading()
    found = [
        sent
        for start in range(0, len(chunked), size)
        for sent in reading.feed(unchunked.feed(chunked[start : start + size]))
    ]
    assert found == [Sent("scorecard", 'W/"1"', b'{"a":\n1}'), Sent("other", "", b"2")]


def test_a_change_is_shown_by_the_first_event_that_has_it() -> None:
    pushed = [(11, 1.0), (12, 2.0), (13, 3.0), (14, 4.0)]
    # The first was seen before its push was answered; the second and third came together; the fourth never.
    assert delays(pushed, [(10, 0.0), (11, 0.9), (13, 3.5)]) == ([0.0, 1.5, 0.5], 1)
    assert delays(pushed, []) == ([], 4)
    assert delays([], [(1, 1.0)]) == ([], 0)


def test_growth_is_what_least_squares_say_of_the_second_half() -> None:
    samples = [
        (float(second), 1_000 + 50 * second if second < 60 else 4_000 + 2 * (second - 60)) for second in range(121)
    ]
    assert [len(half(samples, second)) for second in (False, True)] == [60, 61]
    assert slope(half(samples, second=True)) == pytest.approx(120)
    assert slope(half(samples, second=False)) == pytest.approx(3_000)
    assert slope(samples[:1]) == 0


def test_requests_gone_through_again_are_sound_events_of_other_dossiers() -> None:
    seed = loads.fresh_seed()
    body = b"\n".join(shapes.encoded(loads.told(500, seed)))
    read = [_parsed(each) for each in (body, renewed(body, seed, seed + 1))]
    assert len(read[0]) == len(read[1]) == 500
    assert not {item.subject for item in read[0]} & {item.subject for item in read[1]}
    assert [_of_seed(item.event.what, seed, seed + 1) for item in read[0]] == [item.event.what for item in read[1]]
    assert len(body) == len(renewed(body, seed, seed + 1))


def _of_seed(what: Happening, seed: int, other: int) -> Happening:
    """What an event says of the other seed: only a retraction names another event."""
    if not isinstance(what, EventRetracted):
        return what
    return EventRetracted(EventId(what.id.replace(f".b{seed}.", f".b{other}.")))


def _parsed(body: bytes) -> list[Parsed]:
    return [item for item in cloudevents.parse(body, "application/x-ndjson", {}).items if isinstance(item, Parsed)]


def test_units_kept_apart_have_no_event() -> None:
    events = shapes.made(Shape.live, 20_000, 7)
    apart = {"H44.45", "H44.103"}
    kept = shapes.apart(events, apart)
    assert 0 < len(kept) < len(events)
    text = msgspec.json.encode(kept)
    assert b'"H44.45"' not in text
    assert b'"H44.103-' not in text
    assert b'"H44.07' in text


def test_a_large_body_is_just_within_the_limit_and_sound() -> None:
    body = soak.body(loads.told(200, 7), 2**20)
    assert 2**20 - 200 <= len(body) <= 2**20
    items = cloudevents.parse(body, "application/cloudevents-batch+json", {}).items
    assert sum(isinstance(item, Parsed) for item in items) == 200
    assert gzip.decompress(gzip.compress(body, 1)) == body


def test_events_are_dealt_to_every_service_and_some_to_all() -> None:
    events = [b"%d" % number for number in range(40)]
    first, second = dealt(events, 2)
    assert set(first) & set(second) == {b"0", b"10", b"20", b"30"}
    assert set(first) | set(second) == set(events)
    assert [len(batch) for batch in cut([b""] * 1_251)] == [500, 100, 20, 4, 1, 500, 100, 20, 4, 1, 1]


def test_viewers_look_at_the_same_units_in_every_phase() -> None:
    looked, marked = storm.paths(20)
    assert len(looked) == len(set(looked)) == 20
    assert set(marked) <= set(looked)
    assert looked[len(marked)] == "/v1/scorecard?unit=H44&period=2026"
    assert storm.phases("0/0,20/50") == [(0, 0), (20, 50)]


def test_a_question_of_another_root_names_nothing_of_the_first() -> None:
    assert codes(34)[0] == "H45"
    assert codes(34)[-1] == "H77"
    for question in questions():
        other = of_root(question, "H45")
        assert "H44" not in other.path
        assert [unit.replace("H45", "H44", 1) for unit in other.units] == list(question.units)


def test_a_broken_check_fails_a_run_and_a_missed_aim_does_not() -> None:
    report = Report("", "", "", Machine("", 1, 1, "", "", "", {}))
    report.aim("a time", 7.0, 5.0, "s")
    assert [each.held for each in report.limits] == [False]
    assert report.sound
    report.check("a count", 1, 2, held=False)
    assert not report.sound


def test_roots_that_would_fill_the_disk_are_not_made(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    room(free // 8, 2, tmp_path)
    with pytest.raises(NoRoom, match="2 more roots need up to"):
        room(free // 3, 2, tmp_path)
