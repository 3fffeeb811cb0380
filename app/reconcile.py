"""Whole files of published figures, asked of a service by HTTP: what differs, and which dossiers only one side has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app.intake.lines import Refused
from app.intake.published import Figure, plain_name
from app.messages import Message

if TYPE_CHECKING:
    # Imported where it is used: six MiB that no other command needs.
    import httpx

_PAGE: Final = 500
Listed = Mapping[tuple[str, str, str], frozenset[str]]
"""Codes of dossiers that others list, by unit, indicator and side."""


@dataclass(frozen=True)
class Apart:
    """A figure beside ours, as `/v1/reconcile` answers, and of listed dossiers the codes that one side alone has."""

    unit: str
    period: str
    told: Mapping[str, Any]
    only_here: Sequence[str] = ()
    only_there: Sequence[str] = ()


class Unmatched(Exception):
    """A unit or an indicator of the file that the service does not know; says which."""

    def __init__(self, says: Message, code: str = "unknown_unit") -> None:
        super().__init__(says)
        self.code = code


def compared(
    client: httpx.Client,
    figures: Sequence[Figure],
    period: str,
    listed: Listed | None = None,
    unmatched: Callable[[Unmatched], None] = lambda _: None,
) -> Iterator[Apart]:
    """All figures of a file beside those of the service, unit by unit.

    Args:
        unmatched: is told of each unit and indicator that the service does not know; the others are compared.

    Raises:
        Refused: the service refuses, or a figure is of no period.
        httpx.HTTPError: it cannot be reached.
    """
    names = _names(client) if any(not each.unit for each in figures) else {}
    groups: dict[tuple[str, str], list[Figure]] = defaultdict(list)
    nameless: dict[str, int] = {}
    for each in figures:
        when = period or each.period
        if not when:
            raise Refused(Message("the file names no period: give --period", "tệp không nêu kỳ: hãy cho --period"))
        unit = each.unit or names.get(plain_name(each.name), "")
        if unit:
            groups[unit, when].append(each)
        else:
            nameless.setdefault(each.name, each.row)
    for name, row in nameless.items():
        told = Message(
            "row {row}: no unit, or several, are called {name}",
            "dòng {row}: không có, hoặc có nhiều đơn vị tên {name}",
            row=row,
            name=name,
        )
        unmatched(Unmatched(told))
    unknown: set[str] = set()
    for (unit, when), some in groups.items():
        for figure in _answers(client, unit, when, some, unknown, unmatched):
            here: list[str] = []
            there: list[str] = []
            for side in ("numerator", "denominator"):
                theirs = (listed or {}).get((unit, figure["code"], side))
                if theirs is not None:
                    if side == "denominator":
                        # Not in place: it is the caller's set.
                        theirs = theirs | (listed or {}).get((unit, figure["code"], "numerator"), frozenset())
                    ours = set(_codes(client, unit, when, figure["code"], side))
                    here += sorted(ours - theirs - set(here))
                    there += sorted(theirs - ours - set(there))
            yield Apart(unit, when, figure, here, there)


def _answers(
    client: httpx.Client,
    unit: str,
    when: str,
    some: Sequence[Figure],
    unknown: set[str],
    unmatched: Callable[[Unmatched], None],
) -> list[Mapping[str, Any]]:
    """The figures of a unit beside ours; codes of indicators that the service does not know go to `unknown`, once."""
    some = [each for each in some if each.code not in unknown]
    if not some:
        return []
    try:
        query = {"unit": unit, "period": when, "figure": [_named(each) for each in some]}
        found: list[Mapping[str, Any]] = _asked(client, "/v1/reconcile", query)["figures"]
    except Unmatched as error:
        if error.code == "unknown_unit":
            unmatched(error)
            return []
        if len(some) > 1:
            return [one for each in some for one in _answers(client, unit, when, [each], unknown, unmatched)]
        unknown.add(some[0].code)
        told = Message(
            "row {row}: the service has no indicator {code}",
            "dòng {row}: dịch vụ không có chỉ tiêu {code}",
            row=some[0].row,
            code=some[0].code,
        )
        unmatched(Unmatched(told, error.code))
        return []
    return found


def _named(each: Figure) -> str:
    counts, numbers = (
        ["" if part is None else str(part) for part in pair]
        for pair in ((each.numerator, each.denominator), (each.ratio, each.score))
    )
    return f"{each.code}:{'/'.join(counts)}:{':'.join(numbers)}"


def _names(client: httpx.Client) -> Mapping[str, str]:
    """Codes of units by their names, where a name is of one alone."""
    found: dict[str, str] = {}
    for each in _asked(client, "/v1/units", {}):
        name = plain_name(each["name"] or "")
        found[name] = "" if name in found else each["code"]
    return found


def _codes(client: httpx.Client, unit: str, period: str, indicator: str, side: str) -> Iterator[str]:
    query: dict[str, Any] = {"unit": unit, "period": period, "indicator": indicator, "side": side, "limit": _PAGE}
    while True:
        page = _asked(client, "/v1/dossiers", query)
        yield from (each["subject"] for each in page["items"])
        if page["next"] is None:
            return
        query["cursor"] = page["next"]


def _asked(client: httpx.Client, path: str, query: Mapping[str, Any]) -> Any:
    answer = client.get(path, params=query)
    if answer.status_code != 200:
        try:
            told = answer.json()
            detail, code = told.get("detail") or told.get("title"), told.get("code")
        except ValueError:
            detail, code = answer.text[:200], ""
        unit = str(query.get("unit", ""))
        says = Message(
            "{path} of {unit}: {status} {detail}",
            "{path} của {unit}: {status} {detail}",
            path=path,
            unit=unit,
            status=answer.status_code,
            detail=str(detail),
        )
        raise Unmatched(says, code) if code in ("unknown_unit", "unknown_indicator") else Refused(says)
    return answer.json()
