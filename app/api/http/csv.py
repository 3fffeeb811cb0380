"""Tables as people take them into a spreadsheet: the rows of an answer as CSV beside its JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from fastapi import Request, Response

from app.api.http.answers import Encoded, figure_response, tagged, unchanged

_CSV: Final = "text/csv"
_JSON: Final = "application/json"
_DECODER: Final = msgspec.json.Decoder(float_hook=str)
"""Numbers as they are written: 17.50 stays 17.50."""


def tabular_response(
    request: Request,
    figure: Encoded,
    rows_key: str,
    later: Mapping[str, str | None],
    columns: Sequence[str] | None = None,
) -> Response:
    """A figure that has rows: JSON, or those rows as CSV where `Accept` prefers it.

    Args:
        rows_key: where in the figure the rows are.
        later: as for figure_response.
        columns: the header of a table that may be empty, names of nested values with dots; default those of the rows.
    """
    if prefers_csv(request.headers.get("accept", "")):
        # The table's ETag is another one than that of the JSON.
        tag = figure.tag_as(_CSV)
        answer = unchanged(request, tag)
        if answer is None:
            rows = _DECODER.decode(figure.sent(later))[rows_key]
            answer = tagged(as_csv(rows, columns).encode(), _CSV, tag)
    else:
        answer = figure_response(request, figure, later)
    answer.headers["Vary"] = "Accept"
    return answer


def prefers_csv(accept: str) -> bool:
    """Whether an Accept header likes text/csv better than JSON, or as much but names it more closely or earlier.

    Of `text/csv`, `text/*` and `*/*` the closest says how a table is liked; of JSON alike.
    """
    qualities: dict[str, tuple[float, int]] = {}
    for place, item in enumerate(accept.split(",")):
        kind, _, parameters = item.partition(";")
        qualities.setdefault(kind.strip().lower(), (_quality(parameters), -place))

    def liked(kind: str) -> tuple[float, int, int]:
        for distance, name in enumerate((kind, kind.partition("/")[0] + "/*", "*/*")):
            if name in qualities:
                quality, place = qualities[name]
                return quality, -distance, place
        return 0.0, 0, 0

    table = liked(_CSV)
    return table[0] > 0 and table > liked(_JSON)


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Rows as CSV by RFC 4180 under a header of the JSON names, nested ones with dots.

    null is empty, booleans are words, lists are joined by semicolons.
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
            flat[f"{prefix}{name}"] = _text(value)
    return flat


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ";".join(map(_text, value))
    return str(value)
