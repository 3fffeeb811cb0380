"""The description is complete and true: everything has an example, examples and real answers have the shapes told."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import httpx
import jsonschema_rs
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from app.api import catalogues
from app.api.http.openapi import events, parameters
from app.api.kinds import KINDS
from app.domain import codes
from app.domain.calendar import periods
from app.domain.lives.events import BY_TYPE
from app.intake import catalogues as intake_catalogues
from app.intake import values
from app.intake.cloudevents import Parsed, Rejected, parse
from app.main import create_app, create_service
from tests.api.asking import of_problem, reception, retraction
from tests.running import Running, settings_for

INTERNAL = {"/problems/{code}", "/docs"}
"""Routes for people, which are no part of the API."""

ENDLESS = "/v1/stream"
"""Whose events are told in test_stream.py: the answers of another route."""

Described = dict[str, Any]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The application, with a database that nobody asks."""
    dsn = "postgresql://"
    return create_app(create_service(settings_for(dsn, tmp_path_factory.mktemp("described")), dsn))


@pytest.fixture(scope="module")
def described(app: FastAPI) -> Described:
    """The description."""
    return app.openapi()


@pytest.fixture
def database(stocked_database: str) -> str:
    """What answers look like depends on no engine."""
    return stocked_database


def operations(described: Described) -> Iterator[tuple[str, str, Described]]:
    """Method, path and description of each operation."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def contents(described: Described) -> Iterator[tuple[str, Described]]:
    """Every body and answer with a content, under a name."""
    for method, path, operation in operations(described):
        for status, response in [("body", operation.get("requestBody", {})), *operation["responses"].items()]:
            for media_type, content in response.get("content", {}).items():
                yield f"{method} {path} {status} {media_type}", content
    for name, response in described["components"]["responses"].items():
        for content in response["content"].values():
            yield name, content


def faults(described: Described, schema: Described, value: Any) -> list[str]:
    """What is wrong with a value by a schema of the description."""
    whole = {**schema, "components": described["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [f"{'.'.join(map(str, each.instance_path))}: {each.message}" for each in validator.iter_errors(value)]


def routes(router: Any) -> Iterator[APIRoute]:
    """Every route of the app, in included routers too."""
    for each in router.routes:
        if isinstance(each, APIRoute):
            yield each
        elif hasattr(each, "original_router"):
            yield from routes(each.original_router)


def test_every_route_is_described_and_every_description_has_a_route(app: FastAPI, described: Described) -> None:
    # Pages, and the interface of the national portal, which is not ours to describe.
    others = ("app.pages.", "app.api.dvcqg.")
    pages = {each.path for each in routes(app) if each.endpoint.__module__.startswith(others)}
    shown = [each for each in routes(app) if each.path not in INTERNAL | pages]
    there = {(m.lower(), r.path_format) for r in shown for m in r.methods or ()}
    assert len(there) >= 26
    assert {(method, path) for method, path, _ in operations(described)} == there
    hidden = {route.path for route in routes(app) if not route.include_in_schema}
    assert hidden == INTERNAL | pages


def test_the_description_is_an_openapi_document(described: Described) -> None:
    assert described["openapi"].startswith("3.1")
    assert [each.message for each in OPENAPI_31_VALIDATOR.iter_errors(described)] == []


def test_every_operation_says_what_it_is(described: Described) -> None:
    tags = {each["name"] for each in described["tags"]}
    names = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(names) == len(set(names))
    for method, path, operation in operations(described):
        assert operation["summary"], path
        assert len(operation["description"]) > 20, path
        assert set(operation["tags"]) <= tags and operation["tags"], path
        scope = (
            "admin" if path == "/v1/audit" else "read" if method == "get" else "admin" if method == "put" else "ingest"
        )
        assert operation["security"] == ([{"key": [scope]}] if path.startswith("/v1/") else []), path
        assert "500" in operation["responses"], path
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (path, parameter)
            assert parameter["schema"], (path, parameter)
        in_path = re.findall(r"{(\w+)}", path)
        assert [each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"] == in_path
        if method == "get" and path.startswith("/v1/"):
            assert {"200", "401", "403", "422", "503"} <= set(operation["responses"]), path


def test_every_content_has_examples_that_fit_its_schema(described: Described) -> None:
    seen = 0
    for name, content in contents(described):
        assert content["examples"], name
        for label, example in content["examples"].items():
            assert faults(described, content["schema"], example["value"]) == [], f"{name} {label}"
            seen += 1
    assert seen > 200


def test_examples_of_parameters_and_of_every_schema_fit_too(described: Described) -> None:
    for _, path, operation in operations(described):
        for parameter in operation.get("parameters", ()):
            shown = [each["value"] for each in parameter.get("examples", {}).values()]
            for example in [*shown, *([parameter["example"]] if "example" in parameter else [])]:
                assert faults(described, parameter["schema"], example) == [], (path, parameter["name"])
    for name, schema in described["components"]["schemas"].items():
        jsonschema_rs.meta.validate(schema)
        for example in schema.get("examples", ()):
            assert faults(described, schema, example) == [], name


def test_every_problem_has_an_example_with_its_status(described: Described) -> None:
    told: dict[str, set[int]] = {}
    for name, content in contents(described):
        for code, example in content["examples"].items():
            value = example["value"]
            if isinstance(value, dict) and "code" in value and str(value.get("type", "")).startswith("/problems/"):
                assert value["code"] == code, name
                told.setdefault(code, set()).add(value["status"])
    assert set(told) == set(KINDS)
    for code, statuses in told.items():
        assert KINDS[code].status in statuses or statuses == {422}, code


def test_each_type_of_event_has_an_example_that_is_read_and_a_broken_one_fits_no_schema(described: Described) -> None:
    event = {"$ref": "#/components/schemas/Event"}
    assert set(events.EXAMPLES) == set(BY_TYPE)
    for kind, example in events.EXAMPLES.items():
        (item,) = parse(json.dumps(example).encode(), "application/cloudevents+json", {}).items
        assert isinstance(item, Parsed), item
        assert item.event.what.type == kind
        for broken in ({**example, "data": example.get("data", {}) | {"name": "Lan"}}, {**example, "unit": None}):
            (item,) = parse(json.dumps(broken).encode(), "application/cloudevents+json", {}).items
            assert isinstance(item, Rejected)
            assert faults(described, event, broken), kind
        for name, value in example.get("data", {}).items():
            without = {**example, "data": {**example["data"], name: None}}
            (item,) = parse(json.dumps(without).encode(), "application/cloudevents+json", {}).items
            assert isinstance(item, Rejected) == bool(faults(described, event, without)), (kind, name, value)


def test_limits_are_those_of_the_code(described: Described) -> None:
    assert re.compile(events.PROCEDURE_PATTERN[1:-1]) == codes._PROCEDURE
    assert re.compile(events.CORE_PATTERN[1:-1]) == codes._CORE
    assert re.compile(catalogues.UNIT_PATTERN[1:-1].replace("(", "(?:")) == codes._UNIT
    assert events.ENVELOPE["id"]["maxLength"] == values.MAX_ID
    for kind, form in intake_catalogues.FORMS.items():
        content = described["paths"][f"/v1/{kind}"]["put"]["requestBody"]["content"]["application/json"]
        name = content["schema"]["oneOf"][1]["$ref"].rpartition("/")[2]
        change = described["components"]["schemas"][name]
        assert list(change["properties"]) == list(form.columns)
        assert set(change["required"]) == set(form.must)


def test_the_pattern_of_periods_is_that_of_the_code() -> None:
    pattern = re.compile(parameters.PERIOD_PATTERN)
    assert set(parameters.PERIOD_FORMS) == {"year", "half", "nine_months", "quarter", "month", "week", "day"}
    for kind, label in parameters.PERIOD_FORMS.items():
        assert periods.parse(label).kind == kind
        assert pattern.fullmatch(label)
    for label in ("1999", "2101", "2026-13", "2026-Q5", "2026-H3", "2026-W54", "2026-08-32", "2026-1", "26", "2026 "):
        assert not pattern.fullmatch(label)
        with pytest.raises(periods.InvalidPeriod):
            periods.parse(label)


@pytest.mark.parametrize("kind", list(intake_catalogues.FORMS))
async def test_the_example_of_a_catalogue_is_taken(served: Running, described: Described, kind: str) -> None:
    body = described["paths"][f"/v1/{kind}"]["put"]["requestBody"]["content"]
    for media_type, content in body.items():
        for example in content["examples"].values():
            sent = example["value"] if isinstance(example["value"], str) else json.dumps(example["value"])
            answer = await served.client.put(
                f"/v1/{kind}",
                content=sent.encode(),
                headers={"Authorization": f"Bearer {served.key}", "Content-Type": media_type},
            )
            assert answer.json()["errors"] == []
            assert answer.json()["accepted"] == 1
    listed = (await served.get(f"/v1/{kind}")).json()
    content = described["paths"][f"/v1/{kind}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert listed
    assert faults(described, content["schema"], listed) == []


QUERIES: dict[str, list[dict[str, str]]] = {
    "/v1/units/{code}": [{"code": "H44.130"}],
    "/v1/procedures/{code}": [{"code": "1.004555"}],
    "/v1/scorecard": [
        {"unit": "H44", "period": "2026"},
        {"unit": "H44", "period": "2026-01", "procedure": "1.004555", "compare": "last_year"},
        {"unit": "H44.07", "from": "2026-01-01", "to": "2026-01-31", "scope": "own"},
        {"unit": "H44.130", "period": "2025-W34"},
    ],
    "/v1/ranking": [
        {"unit": "H44", "period": "2026", "level": "department"},
        {"unit": "H44", "period": "2026", "level": "department", "group": "progress"},
        {"unit": "H44", "period": "2026", "level": "commune", "indicator": "AVERAGE_PROCESSING_TIME"},
        {"unit": "H44.07", "period": "2026", "level": "commune"},
    ],
    "/v1/reconcile": [
        {"unit": "H44", "period": "2026", "figure": "DOSSIER_ON_TIME:5/9:55.56:11.11"},
        {"unit": "H44.07", "from": "2026-01-01", "to": "2026-01-31", "figure": "AVERAGE_PROCESSING_TIME:/:4.1"},
        {"unit": "H44.07", "period": "2026", "figure": "payment:/::6.67"},
    ],
    "/v1/series": [
        {"unit": "H44", "period": "2026-H1", "indicator": "DOSSIER_ON_TIME", "bucket": "month"},
        {"unit": "H44", "period": "2026-01", "indicator": "AVERAGE_PROCESSING_TIME", "bucket": "day"},
        {"unit": "H44", "period": "2026-Q1", "indicator": "ELECTRONIC_CERTIFIED_COPY", "bucket": "week"},
    ],
    "/v1/breakdown": [
        {"unit": "H44", "period": "2026", "indicator": "DOSSIER_ON_TIME", "by": by}
        for by in ("unit", "procedure", "sector", "channel")
    ]
    + [{"unit": "H44", "period": "2026", "indicator": "AVERAGE_PROCESSING_TIME", "by": "unit"}],
    "/v1/dossiers": [
        {"unit": "H44", "period": "2026", "indicator": indicator, "side": side, "limit": "1"}
        for indicator in ("DOSSIER_ON_TIME", "PETITION_PROCESSING_ON_TIME", "E_DOCUMENT", "PAYMENT_PROCEDURES")
        for side in ("numerator", "missing", "denominator")
    ]
    + [{"unit": "H44", "period": "2026", "indicator": "CERTIFIED_COPY_COVERAGE", "side": "denominator"}],
    "/v1/dossiers/{subject}": [
        {"subject": subject}
        for subject in ("H44.07-260105-0000", "H44.07-260105-0003", "PAKN-1", "12/QĐ", "1.004555", "H44.07-260105-0009")
    ],
    "/v1/today": [{"unit": "H44"}, {"unit": "H44.07", "within": "30", "state": "late", "limit": "1"}],
    "/v1/data-quality": [{"unit": "H44"}, {"unit": "H44", "cause": "unknown_procedure", "limit": "1"}],
    "/v1/feeds": [{"unit": "H44"}],
    "/v1/rejections": [{}, {"source": "/h44/thu", "limit": "1"}],
    "/v1/advice": [{"unit": "H44", "period": "2026"}, {"unit": "H44", "period": "2026", "procedure": "1.004555"}],
}
"""What the answers are asked by, where a path needs a query."""


async def stocked(served: Running) -> None:
    """Lives of every kind, and a row in every catalogue."""
    await served.put("/v1/targets", [{"indicator": "DOSSIER_ON_TIME", "unit": "H44", "period": "2026", "value": 95}])
    await served.put("/v1/external-figures", [{"code": "DTI", "unit": "H44", "period": "2026", "value": 0.71}])
    subjects = [f"H44.07-260105-{n:04}" for n in range(4)]
    pushed = [reception(served, subject) for subject in subjects]
    pushed += [
        served.event("dossier.returned", subject, via="counter", time=f"2026-01-{day}T10:00:00+07:00")
        for subject, day in zip(subjects, ("08", "09", "16"), strict=False)
    ]
    pushed += [
        served.event("petition.received", "PAKN-1", about="staff"),
        served.event("petition.answered", "PAKN-1", time="2026-01-07T08:00:00+07:00"),
        served.event("document.sent", "12/QĐ", electronic=True),
    ]
    pushed += [
        served.event("dossier.supplement_requested", subjects[3], time="2026-01-06T08:00:00+07:00"),
        served.event("dossier.supplemented", subjects[3], time="2026-01-07T08:00:00+07:00"),
        served.event("dossier.due_changed", subjects[3], due_at="2026-01-20T17:00:00+07:00"),
        served.event("dossier.voided", subjects[3], unit="H44.13", time="2026-01-07T09:00:00+07:00"),
        served.event("procedure.announced", "1.004555", "H44", decided_on="2026-01-02", effective_on="2026-01-05"),
        served.event(
            "procedure.published",
            "1.004555",
            "H44",
            decided_on="2026-01-02",
            published_on="2026-01-03",
            complete=True,
        ),
        reception(served, "H44.07-260105-0009", procedure="1.999999"),
        retraction(served, pushed[4]),
    ]
    assert (await served.push(pushed))["rejected"] == 0
    assert (await served.push([{"id": "x"}, {**pushed[0], "data": {"name": "Lan"}}]))["rejected"] == 2


async def asking(served: Running, path: str, headers: dict[str, str], query: dict[str, str]) -> httpx.Response:
    """A GET with the key."""
    return await served.client.get(path, params=query, headers={"Authorization": f"Bearer {served.key}"} | headers)


def header_of(table: str) -> list[str]:
    """The first row of a CSV table."""
    return next(csv.reader(io.StringIO(table)))


async def test_real_answers_have_the_shapes_that_are_described(served: Running, described: Described) -> None:
    await stocked(served)
    for method, path, operation in operations(described):
        if method != "get" or path == ENDLESS:
            continue
        for asked in QUERIES.get(path, [{}]):
            query = {name: value for name, value in asked.items() if f"{{{name}}}" not in path}
            for media_type, content in operation["responses"]["200"]["content"].items():
                answer = await asking(served, path.format(**asked), {"accept": media_type}, query)
                assert answer.status_code == 200, (path, asked, answer.text)
                assert answer.headers["content-type"].partition(";")[0] == media_type, path
                told = answer.json() if media_type == "application/json" else answer.text
                assert faults(described, content["schema"], told) == [], (path, asked, told)
                if media_type == "text/csv":
                    header = header_of(told)
                    usual = [name for name in header if name != "value"]
                    shown = [header_of(each["value"]) for each in content["examples"].values()]
                    assert header in shown or usual in shown, path
            tagged = "304" in operation["responses"]
            assert ("etag" in answer.headers) == tagged, path
            if tagged:
                again = await asking(served, path.format(**asked), {"if-none-match": "*"}, query)
                assert again.status_code == 304
                assert again.content == b""


async def test_outcomes_of_a_push_have_the_shape_that_is_described(served: Running, described: Described) -> None:
    content = described["paths"]["/v1/events"]["post"]["responses"]["200"]["content"]["application/json"]
    good, odd = reception(served), reception(served, "H44.07-260105-0002", procedure="1.999999")
    told = await served.push([good, odd, good, {**good, "unit": "H44.99", "id": "x"}, {"id": 1}])
    assert (told["accepted"], told["duplicates"], told["rejected"], len(told["warnings"])) == (2, 1, 2, 1)
    assert faults(described, content["schema"], told) == []


@pytest.mark.parametrize("query", [{"unit": "H44"}, {"unit": "H45", "period": "2026"}, {"x": "1"}])
async def test_real_problems_have_the_shape_that_is_described(
    served: Running, described: Described, query: dict[str, str]
) -> None:
    answer = await asking(served, "/v1/scorecard", {}, query)
    status, code, _ = of_problem(answer)
    content = described["paths"]["/v1/scorecard"]["get"]["responses"][str(status)]["content"]
    assert code in content["application/problem+json"]["examples"]
    assert faults(described, content["application/problem+json"]["schema"], answer.json()) == []


async def test_the_indicators_take_no_parameter(served: Running) -> None:
    assert of_problem(await served.get("/v1/indicators", unit="H44")) == (422, "invalid_parameter", "unit")


async def test_the_page_loads_nothing_from_elsewhere(served: Running) -> None:
    page = await served.client.get("/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!doctype html>", "")
    assert "'self'" in page.headers["content-security-policy"]
    assert "http" not in page.headers["content-security-policy"]
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) == 3
    for asset in assets:
        found = await served.client.get(f"/{asset}")
        assert found.status_code == 200, asset
        assert len(found.content) > 1_000
    (address,) = re.findall(r'url: "([^"]+)"', page.text)
    assert (await served.client.get(f"/{address}")).json()["openapi"].startswith("3.1")


def test_the_copies_of_what_the_page_loads_are_in_the_package() -> None:
    folder = resources.files("fastapi_offline") / "static"
    assert {"swagger-ui.css", "swagger-ui-bundle.js", "favicon.png"} <= {each.name for each in folder.iterdir()}
