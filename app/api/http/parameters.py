"""The parameters that all figures share: unit, period or from and to, scope, procedure, compare."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, TypeVar
from unicodedata import normalize

from fastapi import Request

from app.api.http.csv import FORMAT, FORMATS
from app.api.http.problems import Problem
from app.domain import codes
from app.domain.calendar import periods
from app.domain.calendar.periods import InvalidPeriod, Period
from app.domain.catalogues import indicators
from app.domain.catalogues.indicators import Indicator, UnknownIndicator
from app.domain.catalogues.root import Scope, Seen
from app.domain.figures.standing import TOTAL, By
from app.intake.checks import DATE, NO_SUCH_DAY, expected, likely_name, one_of_names
from app.messages import GIVEN_TWICE, NAME_UNIT, Message, with_likely

_T = TypeVar("_T", bound=str)
_K = TypeVar("_K")

SCOPES: tuple[Scope, ...] = ("own", "subtree")
SEEN: tuple[Seen, ...] = ("now", "then")
COMPARISONS: tuple[Literal["previous", "last_year"], ...] = ("previous", "last_year")

INDICATORS: Final = [each.code for each in indicators.load().indicators]
GROUPS: Final = [each.code for each in indicators.load().groups]
FIGURES: Final = [TOTAL, *GROUPS, *INDICATORS]
"""What a series and a ranking can be of."""

COMMON = ("unit", "period", "from", "to", "scope", "as", "procedure", "compare")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for, before anybody looked whether it exists."""

    unit: str
    period: Period
    scope: Scope
    seen: Seen
    procedure: str | None
    compare: Literal["previous", "last_year"]


def only(
    request: Request, allowed: Collection[str], texts: Collection[str] = (), many: Collection[str] = ()
) -> dict[str, str]:
    """The query as a plain mapping, composed (NFC) as identifiers are kept; unknown and repeated parameters are
    refused, and values that are not sensible, but for those of `texts`: anything a sender wrote may be asked for.
    Those of `many` may be given several times, each time another one.
    """
    found: dict[str, str] = {}
    seen = set[tuple[str, str]]()
    for name, value in request.query_params.multi_items():
        if name == FORMAT and request.method in ("GET", "HEAD"):
            one_of({name: value}, name, FORMATS, "")
        elif name not in allowed:
            unknown = Message(
                "unknown parameter; known are {known}",
                "không có tham số này; các tham số là {known}",
                known=", ".join(allowed),
            )
            raise Problem("invalid_parameter", with_likely(unknown, likely_name(name, allowed)), name[:60])
        if (name, value) in seen or (name in found and name not in many):
            raise Problem("invalid_parameter", GIVEN_TWICE, name)
        seen.add((name, value))
        if name not in texts and ("\0" in value or len(value) > 300 or not value.isprintable()):
            raise Problem("invalid_parameter", Message("not a sensible value", "giá trị không hợp lệ"), name)
        found[name] = normalize("NFC", value)
    found.pop(FORMAT, None)
    return found


def one_of(query: Mapping[str, str], name: str, allowed: Collection[_T], default: str) -> _T:
    """A parameter with a closed set of values."""
    value = query.get(name, default)
    for each in allowed:
        if each == value:
            return each
    raise Problem("invalid_parameter", with_likely(one_of_names(allowed), likely_name(value, allowed)), name)


def named(query: Mapping[str, str], name: str, allowed: Collection[_T], called: str = "") -> _T:
    """A parameter with a closed set of values that must be given."""
    if name not in query:
        missing = Message(
            "name the {called}: {one_of}",
            "hãy nêu {name}: {one_of}",
            called=called or name,
            name=name,
            one_of=one_of_names(allowed),
        )
        raise Problem("invalid_parameter", missing, name)
    return one_of(query, name, allowed, "")


def whole_of(query: Mapping[str, str], name: str, most: int, usual: int) -> int:
    """A parameter with a whole number from 0 on."""
    text = query.get(name)
    if text is None:
        return usual
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most:
        return int(text)
    fault = Message("a whole number from 0 to {most}", "số nguyên từ 0 đến {most}", most=most)
    raise Problem("invalid_parameter", fault, name)


def indicator_of(query: Mapping[str, str]) -> Indicator:
    """The indicator a query names."""
    if "indicator" not in query:
        raise Problem("invalid_parameter", Message("name the indicator", "hãy nêu chỉ số"), "indicator")
    return _known(indicators.load().indicator, query["indicator"])


def figures_of(codes: Iterable[str]) -> list[By]:
    """What codes name: TOTAL, groups, indicators."""
    known = indicators.load()
    return [_known(lambda code: By.of(known, code), each) for each in codes]


def _known(find: Callable[[str], _K], code: str) -> _K:
    try:
        return find(code)
    except UnknownIndicator as error:
        likely = likely_name(code, [each.lower() for each in INDICATORS])
        unknown = Message("the catalogue has no such indicator", "danh mục không có chỉ số này")
        told = with_likely(unknown, likely.upper() if likely else None)
        raise Problem("unknown_indicator", told, "indicator") from error


def asked(request: Request, more: Collection[str] = (), many: Collection[str] = ()) -> Asked:
    """The common parameters of a figure; `more` names others that the route reads itself, `many` those of them that
    may be given several times."""
    return asked_of(only(request, (*COMMON, *more), many=many))


def asked_of(query: dict[str, str], period: Period | None = None) -> Asked:
    """What a query asks for; `period` where none can be asked for."""
    if "unit" not in query:
        raise Problem("invalid_parameter", NAME_UNIT, "unit")
    procedure = query.get("procedure")
    if procedure is not None and not codes.is_procedure_code(procedure):
        form = Message("a procedure code is digits.digits", "mã thủ tục hành chính có dạng số.số, ví dụ 1.004555")
        raise Problem("invalid_parameter", form, "procedure")
    return Asked(
        unit=query["unit"],
        period=period or period_of(query),
        scope=one_of(query, "scope", SCOPES, "subtree"),
        seen=one_of(query, "as", SEEN, "now"),
        procedure=procedure,
        compare=one_of(query, "compare", COMPARISONS, "previous"),
    )


def period_of(query: dict[str, str]) -> Period:
    """`period`, or `from` and `to` (dates, both inclusive)."""
    try:
        if "period" in query:
            if "from" in query or "to" in query:
                either = Message("either period, or from and to", "hoặc period, hoặc from và to")
                raise Problem("invalid_period", either, "period")
            return periods.parse(query["period"])
        if "from" in query and "to" in query:
            return periods.from_dates(date_in(query, "from"), date_in(query, "to"))
    except InvalidPeriod as error:
        raise Problem("invalid_period", error.detail, "period") from error
    raise Problem(
        "invalid_period", Message("name a period, or from and to", "hãy nêu kỳ (period), hoặc from và to"), "period"
    )


def date_in(query: Mapping[str, str], name: str) -> date:
    """A parameter with a civil date, which is there."""
    text = query[name]
    try:
        if len(text) != 10:
            raise ValueError
        return date.fromisoformat(text)
    except ValueError as error:
        form = Message("a date is YYYY-MM-DD such as 2026-01-05", "ngày có dạng YYYY-MM-DD, ví dụ 2026-01-05")
        right = expected(NO_SUCH_DAY) if DATE.fullmatch(text) else form
        raise Problem("invalid_period", right, name) from error
