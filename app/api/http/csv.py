"""Tables as people take them into a spreadsheet: the rows of an answer as CSV beside its JSON.

By `Accept` it is plain UTF-8, for programs; by `format=csv`, a plain link, a file with a byte order mark, without which
spreadsheets take Vietnamese letters for others.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec
from fastapi import Request, Response

from app.api.http.answers import Encoded, encode, figure_response, json_response, tagged, unchanged
from app.api.http.problems import Problem
from app.messages import Message

_CSV: Final = "text/csv"
_JSON: Final = "application/json"
_BOM: Final = "\ufeff"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME: Final = 100
_PLAIN: Final = (
    *("unit", "level", "group", "indicator", "by", "bucket", "side", "cause", "source"),
    *("period", "from", "to"),
)
"""Parameters whose values stand in a file's name as they are, in this order; of others the name stands there too."""

FORMAT: Final = "format"
FORMATS: Final = ("csv", "json")
"""The parameter that goes before `Accept`, and its values."""

SCORECARD: Final = "scorecard"
"""Stands for the rows of a scorecard, which are in several places."""

CARD_COLUMNS: Final = (
    *(
        "part",
        "code",
        "name",
        "numerator",
        "denominator",
        "ratio",
        "value",
        "score",
        "max",
        "target",
        "gap",
        "attained",
    ),
    *("previous.period", "previous.ratio", "previous.score", "previous.value", "change"),
    *("rank", "of", "count", "source", "note", "entered_by", "entered_at"),
)


_SEVERAL: Final = (("series", "indicator"), ("rankings", "by"))
"""Where answers have several tables, and what these are named by."""


class _Number(str):
    """A number as it is written: 17.50 stays 17.50. It is no text, so no formula either."""

    __slots__ = ()


_DECODER: Final = msgspec.json.Decoder(float_hook=_Number)


def tabular_response(
    request: Request,
    figure: Encoded,
    rows_key: str,
    later: Mapping[str, str | None],
    columns: Sequence[str] | None = None,
) -> Response:
    """A figure that has rows: JSON, or those rows as CSV where that is asked for.

    Args:
        rows_key: where in the figure the rows are (rows_in).
        later: as for figure_response.
        columns: the header of a table that may be empty, names of nested values with dots; default those of the rows.
    """
    if wants_table(request):
        # The table's ETag is another one than that of the JSON.
        tag = figure.tag_as(_CSV + request.query_params.get(FORMAT, ""))
        answer = unchanged(request, tag)
        if answer is None:
            answer = tagged(_table(request, figure.sent(later), rows_key, columns), _CSV, tag)
            _name(request, answer)
    else:
        answer = figure_response(request, figure, later)
    answer.headers["Vary"] = "Accept"
    return answer


def listed_response(request: Request, body: object, columns: Sequence[str]) -> Response:
    """Rows of a catalogue, or one of them, without an ETag: JSON or CSV."""
    if wants_table(request):
        answer = Response(_table(request, encode(body), "", columns), media_type=_CSV)
        _name(request, answer)
    else:
        answer = json_response(body)
    answer.headers["Vary"] = "Accept"
    return answer


def _table(request: Request, body: bytes, rows_key: str, columns: Sequence[str] | None) -> bytes:
    table = as_csv(rows_in(_DECODER.decode(body), rows_key), columns)
    return (_BOM + table if FORMAT in request.query_params else table).encode()


def _name(request: Request, answer: Response) -> None:
    """Name the file that a plain link saves by all that was asked for, so that no two are called alike; which part of
    a list it is, paging says."""
    query = request.query_params
    if FORMAT not in query:
        return
    order = {name: place for place, name in enumerate(_PLAIN)}
    asked = [each for each in query.multi_items() if each[0] not in (FORMAT, "cursor")]
    asked.sort(key=lambda each: (order.get(each[0], len(order)), each[0]))
    parts = [request.url.path.removeprefix("/v1/")]
    parts += [value if name in order else f"{name}-{value}" for name, value in asked]
    name = "-".join(_NOT_IN_NAMES.sub("-", each).strip("-.") for each in parts)
    if len(name) > _LONGEST_NAME:
        digest = blake2b(repr(asked).encode(), digest_size=4).hexdigest()
        name = f"{name[: _LONGEST_NAME - 9]}-{digest}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'


