"""Errors as RFC 9457 problem details: a closed list of codes, one shape on every route, a page that explains each."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from typing_extensions import TypedDict

from app import vietnamese
from app.api.http.fields import answer, said, whole
from app.domain.push import EVENT_CODES
from app.store.connections.unavailable import DatabaseUnavailable, Overloaded

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True)
class ProblemKind:
    """A kind of problem: its HTTP status, a title, and what to do about it."""

    status: int
    title: str
    advice: str


KINDS: Final[Mapping[str, ProblemKind]] = {
    "invalid_json": ProblemKind(400, "The body is not JSON", "Send UTF-8 JSON; in a batch of lines, one event a line."),
    "invalid_event": ProblemKind(
        422, "The event's envelope is broken", "Look at the named attribute: missing, ill-typed or unreadable."
    ),
    "invalid_value": ProblemKind(
        422, "A value is not allowed", "Look at the named field: missing, ill-typed or outside its range."
    ),
    "invalid_code": ProblemKind(
        422,
        "The code has the wrong form",
        "A procedure code is a text with six digits after the point (1.004555), a unit code dotted segments.",
    ),
    "unknown_field": ProblemKind(
        422, "The field is not known", "Remove it. Unknown fields are refused so that no personal data slips in."
    ),
    "unknown_type": ProblemKind(422, "The event type is not known", "Use a type of the contract's table."),
    "unknown_unit": ProblemKind(404, "The unit does not exist", "Load the unit, or correct its code."),
    "unknown_indicator": ProblemKind(404, "The indicator does not exist", "GET /v1/indicators lists them."),
    "unknown_subject": ProblemKind(404, "Nothing is known of this subject", "Check the dossier's code."),
    "personal_data": ProblemKind(
        422, "This looks like personal data", "Never send identity or phone numbers; no figure needs them."
    ),
    "future_time": ProblemKind(
        422, "The time lies in the future", "At most 10 minutes ahead of the server: check the sender's clock."
    ),
    "time_out_of_range": ProblemKind(
        422, "The time is out of range", "Events happen after 2000; dates in data lie in 2000-2100."
    ),
    "conflict": ProblemKind(
        409, "This id was used for something else", "An id names one event for ever; send a correction with a new id."
    ),
    "life_too_long": ProblemKind(
        422,
        "The subject has too many events",
        "At most 1,000 events, and as many retractions and voids.",
    ),
    "forbidden_unit": ProblemKind(
        403, "The key does not reach this unit", "A key reaches its own unit and those under it."
    ),
    "forbidden_scope": ProblemKind(
        403, "The key may not do this", "Use a key of the scope the call needs: ingest, read or admin."
    ),
    "unauthenticated": ProblemKind(
        401, "No valid key", "Send Authorization: Bearer <key> with a key that is not revoked."
    ),
    "invalid_period": ProblemKind(
        422,
        "The period is not valid",
        "2026, 2026-H1, 2026-9M, 2026-Q3, 2026-08, 2026-W34, 2026-08-15, or from and to.",
    ),
    "period_in_future": ProblemKind(422, "The period has not begun", "Ask for a period that has begun."),
    "invalid_parameter": ProblemKind(422, "A parameter is not valid", "Look at the named parameter."),
    "no_breakdown": ProblemKind(422, "The indicator has no such dimension", "Break it down by another dimension."),
    "snapshot_changed": ProblemKind(409, "The figures have changed since", "Begin again at the first page."),
    "too_large": ProblemKind(413, "The body is too large", "Split it; 32 MiB decompressed are the most."),
    "too_many_events": ProblemKind(413, "Too many events at once", "Split them; 10,000 events a request are the most."),
    "unsupported_media_type": ProblemKind(
        415, "The content type is not supported", "JSON, CloudEvents JSON, batch or NDJSON, in UTF-8."
    ),
    "unsupported_encoding": ProblemKind(415, "The content encoding is not supported", "Send gzip or nothing."),
    "not_found": ProblemKind(404, "There is nothing here", "Check the path."),
    "method_not_allowed": ProblemKind(405, "The method is not allowed here", "See the Allow header."),
    "incomplete_body": ProblemKind(
        400,
        "The body is not what was announced",
        "Send as many bytes as Content-Length says, or sound chunks. Nothing was taken of it.",
    ),
    "request_timeout": ProblemKind(
        408, "The request took too long to arrive", "Send it at once; a slow line needs smaller or compressed bodies."
    ),
    "uri_too_long": ProblemKind(414, "The URL is too long", "8 KiB are the most."),
    "headers_too_large": ProblemKind(431, "The headers are too large", "64 KiB are the most for all of them."),
    "overloaded": ProblemKind(
        503, "Too much at once", "Nothing was acknowledged. Send it again after Retry-After seconds."
    ),
    "database_unavailable": ProblemKind(
        503, "The database is away", "Nothing was acknowledged. Send it again after Retry-After seconds."
    ),
    "internal": ProblemKind(500, "Something broke here", "Tell the operator the request id; nothing was acknowledged."),
}

_OF_EVENTS: Final = ("conflict", "forbidden_unit", "invalid_json", "too_large")


def event_status(code: str) -> int:
    """The status with which a single event is refused: 409, 403, 400, 413, and 422 for all the rest."""
    return KINDS[code].status if code in _OF_EVENTS else 422


Wording = Callable[[str, str], str] | None

RETRY_AFTER: Final = "2"
REQUEST_ID: Final = "4f9c2f0f3b7c4c4e9a4d1f6c2f1b7a90"
"""An example."""


@answer
class Fault(TypedDict):
    """One field at fault."""

    field: Annotated[str, said("The parameter, attribute or field.", "period")]
    code: Annotated[str, said("The kind of problem.", "invalid_period", enum=list(KINDS))]
    detail: Annotated[str, said("What is wrong with it.", "name a period, or from and to")]


@answer
class ProblemTold(TypedDict):
    """Problem details (RFC 9457)."""

    type: Annotated[
        str, said("A page that explains this kind of problem.", "/problems/invalid_period", format="uri-reference")
    ]
    title: Annotated[str, said("The kind of problem in words.", KINDS["invalid_period"].title)]
    status: Annotated[int, whole("The HTTP status.", 422, 400, maximum=599)]
    detail: Annotated[
        str, said("What is wrong this time, for people; its wording may change.", "name a period, or from and to")
    ]
    instance: Annotated[str | None, said("The request's id.", REQUEST_ID)]
    code: Annotated[str, said("The kind of problem, for programs.", "invalid_period", enum=list(KINDS))]
    errors: Annotated[list[Fault], said("The fields at fault, where they can be named.")]


class Problem(Exception):
    """A request that cannot be answered, to be told as problem details."""

    def __init__(
        self,
        code: str,
        detail: str,
        field: str | None = None,
        status: int | None = None,
        errors: Sequence[Fault] = (),
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field
        self.status = status or KINDS[code].status
        self.errors = errors


def wording(request: Request) -> Wording:
    """How to say what is wrong (its code, its detail) in the asker's language; None for English, as it stands."""
    return vietnamese.said if vietnamese.is_preferred(request.headers.get("accept-language", "")) else None


