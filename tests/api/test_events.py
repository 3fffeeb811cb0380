"""Events in: every form of a push, one outcome for each event, and what the very next read says."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from urllib.parse import quote

import pytest

from app.domain.lives.events import BY_TYPE
from app.store.proof.verify import verify
from tests.api.asking import AGAIN, ONE, card, counts, indicator, of_errors, of_problem, reception, retraction
from tests.running import Running

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"


@pytest.fixture
def database(stocked_database: str) -> str:
    """What depends on the engine is in test_engines.py."""
    return stocked_database


async def single(served: Running, event: dict, key: str | None = None):
    return await served.post(json.dumps(event).encode(), SINGLE, key)


def as_headers(event: dict) -> dict[str, str]:
    return {f"ce_{name}": quote(value, safe="") for name, value in event.items() if name != "data"}


async def test_every_form_of_a_push_is_taken(served: Running) -> None:
    events = iter(reception(served, f"H44.07-260105-{number:04}") for number in range(20))

    def text() -> bytes:
        return json.dumps(next(events)).encode()

    binary, packed = next(events) | {"subject": "H44.07-260105-hồ sơ %41"}, next(events)
    forms = {
        "one event": await served.post(text(), SINGLE),
        "one event as plain JSON": await served.post(text(), "application/json"),
        "with a charset": await served.post(text(), "application/json; charset=utf-8"),
        "a batch of one": await served.post(b"[" + text() + b"]", BATCH),
        "an array as plain JSON": await served.post(b" [" + text() + b"]", "application/json"),
        "a line": await served.post(text() + b"\n", LINES),
        "the last line without an end": await served.post(text(), LINES),
        "a byte order mark before it": await served.post(b"\xef\xbb\xbf" + text(), SINGLE),
        "binary mode": await served.post(json.dumps(binary["data"]).encode(), "application/json", **as_headers(binary)),
        "compressed": await served.post(gzip.compress(text()), SINGLE, content_encoding="gzip"),
        "compressed lines": await served.post(gzip.compress(text()), LINES, content_encoding="gzip"),
        "compressed binary mode": await served.post(
            gzip.compress(json.dumps(packed["data"]).encode()),
            "application/json",
            content_encoding="gzip",
            **as_headers(packed),
        ),
    }
    assert {form: (answer.status_code, answer.json()) for form, answer in forms.items()} == dict.fromkeys(
        forms, (200, ONE)
    )
    assert (await card(served))["balance"]["received"] == len(forms)
    async with served.service.database.connection("read") as connection:
        assert await connection.fetchval("SELECT count(*) FROM life WHERE subject = 'H44.07-260105-hồ sơ %41'") == 1


async def test_binary_and_structured_mode_of_one_event_are_the_same_event(served: Running) -> None:
    event = reception(served)
    assert (await single(served, event)).json() == ONE
    again = await served.post(json.dumps(event["data"]).encode(), "application/json", **as_headers(event))
    assert again.json() == AGAIN


async def test_an_empty_batch_is_a_success(served: Running) -> None:
    empty = {"accepted": 0, "duplicates": 0, "rejected": 0, "errors": []}
    for body, content_type in ((b"[]", BATCH), (b"[]", "application/json"), (b"", LINES), (b"\n \r\n", LINES)):
        answer = await served.post(body, content_type)
        assert (answer.status_code, answer.json()) == (200, empty)


async def test_the_index_of_a_line_counts_what_is_not_blank(served: Running) -> None:
    first, last = (json.dumps(reception(served, f"H44.07-260105-{n:04}")).encode() for n in (1, 2))
    answer = await served.post(b"\n" + first + b"\r\n\n  \n{broken\n[]\n" + last + b"\n\n", LINES)
    outcome = answer.json()
    assert answer.status_code == 200
    assert of_errors(outcome) == {1: ("invalid_json", None), 2: ("invalid_event", None)}
    assert [error["id"] for error in outcome["errors"]] == [None, None]
    assert (outcome["accepted"], outcome["duplicates"]) == (2, 0)


async def test_the_outcome_of_a_batch_has_the_contracts_shape(served: Running) -> None:
    known, unknown, wrong = (reception(served, f"H44.07-260105-{n:04}") for n in (1, 2, 3))
    unknown["data"]["procedure"] = "9.999999"
    wrong["data"]["name"] = "someone"
    outcome = await served.push([known, unknown, wrong, known])
    detail = outcome["errors"][0].pop("detail"), outcome["warnings"][0].pop("detail")
    assert all(detail)
    assert outcome == {
        "accepted": 2,
        "duplicates": 1,
        "rejected": 1,
        "errors": [{"index": 2, "id": wrong["id"], "code": "unknown_field", "field": "data.name"}],
        "warnings": [{"index": 1, "id": unknown["id"], "code": "unknown_procedure", "field": "data.procedure"}],
    }


async def test_duplicates_are_not_warned_about(served: Running) -> None:
    event = reception(served, procedure="9.999999")
    assert [each["index"] for each in (await served.push([event]))["warnings"]] == [0]
    assert await served.push([event]) == AGAIN
    assert (await single(served, event)).json() == AGAIN


async def test_a_procedure_not_valid_on_the_day_is_warned_about_and_counted(served: Running) -> None:
    await served.put("/v1/procedures", [{"code": "1.004555", "valid_from": "2026-01-06"}])
    outcome = await served.push([reception(served), reception(served, "two", time="2026-01-06T00:00:00+07:00")])
    assert [(each["index"], each["code"]) for each in outcome["warnings"]] == [(0, "unknown_procedure")]
    assert (await card(served))["balance"]["received"] == 2


async def test_every_type_of_the_contract_is_taken_with_all_its_fields(served: Running) -> None:
    due, day = "2026-02-01T17:00:00+07:00", "2026-02-02"
    data: dict[str, dict] = {kind: {} for kind in BY_TYPE} | {
        "dossier.submitted": {"channel": "online", "portal": "national"},
        "dossier.received": {
            "procedure": "1.004555", "channel": "postal", "due_at": due, "submitted_at": due, "fee": True,
            "portal": "local", "receiver": "postal_clerk", "applicant": "organisation",
        },
        "dossier.due_changed": {"due_at": due},
        "dossier.transferred": {"to": "H44.13"},
        "dossier.supplement_requested": {"due_at": due},
        "dossier.supplemented": {"due_at": due},
        "dossier.digitised": {"components": 0, "reused": True, "shared_store": False, "population_data": True},
        "dossier.fee_requested": {"amount": 0},
        "dossier.fee_waived": {"amount": 10**15},
        "dossier.paid": {"via": "national_gateway", "amount": 20_000},
        "dossier.signed": {"what": "component"},
        "dossier.completed": {"electronic_result": True, "signed": True},
        "dossier.returned": {"via": "postal", "electronic_result": False},
        "dossier.rated": {"satisfied": False},
        "petition.received": {"about": "staff", "origin": "forwarded"},
        "petition.rated": {"satisfied": True},
        "procedure.announced": {"decided_on": day, "effective_on": day},
        "procedure.published": {"decided_on": day, "published_on": day, "complete": True},
        "document.sent": {"electronic": True, "signed": False, "tier": "commune", "to": "UBND xã"},
        "event.retracted": {"id": "never sent"},
    }  # fmt: skip
    assert data.keys() == BY_TYPE.keys()
    events = [served.event(kind, f"{kind.partition('.')[0]}-1") | {"data": data[kind]} for kind in data]
    assert await served.push(events) == {"accepted": len(BY_TYPE), "duplicates": 0, "rejected": 0, "errors": []}
    assert await served.push(events) == {"accepted": 0, "duplicates": len(BY_TYPE), "rejected": 0, "errors": []}


async def test_one_event_written_in_other_ways_is_a_duplicate(served: Running) -> None:
    event = reception(served, sequence="7", time="2026-01-05T08:00:00.123456+07:00")
    assert await served.push([event]) == ONE
    others = [
        event | {"time": "2026-01-05T01:00:00.123456Z"},
        event | {"time": "2026-01-05T01:00:00.123456789Z"},
        event | {"time": "2026-01-04t20:00:00.123456-05:00"},
        event | {"data": event["data"] | {"due_at": "2026-01-12T10:00:00Z"}},
        event | {"data": event["data"] | {"fee": None, "portal": None}},
        event | {"traceparent": "00-ab-cd-01", "datacontenttype": "application/json"},
        dict(reversed(event.items())) | {"data": dict(reversed(event["data"].items()))},
    ]
    for other in others:
        assert await served.push([other]) == AGAIN, other
    assert await served.push(others) == AGAIN | {"duplicates": len(others)}
    fresh = reception(served, "another")
    assert await served.push([fresh, fresh | {"time": "2026-01-05T01:00:00Z"}, fresh]) == ONE | {"duplicates": 2}


async def test_an_id_with_other_content_is_a_conflict(served: Running) -> None:
    event = reception(served)
    assert (await single(served, event)).json() == ONE
    others = [
        event | {"subject": "another"},
        event | {"time": "2026-01-05T08:00:00.000001+07:00"},
        event | {"type": "dossier.synced", "data": {}},
        event | {"sequence": "1"},
        event | {"unit": "H44.13"},
        event | {"data": event["data"] | {"fee": False}},
    ]
    for other in others:
        assert of_problem(await single(served, other)) == (409, "conflict", "id")
    outcome = await served.push([*others, reception(served, "a neighbour")])
    assert of_errors(outcome) == dict.fromkeys(range(6), ("conflict", "id"))
    assert outcome["accepted"] == 1
    assert (await card(served))["balance"]["received"] == 2


async def test_the_first_of_two_contents_in_one_batch_holds(served: Running) -> None:
    event = reception(served)
    outcome = await served.push([event, event | {"subject": "another"}, event])
    assert (outcome["accepted"], outcome["duplicates"], of_errors(outcome)) == (1, 1, {1: ("conflict", "id")})


async def test_the_same_id_of_another_source_is_another_event(served: Running) -> None:
    event = reception(served)
    outcome = await served.push([event, event | {"source": "/h44/khác", "subject": "another"}])
    assert outcome["accepted"] == 2


async def test_a_unit_is_hashed_as_it_was_written(served: Running) -> None:
    event = reception(served, unit="000.00.30.H44")
    assert await served.push([event]) == ONE
    assert of_errors(await served.push([event | {"unit": "H44.130"}])) == {0: ("conflict", "id")}


async def test_an_alias_stands_for_its_unit(served: Running) -> None:
    await served.push([reception(served, "one", "000.00.30.H44"), reception(served, "two", "H44.07")])
    await served.push([served.event("dossier.transferred", "two", "H44.07", to="000.00.30.H44")])
    by_alias = await card(served, "000.00.30.H44")
    assert by_alias["unit"]["code"] == "H44.130"
    assert by_alias["balance"]["received"] == 2
    async with served.service.database.connection("read") as connection:
        events = await connection.fetch("SELECT DISTINCT unit.code FROM event JOIN unit ON unit.id = event.unit_id")
    assert {row["code"] for row in events} == {"H44.130", "H44.07"}


async def test_the_next_read_includes_the_event(served: Running) -> None:
    for number in range(1, 6):
        assert (await single(served, reception(served, f"H44.07-260105-{number:04}"))).json() == ONE
        for unit in ("H44", "H44.07"):
            assert (await card(served, unit))["balance"]["received"] == number


async def test_a_retraction_undoes_its_target_whichever_comes_first(served: Running) -> None:
    await served.push([reception(served, subject) for subject in ("first", "second")])
    before = await card(served)
    end, completed = [
        served.event("dossier.completed", subject, time="2026-01-20T08:00:00+07:00", electronic_result=True)
        for subject in ("first", "second")
    ]
    await served.push([end])
    assert (await card(served))["balance"]["ended_late"] == 1
    await served.push([retraction(served, end)])
    after = await card(served)
    assert after | {"as_of": ""} == before | {"as_of": ""}

    await served.push([retraction(served, completed)])
    assert await served.push([completed]) == ONE
    assert (await card(served))["balance"] == before["balance"]
    assert await served.push([completed]) == AGAIN
    assert of_errors(await served.push([completed | {"time": "2026-01-09T08:00:00+07:00"}])) == {0: ("conflict", "id")}


async def test_a_retraction_by_a_unit_below_or_of_another_subject_has_no_effect(served: Running) -> None:
    target = reception(served, "one", "H44")
    await served.push([target])
    below, elsewhere = retraction(served, target, unit="H44.07"), retraction(served, target, subject="two")
    assert (await served.push([below, elsewhere]))["accepted"] == 2
    assert (await card(served))["balance"]["received"] == 1


async def test_a_void_takes_the_dossier_out_of_every_period(served: Running) -> None:
    empty = await card(served), await card(served, period="2026-Q1")
    event = reception(served)
    done = served.event("dossier.completed", time="2026-01-09T08:00:00+07:00", electronic_result=True)
    await served.push([event, done, served.event("dossier.rated", satisfied=False)])
    void = served.event("dossier.voided", time="2026-11-20T08:00:00+07:00")
    assert await served.push([void]) == ONE
    after = await card(served), await card(served, period="2026-Q1")
    assert [each | {"as_of": ""} for each in after] == [each | {"as_of": ""} for each in empty]
    await served.push([retraction(served, void)])
    assert (await card(served))["balance"]["ended_on_time"] == 1


async def test_a_transfer_moves_all_figures_to_the_other_unit_in_closed_periods_too(served: Running) -> None:
    done = served.event("dossier.completed", time="2026-01-09T08:00:00+07:00", electronic_result=True)
    await served.push([reception(served), done])
    before = {unit: await card(served, unit, "2026-01") for unit in ("H44", "H44.07", "H44.13", "H44.130")}
    await served.push([served.event("dossier.transferred", time="2026-11-20T08:00:00+07:00", to="H44.13")])
    after = {unit: await card(served, unit, "2026-01") for unit in before}
    assert after["H44"] == before["H44"]
    assert after["H44.130"] == before["H44.130"]
    for code in ("DOSSIER_ON_TIME", "ORIGINAL_RESULT_AVAILABLE", "ONLINE_DOSSIERS", "SETTLED_ON_TIME"):
        assert counts(after["H44.07"], code) == counts(before["H44.13"], code) == (0, 0)
        assert counts(after["H44.13"], code) == counts(before["H44.07"], code) == (1, 1)
    assert after["H44.13"]["balance"] == before["H44.07"]["balance"]


async def test_a_changed_due_time_decides_whether_the_end_was_in_time(served: Running) -> None:
    done = served.event("dossier.completed", time="2026-01-15T17:00:00+07:00")
    await served.push([reception(served), done])
    assert counts(await card(served), "DOSSIER_ON_TIME") == (0, 1)
    later = served.event("dossier.due_changed", time="2026-01-06T08:00:00+07:00", due_at="2026-01-15T17:00:00+07:00")
    await served.push([later])
    assert counts(await card(served), "DOSSIER_ON_TIME") == (1, 1)
    sooner = served.event("dossier.due_changed", time="2026-01-07T08:00:00+07:00")
    await served.push([sooner | {"data": {"due_at": "2026-01-15T16:59:59.999999+07:00"}}])
    assert counts(await card(served), "DOSSIER_ON_TIME") == (0, 1)
    assert counts(await card(served, period="2026-01"), "SETTLED_ON_TIME") == (0, 1)


async def test_events_may_come_in_any_order(served: Running) -> None:
    done = served.event("dossier.completed", time="2026-01-09T08:00:00+07:00", electronic_result=True)
    await served.push([done])
    assert (await card(served))["balance"]["received"] == 0
    await served.push([reception(served)])
    now = await card(served)
    assert (now["balance"]["received"], now["balance"]["ended_on_time"]) == (1, 1)
    assert counts(now, "ORIGINAL_RESULT_AVAILABLE") == (1, 1)


async def test_a_sequence_orders_events_of_one_instant_by_its_bytes(served: Running) -> None:
    instant = "2026-01-06T08:00:00+07:00"
    await served.push(
        [
            reception(served),
            served.event("dossier.digitised", time=instant, sequence="9", reused=True),
            served.event("dossier.digitised", time=instant, sequence="10", reused=False),
        ]
    )
    assert counts(await card(served), "REUSED_DIGITIZED_DATA") == (1, 1)


async def test_the_shape_is_checked_before_the_unit(served: Running) -> None:
    key = await served.make_key("H44.07", "ingest")
    event = reception(served, unit="H44.13", colour="red")
    assert of_problem(await single(served, event, key)) == (422, "unknown_field", "data.colour")


async def test_reach_is_checked_before_existence_and_before_duplicates(served: Running) -> None:
    key = await served.make_key("H44.07", "ingest")
    assert of_problem(await single(served, reception(served, unit="H44.99"), key)) == (403, "forbidden_unit", "unit")
    assert of_problem(await single(served, reception(served, unit="H44.99"))) == (422, "unknown_unit", "unit")
    inside = reception(served, unit="H44.07.5")
    assert of_problem(await single(served, inside, key)) == (422, "unknown_unit", "unit")
    foreign = reception(served, "one", "H44.13")
    assert await served.push([foreign]) == ONE
    assert of_errors(await served.push([foreign], key)) == {0: ("forbidden_unit", "unit")}


async def test_a_resend_is_a_duplicate_whatever_the_clock_says_now(served: Running) -> None:
    assert served.clock.at is not None
    ahead = reception(served, time=(served.clock.at + timedelta(minutes=10)).isoformat())
    assert await served.push([ahead]) == ONE
    served.clock.at -= timedelta(hours=1)
    assert await served.push([ahead]) == AGAIN
    assert of_errors(await served.push([reception(served, time=ahead["time"])])) == {0: ("future_time", "time")}


async def test_a_resend_is_a_duplicate_whatever_the_catalogue_says_now(served: Running) -> None:
    transfer = served.event("dossier.transferred", to="000.00.30.H44")
    unknown = reception(served, procedure="9.999999")
    assert (await served.push([transfer, unknown]))["accepted"] == 2
    await served.put("/v1/units", [{"code": "H44.130", "aliases": []}])
    await served.put("/v1/procedures", [{"code": "9.999999", "valid_from": "2030-01-01"}])
    assert await served.push([transfer, unknown]) == {"accepted": 0, "duplicates": 2, "rejected": 0, "errors": []}
    anew = served.event("dossier.transferred", to="000.00.30.H44")
    assert of_errors(await served.push([anew])) == {0: ("unknown_unit", "data.to")}


async def test_a_conflict_is_told_before_what_catalogues_and_the_clock_say(served: Running) -> None:
    event = reception(served)
    assert await served.push([event]) == ONE
    ahead = "2027-01-01T00:00:00+07:00"
    outcome = await served.push([event | {"unit": "H44.99"}, event | {"time": ahead}])
    assert of_errors(outcome) == {0: ("conflict", "id"), 1: ("conflict", "id")}


async def test_a_single_event_is_told_all_its_faults_at_once(served: Running) -> None:
    event = reception(served, name="x", channel="onlin", procedure=None) | {"specversion": "2"}
    answer = await served.post(json.dumps(event).encode(), "application/cloudevents+json")
    assert of_problem(answer) == (422, "invalid_event", "specversion")
    assert [(each["code"], each["field"]) for each in answer.json()["errors"]] == [
        ("invalid_event", "specversion"), ("unknown_field", "data.name"),
        ("invalid_value", "data.channel"), ("invalid_value", "data.procedure"),
    ]  # fmt: skip
    outcome = await served.push([event])
    assert of_errors(outcome) == {0: ("invalid_event", "specversion")}, "one outcome for each"
    assert outcome["errors"][0]["detail"].count("; also ") == 3


async def test_ten_minutes_ahead_is_the_limit(served: Running) -> None:
    assert served.clock.at is not None
    edge = served.clock.at + timedelta(minutes=10)
    beyond = edge + timedelta(microseconds=1)
    outcome = await served.push([reception(served, "one", time=each.isoformat()) for each in (edge, beyond)])
    assert (outcome["accepted"], of_errors(outcome)) == (1, {1: ("future_time", "time")})


async def test_what_a_unit_sends_after_its_end_is_warned_about_and_counted(served: Running) -> None:
    ended = [
        {"code": "H44.130", "valid_to": "2026-01-05", "successor": "H44.13"},
        {"code": "H44.07", "valid_to": "2026-01-04"},
    ]
    assert (await served.put("/v1/units", ended)).json()["errors"] == []
    last, first = "2026-01-05T23:59:59.999999+07:00", "2026-01-06T00:00:00+07:00"
    outcome = await served.push(
        [
            reception(served, "in time", "H44.130", time=last),
            reception(served, "too late", "000.00.30.H44", time=first),
            served.event("dossier.transferred", "in time", "H44", time=first, to="H44.130"),
            served.event("dossier.synced", "too late", "H44.13", time=first),
            reception(served, "twice", "H44.07", procedure="9.9"),
        ]
    )
    assert outcome["accepted"] == 5
    told = [(each["index"], each["code"], each["field"]) for each in outcome["warnings"]]
    assert told == [
        (1, "unknown_unit", "unit"),
        (2, "unknown_unit", "data.to"),
        (4, "unknown_unit", "unit"),
        (4, "unknown_procedure", "data.procedure"),
    ]
    assert outcome["warnings"][0]["detail"] == (
        "the unit ended on 2026-01-05; its successor is H44.13; counted all the same"
    )
    assert (await card(served, "H44.13"))["balance"]["received"] == 2


async def test_a_rejected_event_leaves_its_id_free(served: Running) -> None:
    event = reception(served, unit="H44.99")
    assert of_errors(await served.push([event])) == {0: ("unknown_unit", "unit")}
    assert await served.push([event | {"unit": "H44.07"}]) == ONE


async def test_a_subject_holds_a_thousand_events_and_its_neighbours_are_not_harmed(served: Running) -> None:
    life = [served.event("dossier.digitised", components=1) for _ in range(999)]
    assert (await served.push(life))["accepted"] == 999
    last, one_more, neighbour = reception(served), served.event("dossier.synced"), reception(served, "a neighbour")
    outcome = await served.push([last, one_more, neighbour])
    assert of_errors(outcome) == {1: ("life_too_long", "subject")}
    assert outcome["accepted"] == 2
    assert of_problem(await single(served, one_more)) == (422, "life_too_long", "subject")
    assert await served.push([one_more | {"subject": "a neighbour"}]) == ONE
    assert await served.push([last, life[0]]) == AGAIN | {"duplicates": 2}
    assert counts(await card(served), "DOSSIER_SYNC") == (1, 2)


async def test_a_new_subject_of_a_thousand_and_one_events_loses_the_last_only(served: Running) -> None:
    life = [reception(served), *(served.event("dossier.digitised", reused=True) for _ in range(1000))]
    outcome = await served.push([*life, reception(served, "a neighbour")])
    assert of_errors(outcome) == {1000: ("life_too_long", "subject")}
    assert outcome["accepted"] == 1001
    assert (await card(served))["balance"]["received"] == 2


async def test_a_full_life_still_takes_back_what_it_holds(served: Running) -> None:
    life = [reception(served), *(served.event("dossier.digitised", reused=True) for _ in range(999))]
    assert (await served.push(life))["accepted"] == 1000
    completed, void = served.event("dossier.completed"), served.event("dossier.voided")
    outcome = await served.push([completed, void, retraction(served, life[1])])
    assert (outcome["accepted"], of_errors(outcome)) == (2, {0: ("life_too_long", "subject")})
    assert (await card(served))["balance"]["received"] == 0
    assert await served.push([retraction(served, void)]) == ONE
    assert (await card(served))["balance"]["received"] == 1
    # Nor is that without end.
    outcome = await served.push([served.event("dossier.voided") for _ in range(998)])
    assert (outcome["accepted"], of_errors(outcome)) == (997, {997: ("life_too_long", "subject")})
    assert of_problem(await single(served, completed)) == (422, "life_too_long", "subject")
    report = await verify(served.service.database, 1, deep=True)
    assert report.clean, report


async def test_a_copy_of_an_event_that_did_not_fit_is_no_duplicate(served: Running) -> None:
    await served.push([served.event("dossier.digitised", components=1) for _ in range(1000)])
    too_much = served.event("dossier.synced")
    outcome = await served.push([too_much, too_much])
    assert of_errors(outcome) == dict.fromkeys((0, 1), ("life_too_long", "subject"))
    assert (outcome["accepted"], outcome["duplicates"]) == (0, 0)


async def test_petitions_documents_and_publications_are_counted(served: Running) -> None:
    await served.push(
        [
            served.event("petition.received", "PA-1", about="regulation"),
            served.event("petition.answered", "PA-1", time="2026-01-09T08:00:00+07:00"),
            served.event("petition.received", "PA-2", about="staff"),
            served.event("document.sent", "VB-1", electronic=True, signed=True, tier="agencies"),
            served.event("document.sent", "VB-2", electronic=False),
            served.event("procedure.announced", "1.004555", "H44", decided_on="2026-01-05", effective_on="2026-01-12"),
            served.event("procedure.published", "1.004555", "H44", decided_on="2026-01-05", published_on="2026-01-12",
                         complete=True),
        ]
    )  # fmt: skip
    now = await card(served)
    expected = {
        "PETITION_PROCESSING_ON_TIME": (1, 2),
        "PETITION_CLASSIFICATION_TTHC": (1, 2),
        "PETITION_CLASSIFICATION_STAFF": (1, 2),
        "E_DOCUMENT": (1, 2),
        "E_DOCUMENT_AGENCIES": (1, 1),
        "E_DOCUMENT_COMMUNE": (0, 0),
        "SIGNED_DOCUMENT": (1, 1),
        "PUBLISH_ON_TIME": (1, 1),
        "PUBLIC_UPDATE_ON_TIME": (1, 1),
        "PUBLIC_CONTENT_FULL": (1, 1),
    }
    assert {code: counts(now, code) for code in expected} == expected
    assert indicator(now, "PUBLISH_ON_TIME")["score"] == 6


async def test_a_resend_under_an_alias_that_has_gone_stays_a_duplicate(served: Running) -> None:
    sent = served.event(
        "dossier.received", "H44.130-260105-0007", "000.00.30.H44", procedure="1.000001", channel="online"
    )
    assert (await served.push([sent]))["accepted"] == 1
    assert (await served.put("/v1/units", [{"code": "H44.130", "aliases": []}])).json()["errors"] == []
    assert (await served.push([sent]))["duplicates"] == 1
    other = served.event("dossier.completed", "H44.130-260105-0007", "000.00.30.H44")
    assert [each["code"] for each in (await served.push([other]))["errors"]] == ["forbidden_unit"]
    changed = {**sent, "subject": "H44.130-260105-0008"}
    assert [each["code"] for each in (await served.push([changed]))["errors"]] == ["forbidden_unit"]


async def test_all_faults_of_an_event_are_told_those_of_catalogues_and_clock_too(served: Running) -> None:
    late = {"time": "2030-01-05T08:00:00Z"}
    wrong = reception(served, id="x", unit="H44.99", name="x") | late
    answer = await served.post(json.dumps(wrong).encode(), "application/json")
    assert of_problem(answer) == (422, "unknown_field", "data.name")
    assert [(each["code"], each["field"]) for each in answer.json()["errors"]] == [
        ("unknown_field", "data.name"), ("unknown_unit", "unit"), ("future_time", "time"),
    ]  # fmt: skip
    told = await served.push([reception(served), wrong])
    assert (told["accepted"], told["rejected"]) == (1, 1)
    assert told["errors"][0]["detail"].endswith(
        "; also unit: no unit of the catalogue has this code or alias;"
        " also time: more than 10 minutes ahead of the server's clock"
    )
