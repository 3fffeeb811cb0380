"""What every page has: a language, links that keep it, an asker, and the frame its own part is put in."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache, partial
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

from fastapi import Depends, FastAPI, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.api.http import problems
from app.api.http.service import Service, Serving
from app.domain.calendar.civil import CIVIL, Instant, clock_of
from app.domain.calendar.periods import Period
from app.pages.frame import assets, picking, terms
from app.pages.frame.asking import Asking, Refused
from app.pages.frame.formats import Formats
from app.pages.frame.words import Language, say

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Vary": "Accept-Encoding, Cookie, Authorization",
}
_PACKING: Final = 4
"""gzip's level: a page of 100 kB in 2 ms to a fifth."""


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("app.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


class Page:
    """One page asked for by one visitor."""

    def __init__(self, request: Request, service: Service) -> None:
        self.request = request
        self.service = service
        self.query = dict(request.query_params)
        self.language: Language = "en" if self.query.get("lang") == "en" else "vi"
        self.ask = Asking(request, self.language)
        self.say = partial(say, self.language)
        # Relative, so that a proxy may put the service under a prefix.
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        self._base = "../" * (path.count("/") - 1) or "./"
        now = service.clock()
        self.now = datetime.now(CIVIL) if now is None else clock_of(Instant(now))
        self.today: date = self.now.date()

    @property
    def logged_in(self) -> bool:
        """Whether the visitor has a session."""
        return self.service.sessions.of(self.request) is not None

    def link(self, *segments: str, **query: str | None) -> str:
        """The address of a page or an answer beneath the service's own: `link("units", "H44", period="2026")`."""
        told = {name.rstrip("_"): value for name, value in query.items() if value is not None}
        if self.language == "en" and segments[:1] != ("v1",):
            told["lang"] = "en"
        path = "/".join(quote(each, safe="") for each in segments)
        return f"{self._base}{path}" + (f"?{urlencode(told)}" if told else "")

    def here(self, **changed: str | int | None) -> str:
        """This page's address with other parameters; None leaves one out."""
        told = {name: value for name, value in {**self.query, **changed}.items() if value is not None}
        return f"?{urlencode(told)}"

    def at(self, label: str) -> str:
        """This page of another period."""
        return self.here(**{"period": label, "from": None, "to": None})

    def asset(self, name: str) -> str:
        """The address of a style sheet or script."""
        return self._base + assets.address(name)

    def period(self) -> Period:
        """The period the address names, by default the present year.

        Raises:
            Refused: invalid_period.
        """
        try:
            return picking.period_of(self.request.query_params.multi_items(), self.today)
        except problems.Problem as error:
            raise Refused(problems.details(error, None, self.language)) from error

    def picker(self, chosen: Period) -> picking.Picker:
        """The period picker."""
        return picking.picker(chosen, self.today, self.language)

    def term(self, code: str | None) -> str:
        """What a code is called; a code without a name, a text, stays itself."""
        return "" if code is None else self.say(terms.TERMS.get(code, code))

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """The page, made of a template."""
        mine = {"page": self, "_": self.say, "term": self.term, "show": Formats(self.language)}
        beside = {"level_names": terms.LEVELS, "unit": None, "here": None}
        text = _environment().get_template(template).render(**mine, **{**beside, **context})
        if "gzip" not in self.request.headers.get("accept-encoding", ""):
            return HTMLResponse(text, status_code=status, headers=_HEADERS)
        packed = gzip.compress(text.encode(), _PACKING)
        return HTMLResponse(packed, status_code=status, headers={**_HEADERS, "Content-Encoding": "gzip"})


def page_of(request: Request, service: Serving) -> Page:
    """The page of a request."""
    return Page(request, service)


Paging = Annotated[Page, Depends(page_of)]
"""A parameter of routes."""


def install(app: FastAPI) -> None:
    """Tell refusals as pages: who is not known is shown where to log in, others what to do."""

    @app.exception_handler(Refused)
    async def _refused(request: Request, refused: Refused) -> Response:
        page = Page(request, request.app.state.service)
        if refused.status == 401:
            asked = request.url.path.removeprefix("/") + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(page.link("login", next=asked), status_code=303)
        told = page.render("error.html", status=refused.status, problem=refused.problem, request_id=_id_of(request))
        if refused.retry_after is not None:
            told.headers["Retry-After"] = str(refused.retry_after)
        return told

    of_api = app.exception_handlers[HTTPException]

    @app.exception_handler(HTTPException)
    async def _not_found(request: Request, error: HTTPException) -> Any:
        accepts = "text/html" in request.headers.get("accept", "")
        if error.status_code != 404 or not accepts or request.url.path.startswith("/v1"):
            return await of_api(request, error)  # type: ignore[misc]
        page = Page(request, request.app.state.service)
        told = problem(404, "not_found", page.say("Không có trang này"), page.say("Kiểm tra lại địa chỉ."))
        return page.render("error.html", status=404, problem=told, request_id=_id_of(request))


def _id_of(request: Request) -> str | None:
    known: str | None = getattr(request.state, "request_id", None)
    return known


def problem(status: int, code: str, title: str, detail: str) -> Mapping[str, Any]:
    """A problem that a page itself finds."""
    return {"status": status, "code": code, "title": title, "detail": detail}


@contextmanager
def told(page: Page) -> Iterator[None]:
    """What the service cannot do now is told as on every page."""
    try:
        yield
    except problems.EXPECTED as error:
        found = problems.of(error)
        raise Refused(problems.details(found, None, page.language), found.retry_after) from error
