"""Bad input of every kind: a clear problem with a code and a field, nothing lost, neighbours taken, never a 5xx."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.api.kinds import KINDS
from tests.api.asking import ONE, card, of_errors, of_problem, reception
from tests.running import Running

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"
MIB = 2**20


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


def bad_events(served: Running) -> Iterator[tuple[Any, tuple[str, str | None]]]:
    """What may stand where an event should, with the code and field of its rejection."""
    wrong: Any
    for thing in (None, True, 7, "event", [], [reception(served)]):
        yield thing, ("invalid_event", None)
    yield {}, ("invalid_event", "specversion")
    for name in ("specversion", "id", "source", "type", "subject", "time", "unit"):
        for wrong in (None, 7, True, [], {}, ""):
            yield reception(served) | {name: wrong}, ("invalid_event", name)
        without = reception(served)
        del without[name]
        yield without, ("invalid_event", name)
    for name in ("id", "source", "subject", "unit", "sequence"):
        for wrong in ("a\0b", "a\nb", "a\x7fb", "a\ud800b", "a\udc00", "a\u2028b", "a\uffffb", "x" * 301):
            yield reception(served) | {name: wrong}, ("invalid_event", name)
    for name in ("id", "source", "subject", "unit"):
        for odd in (" a", "a ", "a\u00a0", "a\u200bb", "a\u00adb", "\ufeffa", "a\u202eb"):
            yield reception(served) | {name: odd}, ("invalid_event", name)
    yield reception(served) | {"sequence": 7}, ("invalid_event", "sequence")
    yield reception(served) | {"specversion": "0.3"}, ("invalid_event", "specversion")
    yield reception(served) | {"data_base64": "e30="}, ("invalid_event", "data_base64")
    yield reception(served) | {"datacontenttype": "text/xml"}, ("invalid_event", "datacontenttype")
    for kind in ("dossier.eaten", "dossier", "DOSSIER.RECEIVED", "dossier.received ", "x" * 100, "a\0"):
        yield reception(served) | {"type": kind}, ("unknown_type", "type")
    for time in (
        "2026-01-05T08:00:00", "2026-01-05", "2026-01-05 08:00:00+07:00", "2026-02-30T08:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-05T24:00:00Z", "2026-01-05T08:60:00Z", "2026-01-05T08:00:00+24:00", "0000-01-01T00:00:00Z",
        "99999-01-01T00:00:00Z", "２０２６-01-05T08:00:00Z", "now", "1767575520",
        "2026-01-05T08:00:00Z; DROP TABLE event",
    ):  # fmt: skip
        yield reception(served) | {"time": time}, ("invalid_event", "time")
    for time in ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "1999-12-31T23:59:59.999999+07:00"):
        yield reception(served) | {"time": time}, ("time_out_of_range", "time")
    for time in ("2026-12-01T00:00:00Z", "2100-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59"):
        yield reception(served) | {"time": time}, ("future_time", "time")
    yield from bad_data(served)
    for unit in ("H44.99", "H44.", "H44..07", "H44.07'; DROP TABLE life; --"):
        yield reception(served) | {"unit": unit}, ("unknown_unit", "unit")
    for unit in ("H45", "h44.07", "*", "%", "H44'", "ʜ44", "../H44"):
        yield reception(served) | {"unit": unit}, ("forbidden_unit", "unit")
    for subject in ("001099123456", " 096099123456 ", "123456789", "１２３４５６７８９", "123 456 789"):
        yield reception(served) | {"subject": subject}, ("personal_data", "subject")


def bad_data(served: Running) -> Iterator[tuple[Any, tuple[str, str | None]]]:
    wrong: Any
    data: Any
    for data in (7, "x", [], True):
        yield reception(served) | {"data": data}, ("invalid_value", "data")
    yield served.event("dossier.received"), ("invalid_value", "data.procedure")
    yield served.event("dossier.received", procedure="1.004555", channel=None), ("invalid_value", "data.channel")
    yield served.event("dossier.transferred"), ("invalid_value", "data.to")
    yield served.event("dossier.synced", x=1), ("unknown_field", "data.x")
    for key in ("name", "Procedure", "procedure ", "__proto__", "data.procedure", "họ tên"):
        told = key if key in ("name", "Procedure") else "*"
        yield served.event("dossier.received") | {"data": {key: None}}, ("unknown_field", f"data.{told}")
    for code in ("1", "1.", ".1", "1.004555.1", "1.004555'--", "a.b", "", "１.004555", "1." + "0" * 50):
        yield reception(served, procedure=code), ("invalid_code", "data.procedure")
    for wrong in (7, 1.004555, True, [], {}):
        yield reception(served, procedure=wrong), ("invalid_value", "data.procedure")
        yield reception(served, channel=wrong), ("invalid_value", "data.channel")
        yield reception(served, due_at=wrong), ("invalid_value", "data.due_at")
    for wrong in ("true", 1, 0, "", []):
        yield reception(served, fee=wrong), ("invalid_value", "data.fee")
    for wrong in ("2026-01-12", "2026-01-12T17:00:00", "a\0"):
        yield reception(served, due_at=wrong), ("invalid_value", "data.due_at")
    for wrong in ("1999-12-31T16:59:59Z", "2101-01-01T00:00:00+07:00", "9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z"):
        yield reception(served, due_at=wrong), ("time_out_of_range", "data.due_at")
    for wrong in (-1, 1.5, "5", 100_001, 10**30, True):
        yield served.event("dossier.digitised", components=wrong), ("invalid_value", "data.components")
    for wrong in (-1, 1.5, 10**15 + 1, "20000"):
        yield served.event("dossier.fee_requested", amount=wrong), ("invalid_value", "data.amount")
    yield served.event("dossier.rated", satisfied="yes"), ("invalid_value", "data.satisfied")
    yield served.event("petition.received", about="weather"), ("invalid_value", "data.about")
    announced = served.event("procedure.announced", decided_on="2026-02-30", effective_on="2026-03-01")
    yield announced, ("invalid_value", "data.decided_on")
    announced = served.event("procedure.announced", decided_on="2026-02-01", effective_on="9999-03-01")
    yield announced, ("time_out_of_range", "data.effective_on")
    for number in ("0912345678", "+84 912 345 678", "(024) 3825-3537", "001099123456", "123456789"):
        yield served.event("document.sent", electronic=True, to=number), ("personal_data", "data.to")
        yield reception(served, procedure=number), ("personal_data", "data.procedure")
        yield reception(served, channel=number), ("personal_data", "data.channel")
    for text in ("a\0b", "a\ud800"):
        yield served.event("document.sent", electronic=True, to=text), ("invalid_value", "data.to")
    for wrong in ("H44.99", "H45.01", "'; --"):
        yield served.event("dossier.transferred", to=wrong), ("unknown_unit", "data.to")
    for wrong in (7, "", "x" * 101):
        yield served.event("dossier.transferred", to=wrong), ("invalid_value", "data.to")
    for wrong in (7, "", "x" * 201):
        yield served.event("event.retracted") | {"data": {"id": wrong}}, ("invalid_value", "data.id")


async def test_every_bad_event_is_told_by_code_and_field_and_its_neighbours_are_taken(served: Running) -> None:
    cases = list(bad_events(served))
    batch = [thing for thing, _ in cases]
    mixed = [each for number, bad in enumerate(batch) for each in (bad, reception(served, f"good {number}"))]
    expected = {2 * number: told for number, (_, told) in enumerate(cases)}
    for content_type, body in (
        (BATCH, json.dumps(mixed).encode()),
        (LINES, "\n".join(map(json.dumps, mixed)).encode()),
    ):
        answer = await served.post(body, content_type)
        assert answer.status_code == 200
        outcome = answer.json()
        assert of_errors(outcome) == expected
        assert outcome["accepted"] + outcome["duplicates"] == len(batch)
    assert (await card(served))["balance"]["received"] == len(batch)


async def test_every_bad_event_alone_is_a_problem_of_the_same_code_and_field(served: Running) -> None:
    cases = [case for number, case in enumerate(bad_events(served)) if number % 7 == 0]
    answers = [await served.post(json.dumps(bad).encode(), SINGLE) for bad, _ in cases]
    expected = [(403 if code == "forbidden_unit" else 422, code, field) for _, (code, field) in cases]
    assert list(map(of_problem, answers)) == expected


async def test_personal_data_is_not_repeated_in_the_answer(served: Running) -> None:
    for event in (
        reception(served, "001099123456"),
        reception(served, channel="0912345678"),
        served.event("document.sent", electronic=True, to="001099123456"),
    ):
        answer = await served.post(json.dumps(event).encode(), SINGLE)
        assert of_problem(answer)[1] == "personal_data"
        assert "0912345678" not in answer.text
        assert "001099123456" not in answer.text


async def test_numbers_amounts_and_event_ids_may_look_like_personal_data(served: Running) -> None:
    event = served.event("dossier.fee_requested", amount=123456789, id="001099123456", source="0912345678")
    assert await served.push([event]) == ONE
    retraction = served.event("event.retracted", source="0912345678") | {"data": {"id": "001099123456"}}
    assert await served.push([retraction]) == ONE


async def test_hostile_identifiers_are_texts_like_any_other(served: Running) -> None:
    names = [
        "'; DROP TABLE event; --",
        '"; DELETE FROM life; --',
        "%s %(x)s {0} $1 \\x00 \\",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "H44.07—–‐x",
        "hồ sơ 📄",
        "x" * 200,
        "-",
        "*",
    ]
    events = [reception(served, name, id=name, source=name) for name in names]
    assert await served.push(events) == {"accepted": 10, "duplicates": 0, "rejected": 0, "errors": []}
    assert await served.push(events) == {"accepted": 0, "duplicates": 10, "rejected": 0, "errors": []}
    async with served.service.database.connection("read") as connection:
        rows = await connection.fetch(
            "SELECT subject, event.id, source.name FROM event JOIN source ON source_id = source.id"
        )
    assert sorted(tuple(row) for row in rows) == sorted((name, name, name) for name in names)
    assert (await card(served))["balance"]["received"] == 10


async def test_a_body_that_is_no_json_is_refused_whole(served: Running) -> None:
    event = json.dumps(reception(served)).encode()
    bodies = {
        b"": (SINGLE, BATCH, "application/json"),
        b"{": (SINGLE, BATCH, "application/json"),
        b"[" + event: (SINGLE, BATCH, "application/json"),
        b"[" + event + b",]": (BATCH, "application/json"),
        b"[" + event + b"] x": (BATCH, "application/json"),
        event + event: (SINGLE, "application/json"),
        b"{'id': 1}": (SINGLE, "application/json"),
        b"NaN": (SINGLE, "application/json"),
        event[:-1] + b', "x": Infinity}': (SINGLE,),
        b"\xff\xfe{\x00}\x00": (SINGLE, BATCH, "application/json"),
        event.replace(b"/h44/thu", b"/h44/\xff"): (SINGLE, "application/json"),
        b"[" * 100_000: (SINGLE, BATCH, "application/json"),
        b'{"a":' * 40_000: (SINGLE, "application/json"),
    }
    for body, content_types in bodies.items():
        for content_type in content_types:
            answer = await served.post(body, content_type)
            assert of_problem(answer)[:2] == (400, "invalid_json"), (body[:60], content_type)
    assert (await card(served))["balance"]["received"] == 0


async def test_a_deep_or_broken_event_in_a_batch_costs_only_itself(served: Running) -> None:
    good = [json.dumps(reception(served, f"good {number}")).encode() for number in range(3)]
    deep = b'{"data":' + b"[" * 5000 + b"]" * 5000 + b"}"
    outcome = (await served.post(b"[" + b",".join([good[0], deep, good[1]]) + b"]", BATCH)).json()
    assert (outcome["accepted"], list(of_errors(outcome))) == (2, [1])
    not_utf8 = good[2].replace(b"/h44/thu", b"/h44/\xff")
    outcome = (await served.post(b"\n".join([good[0], deep, not_utf8, b'{"id":', good[2]]), LINES)).json()
    errors = of_errors(outcome)
    assert (outcome["accepted"], outcome["duplicates"], list(errors)) == (1, 1, [1, 2, 3])
    assert errors[2] == errors[3] == ("invalid_json", None)


async def test_one_event_where_a_batch_is_announced_and_the_other_way_round(served: Running) -> None:
    event = json.dumps(reception(served)).encode()
    assert of_problem(await served.post(event, BATCH))[:2] == (422, "invalid_event")
    assert of_problem(await served.post(b"[" + event + b"]", SINGLE))[:2] == (422, "invalid_event")


async def test_more_than_ten_thousand_events_are_refused_whole(served: Running) -> None:
    event = json.dumps(reception(served)).encode()
    assert of_problem(await served.post(b"\n".join([event] * 10_001), LINES))[:2] == (413, "too_many_events")
    for element in (event, b"1", b"[]"):
        body = b"[" + b",".join([element] * 10_001) + b"]"
        assert of_problem(await served.post(body, BATCH))[:2] == (413, "too_many_events")
    assert (await card(served))["balance"]["received"] == 0
    outcome = (await served.post(b"\n".join([event] * 10_000), LINES)).json()
    assert outcome == {"accepted": 1, "duplicates": 9_999, "rejected": 0, "errors": []}


async def test_a_body_over_32_mib_is_refused_compressed_or_not(served: Running) -> None:
    blanks = b" " * (33 * MIB)
    assert of_problem(await served.post(blanks, LINES))[:2] == (413, "too_large")
    packed = gzip.compress(blanks, 9)
    assert len(packed) < MIB
    assert of_problem(await served.post(packed, LINES, content_encoding="gzip"))[:2] == (413, "too_large")
    event = json.dumps(reception(served)).encode()
    assert (await served.post(event + b" " * (32 * MIB - len(event)), SINGLE)).json() == ONE
    assert served.service.budget.held == 0


async def test_a_gzip_bomb_is_refused(served: Running) -> None:
    packer = zlib.compressobj(9, wbits=31)
    piece = b"\0" * MIB
    bomb = b"".join(packer.compress(piece) for _ in range(200)) + packer.flush()
    assert len(bomb) < MIB
    assert of_problem(await served.post(bomb, LINES, content_encoding="gzip"))[:2] == (413, "too_large")
    members = gzip.compress(b"") * 50_000
    assert of_problem(await served.post(members, LINES, content_encoding="gzip"))[:2] == (413, "too_large")


async def test_a_broken_gzip_body_is_refused(served: Running) -> None:
    packed = gzip.compress(json.dumps(reception(served)).encode())
    for body in (packed[:-1], packed[:20], packed + b"x", b"x" + packed, b"no gzip", packed[:-5] + b"\0" + packed[-4:]):
        assert of_problem(await served.post(body, SINGLE, content_encoding="gzip"))[:2] == (400, "invalid_json")
    assert (await served.post(packed, SINGLE, content_encoding="GZIP")).json() == ONE


async def test_other_encodings_are_refused(served: Running) -> None:
    for encoding in ("br", "deflate", "gzip, gzip", "zstd", "gzipp"):
        answer = await served.post(b"{}", SINGLE, content_encoding=encoding)
        assert of_problem(answer)[:2] == (415, "unsupported_encoding")


async def test_other_content_types_are_refused(served: Running) -> None:
    event = json.dumps(reception(served)).encode()
    for content_type in (
        "", "text/plain", "application/xml", "multipart/form-data", "application/cloudevents+xml", "json",
        "application/json; charset=utf-16", "application/jsonp", "application/x-www-form-urlencoded",
    ):  # fmt: skip
        assert of_problem(await served.post(event, content_type))[:2] == (415, "unsupported_media_type")
    binary = await served.post(event, "text/plain", ce_specversion="1.0")
    assert of_problem(binary)[:2] == (415, "unsupported_media_type")


async def test_binary_mode_names_the_attribute_that_is_missing_or_broken(served: Running) -> None:
    event = reception(served)
    body = json.dumps(event.pop("data")).encode()
    headers = {f"ce_{name}": value for name, value in event.items()}
    for name in ("id", "source", "type", "subject", "time", "unit"):
        without = {header: value for header, value in headers.items() if header != f"ce_{name}"}
        answer = await served.post(body, "application/json", **without)
        assert of_problem(answer) == (422, "invalid_event", name)
        broken = await served.post(body, "application/json", **(headers | {f"ce_{name}": "%ff"}))
        assert of_problem(broken) == (422, "invalid_event", name)
    assert of_problem(await served.post(b"{", "application/json", **headers))[:2] == (400, "invalid_json")


COMMON_FAULTS = {
    "": "unit",
    "unit=H44": "period",
    "unit=H44&period=2026&bogus=1": "bogus",
    "unit=H44&period=2026&Period=2026": "Period",
    "unit=H44&period=2026&period=2025": "period",
    "unit=H44&unit=H44&period=2026": "unit",
    "unit=H44%00&period=2026": "unit",
    "unit=H44%0A&period=2026": "unit",
    "unit=" + "H" * 301 + "&period=2026": "unit",
    "unit=H44&period=2026&scope=all": "scope",
    "unit=H44&period=2026&scope=": "scope",
    "unit=H44&period=2026&compare=never": "compare",
    "unit=H44&period=2026&procedure=abc": "procedure",
    "unit=H44&period=2026&procedure=1.1%27--": "procedure",
    "unit=H44&period=2026&procedure=": "procedure",
    "unit=H44&period=2026&%00=1": "\0",
    "unit=H44&period=2026%00": "period",
}
BAD_PERIODS = [
    "", "26", "2026-", "2026-13", "2026-00", "2026-Q0", "2026-Q5", "2026-H3", "2026-8M", "2026-W00", "2026-W54",
    "2025-W53",
    "2026-02-29", "2026-1-1", "2026-01-32", "0001", "1999", "2101", "9999", "9999-12-31", "0001-01-01", "-2026",
    "２０２６",
    "2026-q3", "2026 ", "2026-01-01..2026-02-01", "all", "2026'--", "20260101",
]  # fmt: skip
BAD_RANGES = {
    "from=2026-02-01&to=2026-01-31": "period",
    "from=2026-01-01": "period",
    "to=2026-01-01": "period",
    "from=2026-01-01&to=2026-02-30": "to",
    "from=x&to=2026-01-01": "from",
    "from=20260101&to=2026-01-31": "from",
    "from=0001-01-01&to=2026-01-01": "period",
    "from=2026-01-01&to=9999-12-31": "period",
    "from=&to=": "from",
    "from=2026-01-01&to=2026-01-31&period=2026": "period",
}


async def ask(served: Running, path_and_query: str, key: str | None = None) -> httpx.Response:
    return await served.client.get(path_and_query, headers={"Authorization": f"Bearer {key or served.key}"})


async def test_bad_parameters_of_a_scorecard_are_named(served: Running) -> None:
    told = {query: of_problem(await ask(served, f"/v1/scorecard?{query}")) for query in COMMON_FAULTS}
    expected = {
        query: (422, "invalid_period" if query == "unit=H44" else "invalid_parameter", field)
        for query, field in COMMON_FAULTS.items()
    }
    assert told == expected


async def test_bad_periods_are_refused(served: Running) -> None:
    told = {period: await served.get("/v1/scorecard", unit="H44", period=period) for period in BAD_PERIODS}
    assert {period: of_problem(answer) for period, answer in told.items()} == dict.fromkeys(
        BAD_PERIODS, (422, "invalid_period", "period")
    )
    ranges = {query: of_problem(await ask(served, f"/v1/scorecard?unit=H44&{query}")) for query in BAD_RANGES}
    assert ranges == {query: (422, "invalid_period", field) for query, field in BAD_RANGES.items()}


async def test_a_period_that_has_not_begun_is_refused(served: Running) -> None:
    for period in ("2027", "2026-12", "2026-11-24", "2026-W49", "2100", "2100-12-31", "2027-9M"):
        answer = await served.get("/v1/scorecard", unit="H44", period=period)
        assert of_problem(answer) == (422, "period_in_future", "period")
    answer = await served.get("/v1/scorecard", unit="H44", from_="2026-11-24", to="2026-12-31")
    assert of_problem(answer) == (422, "period_in_future", "period")


async def test_the_first_and_last_years_there_are_can_be_asked_for(served: Running) -> None:
    for query in ("period=2000", "period=2000-01-01", "from=2000-01-01&to=2100-12-31", "period=2000&compare=last_year"):
        assert (await ask(served, f"/v1/scorecard?unit=H44&{query}")).status_code == 200, query


async def test_every_get_refuses_parameters_it_does_not_know_and_hostile_values(served: Running) -> None:
    routes = [
        "/v1/scorecard", "/v1/units", "/v1/units/H44", "/v1/procedures", "/v1/procedures/1.004555", "/v1/targets",
        "/v1/external-figures", "/v1/calendar",
    ]  # fmt: skip
    for route in routes:
        for query, field in {
            "bogus=1": "bogus", "unit[]=H44": "unit[]", "%00=%00": "\0", "%ED%A0%80=1": "\ufffd" * 3, "a%0Ab=1": "a\nb",
        }.items():  # fmt: skip
            told = of_problem(await ask(served, f"{route}?{query}"))
            assert told == (422, "invalid_parameter", field), (route, query)
    for route in routes:
        if "units/" not in route:
            for value in ("%00", "H44%00", "%0A", "%ED%A0%80%00", "x" * 301):
                told = of_problem(await ask(served, f"{route}?unit={value}"))
                assert told == (422, "invalid_parameter", "unit"), (route, value)
            for value in ("", "H44%27%20OR%201=1--", "H45", "%F0%9F%93%84", "H44.999"):
                answer = await ask(served, f"{route}?unit={value}" + ("&period=2026" if "score" in route else ""))
                if "procedures/" not in route:
                    expected = (403, "forbidden_unit", "unit"), (404, "unknown_unit", "unit")
                    assert of_problem(answer) in expected, (route, value)
                else:
                    assert answer.status_code < 500


async def test_hostile_codes_in_a_path_are_not_found_or_not_reached(served: Running) -> None:
    for code in ("%00", "H44%00", "%ED%A0%80", "H44'--", "x" * 5000, "%0A", "1.1%00", "a%2Fb", "%F0%9F%93%84", "%"):
        for route in ("/v1/units", "/v1/procedures", "/problems"):
            status, problem, _ = of_problem(await ask(served, f"{route}/{code}"))
            assert (status, problem) in (
                (404, "not_found"), (404, "unknown_unit"), (403, "forbidden_unit"), (422, "invalid_parameter"),
            ), (route, code)  # fmt: skip


async def test_an_unknown_path_is_not_found(served: Running) -> None:
    for path in (
        "/v1",
        "/v1/event",
        "/v1/events/1",
        "/v1/scorecard/",
        "/V1/scorecard",
        "/%00",
        "//v1/units",
    ):
        assert of_problem(await ask(served, path))[:2] == (404, "not_found"), path


async def test_another_method_is_not_allowed(served: Running) -> None:
    headers = {"Authorization": f"Bearer {served.key}"}
    for method, path in (
        ("GET", "/v1/events"), ("PUT", "/v1/events"), ("DELETE", "/v1/units"), ("POST", "/v1/units"),
        ("POST", "/v1/scorecard"), ("PATCH", "/v1/units/H44"), ("POST", "/livez"), ("BREW", "/v1/scorecard"),
    ):  # fmt: skip
        answer = await served.client.request(method, path, headers=headers)
        assert of_problem(answer)[:2] == (405, "method_not_allowed"), (method, path)
        assert answer.headers["allow"]


async def test_bad_catalogue_bodies_are_problems(served: Running) -> None:
    headers = {"Authorization": f"Bearer {served.key}"}
    cases = {
        (b"{", "application/json"): (400, "invalid_json"),
        (b"", "application/json"): (400, "invalid_json"),
        (b"[1,]", "application/json"): (400, "invalid_json"),
        (b"\xff", "text/csv"): (400, "invalid_json"),
        (b"[]", "text/plain"): (415, "unsupported_media_type"),
        (b"[]", "application/x-ndjson"): (415, "unsupported_media_type"),
        (b" " * (33 * MIB), "application/json"): (413, "too_large"),
        (b"[" + b"1," * 50_000 + b"1]", "application/json"): (413, "too_large"),
    }
    for path in ("/v1/units", "/v1/procedures", "/v1/targets", "/v1/external-figures", "/v1/calendar"):
        for (body, content_type), expected in cases.items():
            answer = await served.client.put(path, content=body, headers=headers | {"content-type": content_type})
            assert of_problem(answer)[:2] == expected, (path, body[:20])


async def test_every_kind_of_problem_has_a_page(served: Running) -> None:
    for code, kind in KINDS.items():
        page = await served.client.get(f"/problems/{code}")
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert code in page.text
        assert str(kind.status) in page.text
    page = await served.client.get("/problems/unknown_unit")
    assert "HTTP 404, 422 where a single event is refused for it" in page.text
    event = reception(served) | {"unit": "H44.99"}
    assert of_problem(await served.post(json.dumps(event).encode(), SINGLE)) == (422, "unknown_unit", "unit")
    assert of_problem(await served.client.get("/problems/none"))[:2] == (404, "not_found")
    assert of_problem(await served.client.get("/problems/<script>"))[:2] == (404, "not_found")


def test_the_codes_are_the_contracts_closed_list() -> None:
    contract = """
        invalid_json invalid_event invalid_value invalid_code unknown_field unknown_type unknown_unit unknown_indicator
        unknown_subject personal_data future_time time_out_of_range conflict life_too_long forbidden_unit
        forbidden_scope unauthenticated invalid_period period_in_future invalid_parameter no_breakdown snapshot_changed
        too_large too_many_events unsupported_media_type unsupported_encoding not_found method_not_allowed overloaded
        incomplete_body request_timeout uri_too_long headers_too_large rate_limited
        database_unavailable internal
    """
    assert sorted(KINDS) == sorted(contract.split())


async def test_who_asks_in_vietnamese_is_answered_in_vietnamese(served: Running) -> None:
    vi = {"Accept-Language": "vi-VN,vi;q=0.9,en;q=0.5", "Authorization": f"Bearer {served.key}"}
    answer = await served.client.get("/v1/scorecard?unit=H44.99&period=2026", headers=vi)
    assert of_problem(answer) == (404, "unknown_unit", "unit")
    assert answer.json()["title"] == "Đơn vị không tồn tại"
    assert answer.json()["detail"] == "danh mục không có đơn vị nào mang mã hoặc mã phụ này"
    assert answer.headers["content-language"] == "vi"
    assert "Accept-Language" in answer.headers["vary"]
    event = reception(served, procedure="9.99999") | {"id": "vi"}
    pushed = await served.client.post("/v1/events", json=[event, event | {"unit": "H44.99", "id": "x"}], headers=vi)
    told = pushed.json()
    assert told["errors"][0]["detail"] == "danh mục không có đơn vị nào mang mã hoặc mã phụ này"
    assert told["warnings"][0]["detail"].startswith("thủ tục hành chính chưa có trong danh mục; tạm tính")
    single = await served.client.post(
        "/v1/events", json=event | {"unit": "h44.07", "time": "now", "id": "y"}, headers=vi
    )
    assert [each["field"] for each in single.json()["errors"]] == ["time", "unit"]
    assert single.json()["detail"].startswith("cần thời điểm RFC 3339")
    page = await served.client.get("/problems/conflict", headers=vi)
    assert "<html lang=vi>" in page.text
    assert "Mã sự kiện đã dùng cho nội dung khác" in page.text
    kept = (await served.get("/v1/rejections")).json()["items"]
    assert "no unit of the catalogue" in kept[-1]["detail"], "what is kept is in one language"


@pytest.mark.parametrize(
    ("query", "field", "english", "vietnamese"),
    [
        ("unit=H44&perod=2026", "perod", "; likely period is meant", "; có lẽ là period"),
        ("unit=H44&period=2026&scope=subtre", "scope", "; likely subtree is meant", "; có lẽ là subtree"),
        ("unit=H44&period=2026&x=1", "x", " compare", " compare"),
        ("unit=H44&from=2026-02-01&to=2026-02-30", "to", "expected a day that exists", "cần ngày có thật"),
    ],
)
async def test_what_was_likely_meant_by_a_parameter_is_named(
    served: Running, query: str, field: str, english: str, vietnamese: str
) -> None:
    for language, says in (("en", english), ("vi", vietnamese)):
        headers = {"Accept-Language": language, "Authorization": f"Bearer {served.key}"}
        answer = await served.client.get(f"/v1/scorecard?{query}", headers=headers)
        assert of_problem(answer)[2] == field
        assert answer.json()["detail"].endswith(says)


async def test_all_faults_of_a_row_are_told_those_of_the_catalogue_too(served: Running) -> None:
    rows = [
        {"code": "H44.07.01", "level": "comune", "parent": "H44.99", "successor": "H44.98"},
        {"code": "H44.08.01", "parent": "H44.99", "valid_from": "2026-02-01", "valid_to": "2026-01-01"},
        {"code": "H45", "level": "comune", "parent": "H44.99"},
    ]
    told = (await served.put("/v1/units", rows)).json()
    assert (told["accepted"], told["rejected"]) == (0, 3)
    assert [each["detail"] for each in told["errors"]] == [
        "expected one of ministry, province, department, commune, not 'comune'; likely commune is meant"
        "; also parent: a parent stands above its unit by dotted segments"
        "; also successor: no unit of the catalogue has this code",
        "a parent stands above its unit by dotted segments; also valid_to: the validity ends before it begins",
        "expected one of ministry, province, department, commune, not 'comune'; likely commune is meant"
        "; also code: the key does not reach this unit",
    ]