def response(
    request: Request, problem: Problem, headers: Mapping[str, str] | None = None, errors: Sequence[Fault] = ()
) -> JSONResponse:
    """The answer that tells a problem."""
    sent = {"Vary": "Accept-Language", **(headers or {})}
    if problem.status == 401:
        sent["WWW-Authenticate"] = 'Bearer realm="chiso"'
    if problem.status == 503:
        sent["Retry-After"] = RETRY_AFTER
    request.state.problem = problem.code
    say = wording(request)
    if say is not None:
        sent["Content-Language"] = "vi"
    told = details(problem, getattr(request.state, "request_id", None), errors, say)
    return JSONResponse(told, status_code=problem.status, headers=sent, media_type=MEDIA_TYPE)


def details(problem: Problem, request_id: str | None, errors: Sequence[Fault] = (), say: Wording = None) -> ProblemTold:
    """What is told of a problem, in the words of `say` where there are any."""
    title, detail = KINDS[problem.code].title, problem.detail
    if say is not None:
        title, advice = vietnamese.WORDS.get(problem.code, (title, detail))
        # A problem without a detail of its own has that of its kind.
        detail = say(problem.code, detail) if detail != KINDS[problem.code].advice else advice
    one: Fault = {"field": problem.field or "", "code": problem.code, "detail": detail}
    all_told = list(errors or problem.errors) or ([one] if problem.field is not None else [])
    if say is not None and (errors or problem.errors):
        all_told = [{**each, "detail": say(each["code"], each["detail"])} for each in all_told]
    return {
        "type": f"/problems/{problem.code}",
        "title": title,
        "status": problem.status,
        "detail": detail,
        "instance": request_id,
        "code": problem.code,
        "errors": all_told,
    }


def _of_http(error: HTTPException) -> Problem:
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}
    code = codes.get(error.status_code, "internal" if error.status_code >= 500 else "invalid_parameter")
    return Problem(code, KINDS[code].advice, status=error.status_code)


EXPECTED: Final = (Problem, DatabaseUnavailable, Overloaded)
"""Errors that have a problem of their own; what else is raised is `internal`."""


def of(error: Exception) -> Problem:
    """The problem that tells an expected error."""
    if isinstance(error, Problem):
        return error
    code = "overloaded" if isinstance(error, Overloaded) else "database_unavailable"
    return Problem(code, KINDS[code].advice)


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""

    async def _expected(request: Request, error: Exception) -> JSONResponse:
        return response(request, of(error))

    for kind in EXPECTED:
        app.add_exception_handler(kind, _expected)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        return response(request, _of_http(error), headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors: list[Fault] = [
            {
                "field": ".".join(str(part) for part in each["loc"][1:]),
                "code": "invalid_parameter",
                "detail": each["msg"],
            }
            for each in error.errors()
        ]
        detail = "; ".join(f"{each['field']}: {each['detail']}" for each in errors)[:300]
        return response(request, Problem("invalid_parameter", detail), errors=errors)

    app.include_router(_pages)


_pages = APIRouter()


@_pages.get("/problems/{code}", response_class=HTMLResponse, include_in_schema=False)
async def explain(code: str, request: Request) -> HTMLResponse:
    """A page that explains a kind of problem."""
    kind = KINDS.get(code)
    if kind is None:
        raise Problem("not_found", "there is no problem of this name")
    title, advice, language = kind.title, kind.advice, "en"
    if wording(request) is not None:
        (title, advice), language = vietnamese.WORDS.get(code, (title, advice)), "vi"
    differs = code in EVENT_CODES and event_status(code) != kind.status
    of_event = f", {event_status(code)} where a single event is refused for it" if differs else ""
    return HTMLResponse(
        f"<!doctype html><html lang={language}><meta charset=utf-8><title>{html.escape(code)}</title>"
        f"<h1>{html.escape(title)}</h1><p><code>{html.escape(code)}</code>, HTTP {kind.status}{of_event}</p>"
        f"<p>{html.escape(advice)}</p></html>",
        headers={"Vary": "Accept-Language"},
    )
