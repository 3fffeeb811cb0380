"""Compares a running service's scorecards with the recount, at the answer's own instant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction

from .calendar import parse_instant, period_days
from .points import GROUPS, WORTH, Figure, half_up
from .recount import Answer, Recount

Get = Callable[[str, Mapping[str, str]], Mapping]


def compare(
    get: Get,
    oracle: Recount,
    units: Iterable[str],
    periods: Iterable[str | tuple[date, date]],
    scopes: Iterable[str] = ("subtree", "own"),
    procedures: Iterable[str | None] = (None,),
) -> list[str]:
    """Readable differences, none when all agree. A period is a label, or (from, to), both days included."""
    periods, scopes, procedures = list(periods), list(scopes), list(procedures)
    differences: list[str] = []
    for unit in units:
        for period in periods:
            for scope in scopes:
                for procedure in procedures:
                    differences += _compare_one(get, oracle, unit, period, scope, procedure)
    return differences


def _compare_one(
    get: Get, oracle: Recount, unit: str, period: str | tuple[date, date], scope: str, procedure: str | None
) -> list[str]:
    params = {"unit": unit, "scope": scope}
    if isinstance(period, str):
        params["period"] = period
        first, last = period_days(period)
    else:
        first, last = period
        params |= {"from": first.isoformat(), "to": last.isoformat()}
    if procedure is not None:
        params["procedure"] = procedure
    shown = get("/v1/scorecard", params)
    now = parse_instant(shown["as_of"])
    expected = oracle.answer(unit, first, last, scope, procedure, now=now)
    where = " ".join(f"{key}={value}" for key, value in params.items()) + f" as_of={shown['as_of']}"
    return [f"{where}: {difference}" for difference in differences_of(shown, expected, (first, last))]


def differences_of(shown: Mapping, expected: Answer, days: tuple[date, date]) -> Iterator[str]:
    """What a shown scorecard has otherwise than the recount."""
    if shown.get("refolding"):
        yield "is still re-folding"
    period = shown["period"]
    yield from _differ("period", (period["from"], period["to"]), (days[0].isoformat(), days[1].isoformat()))
    yield from _differ("effective_end", parse_instant(period["effective_end"]), expected.effective_end)
    codes: list[str] = []
    for group in shown["groups"]:
        yield from _differ(f"{group['code']} score", _number(group["score"]), expected.groups.get(group["code"]))
        yield from _differ(f"{group['code']} max", group["max"], GROUPS.get(group["code"]))
        for indicator in group["indicators"]:
            codes.append(indicator["code"])
            worth = WORTH.get(indicator["code"])
            yield from _differ(f"{indicator['code']} group", group["code"], worth and worth.group)
            yield from _differ(f"{indicator['code']} max", indicator["max"], worth and worth.most)
            yield from _indicator(indicator, expected)
    for indicator in shown["operational"]:
        codes.append(indicator["code"])
        yield from _indicator(indicator, expected)
    yield from _differ("groups", [group["code"] for group in shown["groups"]], list(GROUPS))
    yield from _differ("indicators", sorted(codes), sorted(expected.figures))
    yield from _differ("total", _number(shown["total"]), expected.total)
    yield from _differ("rating", shown["rating"], expected.rating)
    for key, count in expected.balance.items():
        yield from _differ(f"balance.{key}", shown["balance"].get(key), count)


def _indicator(shown: Mapping, expected: Answer) -> Iterator[str]:
    code = shown["code"]
    figure = expected.figures.get(code, Figure())
    yield from _differ(f"{code} numerator", shown.get("numerator"), figure.numerator)
    yield from _differ(f"{code} denominator", shown.get("denominator"), figure.denominator)
    ratio = None if figure.ratio is None else half_up(figure.ratio * 100)
    yield from _differ(f"{code} ratio", _number(shown.get("ratio")), ratio)
    yield from _differ(f"{code} score", _number(shown.get("score")), figure.score)
    if code == "AVERAGE_PROCESSING_TIME":
        yield from _differ(f"{code} value", _number(shown.get("value")), figure.value)


def _number(shown: float | None) -> Fraction | None:
    """A JSON number as written: the shortest decimal that is that float."""
    return None if shown is None else Fraction(Decimal(repr(shown)))


def _differ(name: str, shown: object, expected: object) -> Iterator[str]:
    if shown != expected:
        yield f"{name} is {_text(shown)}, recounted {_text(expected)}"


def _text(value: object) -> str:
    return str(float(value)) if isinstance(value, Fraction) else str(value)
