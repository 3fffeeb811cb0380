"""The OpenAPI description: FastAPI's own, which knows the routes, overlaid with what the routes read by hand.

`operations.OPERATIONS` has one entry per operation; the shapes stand beside it. A route without an entry, an entry
without a route, or an answer of another shape fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from app.api.http.openapi import parameters, problems
from app.api.http.openapi.operations import OPERATIONS, SCHEMAS, Content, Operation

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
- Unknown parameters of figures and catalogues, and parameters given twice, are 422 `invalid_parameter`.
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


def operation_id(route: APIRoute) -> str:
    """How clients made from the description call an operation: by the name of its function."""
    return route.name


def description(app: FastAPI) -> dict[str, Any]:
    """The description of an app's routes."""
    plain = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=app.openapi_version,
        description=_DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": told} for name, told in _TAGS.items()],
        license_info=None,
    )
    for path, methods in plain["paths"].items():
        for method, generated in methods.items():
            if (method, path) in OPERATIONS:
                methods[method] = _overlaid(generated, OPERATIONS[method, path])
    plain["components"] = {
        "schemas": {"Problem": problems.PROBLEM, **SCHEMAS},
        "responses": problems.components(),
        "securitySchemes": {
            "key": {"type": "http", "scheme": "bearer", "description": "An API key: `chiso keys create`."}
        },
    }
    return plain


def _overlaid(generated: Mapping[str, Any], operation: Operation) -> dict[str, Any]:
    """What FastAPI knows of an operation, with what it cannot know."""
    told = {name: generated[name] for name in ("summary", "description", "tags", "operationId") if name in generated}
    told["parameters"] = [*operation.parameters, *([parameters.IF_NONE_MATCH] if operation.tagged else [])]
    if operation.body:
        told["requestBody"] = {"required": True, "content": _contents(operation.body)}
    told["responses"] = _answers(operation) | problems.responses(operation.problems)
    told["security"] = [{"key": []}] if operation.scope else []
    if operation.scope:
        told["description"] = f"{told['description']}\n\nNeeds a key of scope `{operation.scope}`."
    return told


def _answers(operation: Operation) -> dict[str, Any]:
    headers: dict[str, Any] = dict(problems.REQUEST_ID_HEADER)
    if not operation.tagged:
        return {"200": {"description": "Done.", "headers": headers, "content": _contents(operation.answer)}}
    headers["ETag"] = {
        "description": "A weak tag of all but `as_of`.",
        "required": True,
        "schema": {"type": "string", "pattern": '^W/"[0-9a-f]+"$'},
    }
    if operation.paged:
        headers["Link"] = {"description": "The next page, `rel=next`; none on the last.", "schema": {"type": "string"}}
    headers["Cache-Control"] = {"description": "To be asked for again.", "schema": {"const": "no-cache"}}
    return {
        "200": {"description": "The figures.", "headers": headers, "content": _contents(operation.answer)},
        "304": {"description": "Nothing has changed since the ETag that was sent.", "headers": headers},
    }


def _contents(contents: Mapping[str, Content]) -> dict[str, Any]:
    return {
        media_type: {
            "schema": each.schema,
            "examples": {name: {"value": value} for name, value in each.examples.items()},
        }
        for media_type, each in contents.items()
    }
