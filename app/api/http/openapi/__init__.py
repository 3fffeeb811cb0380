"""The OpenAPI description: FastAPI's own, from what routes say (`routes`) and the types of their answers; here come
what events and rows of catalogues look like, and the examples of wholes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from app.api.http.csv import SCORECARD, as_csv, rows_in
from app.api.http.openapi import events, problems
from app.api.http.openapi.examples import COMPONENTS, Schema, example_of, nullable
from app.api.http.problems import ProblemTold
from app.intake.catalogues import FORMS, Form

_TAGS: Final = {
    "events": "Events in: CloudEvents of one-stop-shop software.",
    "catalogues": "What figures need to know beside events: units, procedures, targets, external figures, calendar.",
    "figures": "Figures out: exact the moment a push returns.",
    "operations": "For the operator.",
}
_DESCRIPTION: Final = """\
Exact indicators of Decision 766/QĐ-TTg (*Bộ chỉ số chỉ đạo, điều hành và đánh giá chất lượng phục vụ người dân,
doanh nghiệp*) from the events of one-stop-shop software, the moment they arrive.

- Every error is a problem (RFC 9457, `application/problem+json`) with one of a closed list of codes; its `type` is a
  page that explains it. A path that is not described here is 404 `not_found`, another method 405 `method_not_allowed`.
- Software that sends dossiers to the National Public Service Portal sends the same to `/dvcqg/{key}`, in the portal's
  own dialects instead of what is described here (docs/integration.md).
- Unknown parameters of figures and catalogues, and ones given twice that are no lists, are 422 `invalid_parameter`.
- Times are RFC 3339, periods are of civil time (+07:00). Figures have two decimals, rounded half-up; 0/0 is null.
"""


def install(app: FastAPI) -> None:
    """Let the app describe itself in full."""
    kept: dict[str, Any] = {}

    def described() -> dict[str, Any]:
        if not kept:
            kept.update(description(app))
        return kept

    app.openapi = described  # type: ignore[method-assign]


def description(app: FastAPI) -> dict[str, Any]:
    """The description of an app's routes."""
    whole = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=app.openapi_version,
        description=_DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": told} for name, told in _TAGS.items()],
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    )
    schemas = whole["components"]["schemas"] | events.COMPONENTS | _problem()
    operations = [operation for methods in whole["paths"].values() for operation in methods.values()]
    for operation in operations:
        for scope in (scope for key in operation["security"] for scope in key["key"]):
            operation["description"] += f"\n\nNeeds a key of scope `{scope}`."
    for contents in _contents(operations):
        if kind := contents.get("application/json", {}).pop("x-catalogue", None):
            _add_change(schemas, contents["application/json"], FORMS[kind])
    for contents in _contents(operations):
        _exemplify(contents, schemas)
    whole["components"] = {
        "schemas": schemas,
        "responses": problems.components(),
        "securitySchemes": {
            "key": {"type": "http", "scheme": "bearer", "description": "An API key: `chiso keys create`."}
        },
    }
    return whole


def _problem() -> dict[str, Schema]:
    """The schema of problems, which no route answers by itself."""
    problem = TypeAdapter(ProblemTold).json_schema(mode="serialization", ref_template=COMPONENTS + "{model}")
    parts: dict[str, Schema] = problem.pop("$defs")
    return parts | {"Problem": problem}


def _contents(operations: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What each operation takes and answers, by media type."""
    for operation in operations:
        for body in (operation.get("requestBody", {}), *operation["responses"].values()):
            if "content" in body:
                yield body["content"]


def _add_change(schemas: dict[str, Schema], content: Schema, form: Form) -> None:
    """Add the schema of what is sent of a catalogue's rows, made from that of what is listed of them."""
    name = content["schema"]["oneOf"][1]["$ref"].removeprefix(COMPONENTS)
    listed = schemas[name.removesuffix("Change")]["properties"]
    fields = {name: listed[name] if each.required else nullable(listed[name]) for name, each in form.columns.items()}
    if "period" in fields:
        fields["period"] = {**fields["period"], "type": ["string", "integer"]}
    examples = {name: example_of(schema, schemas) for name, schema in fields.items()}
    schemas[name] = {
        "title": name,
        "type": "object",
        "description": "A row of the catalogue: an absent attribute stays as it was, null resets it to its default.",
        "properties": fields,
        "required": list(form.must),
        "additionalProperties": False,
        "examples": [{name: value for name, value in examples.items() if value is not None}],
    }


def _exemplify(contents: dict[str, Any], schemas: Mapping[str, Schema]) -> None:
    """Give contents the examples that their parts make: of one that can have several forms one of each."""
    told = contents.get("application/json", {"schema": {}})
    forms = told["schema"].get("anyOf") or [told["schema"]]
    whole = [example_of(form, schemas) for form in forms if form]
    if "examples" not in told and whole:
        names = ["answer"] if len(forms) == 1 else [form["$ref"].removeprefix(COMPONENTS) for form in forms]
        told["examples"] = {name: {"value": value} for name, value in zip(names, whole, strict=True)}
    table = contents.get("text/csv", {})
    if "x-rows" in table:
        rows = table.pop("x-rows")
        columns = table.pop("x-columns", None)
        found = [rows_in(value, "items" if rows != SCORECARD and "items" in value else rows) for value in whole]
        table["examples"] = {f"table_{n}": {"value": as_csv(each, columns)} for n, each in enumerate(found, 1)}
    if events_told := contents.get("text/event-stream"):
        data = json.dumps(example_of(schemas[events_told.pop("x-events")], schemas), ensure_ascii=False)
        example = f'retry: 2000\n\nevent: scorecard\ndata: {data}\nid: W/"0f1e2d3c4b5a69788796a5b4"\n\n: ping\n\n'
        events_told["examples"] = {"stream": {"value": example}}
