"""Short words for what the tests ask of a running service."""

from __future__ import annotations

from typing import Any

import httpx

from tests.running import Running

ONE = {"accepted": 1, "duplicates": 0, "rejected": 0, "errors": []}
AGAIN = {"accepted": 0, "duplicates": 1, "rejected": 0, "errors": []}
PROBLEM_KEYS = ["type", "title", "status", "detail", "instance", "code", "errors"]


async def card(running: Running, unit: str = "H44", period: str = "2026", **query: Any) -> dict:
    """A scorecard; of `from_` and `to` without a period."""
    if "from_" not in query:
        query["period"] = period
    answer = await running.get("/v1/scorecard", unit=unit, **query)
    assert answer.status_code == 200, answer.text
    told: dict = answer.json()
    return told


def indicator(card: dict, code: str) -> dict:
    """An indicator of a scorecard, whichever list it stands in."""
    every = [each for group in card["groups"] for each in group["indicators"]] + card["operational"]
    found: list[dict] = [each for each in every if each["code"] == code]
    assert len(found) == 1, code
    return found[0]


def counts(card: dict, code: str) -> tuple[int | None, int | None]:
    """Numerator and denominator of an indicator."""
    found = indicator(card, code)
    return found["numerator"], found["denominator"]


def reception(running: Running, subject: str = "H44.07-260105-0001", unit: str = "H44.07", **more: Any) -> dict:
    """A reception with procedure, channel and, unless told otherwise, a due time a week later."""
    told = {"procedure": "1.004555", "channel": "online", "due_at": "2026-01-12T17:00:00+07:00"}
    return running.event("dossier.received", subject, unit, **(told | more))


def retraction(running: Running, target: dict, **more: Any) -> dict:
    """A retraction of an event by the event's own unit, unless told otherwise."""
    event = running.event("event.retracted", target["subject"], target["unit"]) | more
    return event | {"data": {"id": target["id"]}}


def of_problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and field of a problem, after a look at its whole shape."""
    told = answer.json()
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert list(told) == PROBLEM_KEYS
    assert told["type"] == f"/problems/{told['code']}"
    assert told["status"] == answer.status_code
    assert told["title"]
    assert told["detail"]
    assert told["instance"] == answer.headers["x-request-id"]
    for error in told["errors"]:
        assert list(error) == ["field", "code", "detail"]
    return answer.status_code, told["code"], told["errors"][0]["field"] if told["errors"] else None


def of_errors(outcome: dict) -> dict[int, tuple[str, str | None]]:
    """By index: code and field of each rejected event of a batch."""
    for error in outcome["errors"]:
        assert list(error) == ["index", "id", "code", "field", "detail"]
        assert error["detail"]
    assert outcome["rejected"] == len(outcome["errors"])
    return {error["index"]: (error["code"], error["field"]) for error in outcome["errors"]}
