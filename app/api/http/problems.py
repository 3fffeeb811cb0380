"""Errors as RFC 9457 problem details: a closed list of codes, one shape on every route, a page that explains each."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from typing_extensions import TypedDict

from app.api.http.fields import answer, said, whole
from app.api.kinds import KINDS
from app.domain.push import EVENT_CODES
from app.messages import Language, Message, preferred, verbatim
from app.store.connections.unavailable import DatabaseUnavailable, Overloaded

MEDIA_TYPE: Final = "application/problem+json"


_OF_EVENTS: Final = ("conflict", "forbidden_unit", "invalid_json", "too_large")


def event_status(code: str) -> int:
    """The status with which a single event is refused: 409, 403, 400, 413, and 422 for all the rest."""
    return KINDS[code].status if code in _OF_EVENTS else 422


RETRY_AFTER: Final = 2
_PORTAL: Final = "/dvcqg/"
_OAUTH: Final = f"{_PORTAL}oauth/"
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
    title: Annotated[str, said("The kind of problem in words.", KINDS["invalid_period"].title.en)]
    status: Annotated[int, whole("The HTTP status.", 422, 400, maximum=599)]
    detail: Annotated[
        str, said("What is wrong this time, for people; its wording may change.", "name a period, or from and to")
    ]
    instance: Annotated[str | None, said("The request's id.", REQUEST_ID)]
    code: Annotated[str, said("The kind of problem, for programs.", "invalid_period", enum=list(KINDS))]
    errors: Annotated[list[Fault], said("The fields at fault, where they can be named.")]


class AtFault(NamedTuple):
    """A field at fault, before it is told."""

    field: str | None
    code: str
    detail: Message


class Problem(Exception):
    """A request that cannot be answered, to be told as problem details."""

    def __init__(
        self,
        code: str,
        detail: Message | None = None,
        field: str | None = None,
        status: int | None = None,
        errors: Sequence[AtFault] = (),
        retry_after: int | None = None,
    ) -> None:
        # Without a detail of its own it has the advice of its kind.
        self.detail = KINDS[code].advice if detail is None else detail
        super().__init__(self.detail)
        self.code = code
        self.field = field
        self.status = status or KINDS[code].status
        self.errors = errors
        self.retry_after = RETRY_AFTER if retry_after is None and self.status == 503 else retry_after
        """Seconds after which it may be tried again, where that is known."""


def language_of(request: Request) -> Language:
    """The asker's language."""
    return preferred(request.headers.get("accept-language", ""))


def response(request: Request, problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer that tells a problem; below /dvcqg in the words of the national portal's clients too."""
    sent = {"Vary": "Accept-Language", **(headers or {})}
    if problem.status == 401:
        sent["WWW-Authenticate"] = 'Bearer realm="chiso"'
    if problem.retry_after is not None:
        sent["Retry-After"] = str(problem.retry_after)
    request.state.problem = problem.code
    of_portal = request.scope["path"].startswith(_PORTAL)
    language = "vi" if of_portal and "accept-language" not in request.headers else language_of(request)
    if language != "en":
        sent["Content-Language"] = language
    told = details(problem, getattr(request.state, "request_id", None), language)
    if not of_portal:
        return JSONResponse(told, status_code=problem.status, headers=sent, media_type=MEDIA_TYPE)
    if request.scope["path"].startswith(_OAUTH):
        by_token = {"code": problem.status, "message": told["detail"], "data": told}
        return JSONResponse(by_token, status_code=problem.status, headers=sent)
    for_clients = {"error_code": "1", "message": told["detail"], **told}
    return JSONResponse(for_clients, status_code=problem.status, headers=sent, media_type=MEDIA_TYPE)


def details(problem: Problem, request_id: str | None, language: Language = "en") -> ProblemTold:
    """What is told of a problem."""
    one = [AtFault(problem.field, problem.code, problem.detail)] if problem.field is not None else []
    return {
        "type": f"/problems/{problem.code}",
        "title": KINDS[problem.code].title.said(language),
        "status": problem.status,
        "detail": problem.detail.said(language),
        "instance": request_id,
        "code": problem.code,
        "errors": [
            {"field": each.field or "", "code": each.code, "detail": each.detail.said(language)}
            for each in problem.errors or one
        ],
    }


def of_http(error: HTTPException) -> Problem:
    """The problem that tells what the framework refused."""
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}
    code = codes.get(error.status_code, "internal" if error.status_code >= 500 else "invalid_parameter")
    return Problem(code, status=error.status_code)


EXPECTED: Final = (Problem, DatabaseUnavailable, Overloaded)
"""Errors that have a problem of their own; what else is raised is `internal`."""


def of(error: Exception) -> Problem:
    """The problem that tells an expected error."""
    if isinstance(error, Problem):
        return error
    code = "overloaded" if isinstance(error, Overloaded) else "database_unavailable"
    return Problem(code)


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""

    async def _expected(request: Request, error: Exception) -> JSONResponse:
        return response(request, of(error))

    for kind in EXPECTED:
        app.add_exception_handler(kind, _expected)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        return response(request, of_http(error), headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            AtFault(".".join(str(part) for part in each["loc"][1:]), "invalid_parameter", verbatim(each["msg"]))
            for each in error.errors()
        ]
        detail = "; ".join(f"{each.field}: {each.detail}" for each in errors)[:300]
        return response(request, Problem("invalid_parameter", verbatim(detail), errors=errors))

    app.router.routes.extend(_pages.routes)


_pages = APIRouter()
_NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""What such a page may load and do."""


@_pages.get("/problems/{code}", response_class=HTMLResponse, include_in_schema=False)
async def explain(code: str, request: Request) -> HTMLResponse:
    """A page that explains a kind of problem."""
    kind = KINDS.get(code)
    if kind is None:
        raise Problem("not_found", Message("there is no problem of this name", "không có mã lỗi này"))
    language = language_of(request)
    title, advice = kind.title.said(language), kind.advice.said(language)
    differs = code in EVENT_CODES and event_status(code) != kind.status
    of_event = f", {event_status(code)} where a single event is refused for it" if differs else ""
    return HTMLResponse(
        f"<!doctype html><html lang={language}><meta charset=utf-8><title>{html.escape(code)}</title>"
        f"<h1>{html.escape(title)}</h1><p><code>{html.escape(code)}</code>, HTTP {kind.status}{of_event}</p>"
        f"<p>{html.escape(advice)}</p></html>",
        headers={"Vary": "Accept-Language", "Content-Security-Policy": _NOTHING},
    )