def require_acceptable(request: Request) -> None:
    """Refuse to answer JSON to who takes CSV only, where there is no table: 406."""
    route: Any = request.scope.get("route")
    offered = getattr(route, "responses", {}).get(200, {}).get("content", {})
    if _CSV not in offered and wants_table(request):
        named = request.query_params.get(FORMAT) == "csv"
        if named or not _quality(request.headers.get("accept", ""), _JSON)[0]:
            no_table = Message(
                "this answer is no table; take application/json",
                "câu trả lời này không phải bảng; hãy dùng application/json",
            )
            raise Problem("unsupported_media_type", no_table, status=406)


def wants_table(request: Request) -> bool:
    """Whether CSV is asked for, by the parameter or else by `Accept`."""
    form = request.query_params.get(FORMAT)
    return form == "csv" if form in FORMATS else prefers_csv(request.headers.get("accept", ""))


def prefers_csv(accept: str) -> bool:
    """Whether an Accept header likes CSV better than JSON; of two liked as much, that named more closely, or first."""
    table = _quality(accept, _CSV)
    return table[0] > 0 and table > _quality(accept, _JSON)


def _quality(accept: str, media_type: str) -> tuple[float, int, int]:
    """How much a media type is liked, by the range that names it most closely: its quality, how closely, its place."""
    kind = media_type.partition("/")[0]
    closeness = {media_type: 2, f"{kind}/*": 1, "*/*": 0}
    found = (-1, 0, 0.0)
    for place, item in enumerate(accept.split(",")):
        name, _, parameters = item.partition(";")
        close = closeness.get(name.strip().lower())
        if close is not None and close > found[0]:
            found = (close, -place, _weight(parameters))
    return found[2], found[0], found[1]


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def rows_in(whole: Any, rows_key: str) -> Sequence[Mapping[str, Any]]:
    """The rows of an answer: those under a key, those of a scorecard, or all of it ("").

    Of several tables in one answer each row begins with the name of its own.
    """
    if isinstance(whole, list):
        return whole
    if rows_key == SCORECARD:
        return _card_rows(whole)
    for tables, name in _SEVERAL:
        if tables in whole:
            return [{name: each[name], **row} for each in whole[tables] for row in each[rows_key]]
    rows: Sequence[Mapping[str, Any]] = whole[rows_key] if rows_key else [whole]
    return rows


def _card_rows(card: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All of a scorecard: the total, each group with its indicators, what has no points, external figures, balance."""
    rows: list[Mapping[str, Any]] = [
        {"part": "total", "code": "TOTAL", "name": card["rating"], "score": card["total"], "max": card["max"]}
    ]
    for group in card["groups"]:
        rows.append({"part": "group", **{name: group[name] for name in ("code", "name", "score", "max")}})
        rows += [{"part": group["code"], **each} for each in group["indicators"]]
    for part in ("operational", "external"):
        rows += [{"part": part, **each} for each in card[part]]
    rows += [{"part": "balance", "code": name, "value": value} for name, value in card["balance"].items()]
    return rows


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Rows as CSV by RFC 4180 under a header of the JSON names, nested ones with dots.

    null is empty, booleans are words, lists are joined by semicolons. A text that a spreadsheet would take for a
    formula has an apostrophe before it.
    """
    flat = [_flat(row) for row in rows]
    if columns is None:
        columns = list(dict.fromkeys(name for row in flat for name in row))
    written = io.StringIO()
    writer = csv.DictWriter(written, columns, extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows(flat)
    return written.getvalue()


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            told = _text(value)
            is_text = isinstance(value, str | list | tuple) and not isinstance(value, _Number)
            flat[f"{prefix}{name}"] = f"'{told}" if is_text and told.startswith(_FORMULA) else told
    return flat


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ";".join(map(_text, value))
    return str(value)
