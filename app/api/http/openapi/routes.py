"""What a route says of itself beyond its function: arguments for its decorator, from which FastAPI describes it.

What only the whole description knows (examples made of those of the parts) is put in there; until then it stands as an
`x-` field, see `app.api.http.openapi`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from fastapi.routing import APIRoute

from app.api.http.openapi import parameters as described
from app.api.http.openapi import problems as problem
from app.api.http.openapi.parameters import Parameter

UNIT: Final = ("unknown_unit", "invalid_parameter", "forbidden_unit")
FIGURE: Final = (*UNIT, "invalid_period", "period_in_future")
BODY: Final = (
    *("invalid_json", "incomplete_body", "request_timeout"),
    *("too_large", "unsupported_media_type", "unsupported_encoding"),
)
"""Problems that come together."""

_ACCESS: Final = ("unauthenticated", "forbidden_scope", "rate_limited", "overloaded", "database_unavailable")
_HEAD: Final = ("uri_too_long", "headers_too_large")
_TABLE: Final = (
    "The rows: a header of the JSON names (nested ones with dots), decimal point, UTF-8, null is empty; an apostrophe"
    " stands before a text that begins like a formula (`=`, `+`, `-`, `@`)."
)
_ETAG: Final = {
    "description": "A weak tag of all but `as_of`.",
    "required": True,
    "schema": {"type": "string", "pattern": '^W/"[0-9a-f]+"$'},
}
_LINK: Final = {"description": "The next page, `rel=next`; none on the last.", "schema": {"type": "string"}}
_CACHED: Final = {"description": "To be asked for again.", "schema": {"enum": ["no-cache", "private, no-cache"]}}


def operation_id(route: APIRoute) -> str:
    """How clients made from the description call an operation: by the name of its function."""
    return route.name


class Router(APIRouter):
    """Routes of a module, made once when it is imported; every app has these very ones (`app.main`)."""

    def __init__(self, tag: str | None = None) -> None:
        super().__init__(tags=None if tag is None else [tag], generate_unique_id_function=operation_id)


def told(
    answer: Any,
    *,
    scope: str | None = "read",
    parameters: Sequence[Parameter] = (),
    body: Mapping[str, Any] | None = None,
    problems: Sequence[str] = (),
    refusals: Sequence[str] = (),
    tag: str | None = "figures",
    rows: str | None = None,
    columns: Sequence[str] | None = None,
    tagged: bool = False,
    paged: bool = False,
) -> dict[str, Any]:
    """What a route says.

    Args:
        answer: its type.
        scope: of the key it needs; None where it needs none.
        parameters: those it reads by hand, of the query and the headers.
        body: what it takes, by media type.
        problems: codes; those of keys and of the service go without saying.
        refusals: codes of what is refused in a body, 422 unless `problems` has them.
        rows: the field whose rows can be had as CSV; "" all of it.
        columns: of the table, where the rows do not tell them.
        tagged: it has an ETag and answers 304.
        paged: it has a link to the next page.
    """
    headers: dict[str, Any] = dict(problem.REQUEST_ID_HEADER)
    if tagged:
        headers |= {"ETag": _ETAG, "Cache-Control": _CACHED} | ({"Link": _LINK} if paged else {})
        parameters = (*parameters, described.IF_NONE_MATCH)
    done: dict[str, Any] = {"description": "The figures." if tagged else "Done.", "headers": headers}
    if rows is not None:
        table = {"schema": {"type": "string", "description": _TABLE}, "x-rows": rows, "x-columns": columns}
        done["content"] = {"text/csv": table}
        parameters = (*parameters, described.FORMAT)
    responses: dict[int | str, Any] = {200: done}
    if tagged:
        responses[304] = {"description": "Nothing has changed since the ETag that was sent.", "headers": headers}
    codes = (*problems, *(_ACCESS if scope else ()), *_HEAD, "internal")
    answers = problem.responses((*problem.of(*codes), *((422, code) for code in refusals if code not in codes)))
    extra: dict[str, Any] = {"parameters": list(parameters), "security": [{"key": [scope]}] if scope else []}
    if body is not None:
        extra["requestBody"] = {"required": True, "content": dict(body)}
    return {
        "response_model": answer,
        "responses": responses | answers,
        "openapi_extra": extra,
        **({"tags": [tag]} if tag else {}),
    }


def figure(
    answer: Any,
    *more: Parameter,
    problems: Iterable[str] = (),
    rows: str | None = None,
    columns: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What a figure of a unit and period says; `more` parameters and problems than all of them have."""
    parameters = (*described.COMMON, *more)
    return told(answer, parameters=parameters, problems=(*FIGURE, *problems), rows=rows, columns=columns, tagged=True)


def pages(
    answer: Any,
    *parameters: Parameter,
    problems: Iterable[str],
    rows: str,
    tag: str = "figures",
    scope: str = "read",
    columns: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What a list that comes in pages says."""
    parameters = (*parameters, described.LIMIT, described.CURSOR)
    says: dict[str, Any] = {"scope": scope, "tag": tag, "rows": rows, "columns": columns, "tagged": True, "paged": True}
    return told(answer, parameters=parameters, problems=tuple(problems), **says)


def streamed(answer: Any, event: str, *, parameters: Sequence[Parameter], problems: Sequence[str]) -> dict[str, Any]:
    """What a stream of Server-Sent Events says, each with an `answer` that another route gives too."""
    says = told(None, parameters=parameters, problems=problems) | {"response_class": Response}
    words = f"Events `{event}`; `data` is the answer of `/v1/{event}`, `id` its ETag. Ends with the connection."
    content = {"schema": {"type": "string", "description": words}, "x-events": answer.__name__}
    says["responses"][200]["content"] = {"text/event-stream": content}
    return says


def plain(description: str, example: str) -> dict[str, Any]:
    """What a page of text says."""
    says = told(None, scope=None, tag=None, problems=("unauthenticated",)) | {"response_class": PlainTextResponse}
    text = {"schema": {"type": "string", "description": description}, "examples": {"page": {"value": example}}}
    says["responses"][200]["content"] = {"text/plain": text}
    return says


def rows_of(kind: str, row: type) -> dict[str, Any]:
    """The body of a PUT of rows of a catalogue: of what is listed as `row`, the attributes that may be sent."""
    change = {"$ref": f"#/components/schemas/{row.__name__}Change"}
    many = {"title": "Rows", "type": "array", "description": "At most 50,000 rows.", "items": change}
    table = "The same columns; lists joined by `;`, an empty cell is absent."
    return {
        "application/json": {"schema": {"oneOf": [many, change]}, "x-catalogue": kind},
        "text/csv": {"schema": {"type": "string", "description": table}, "x-rows": ""},
    }
