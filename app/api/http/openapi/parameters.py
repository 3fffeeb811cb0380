"""The parameters that routes read by hand from the query and the headers, described once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from app.api.http.csv import FORMATS
from app.api.http.openapi.events import ENVELOPE, PROCEDURE_PATTERN
from app.api.http.openapi.examples import Schema
from app.api.http.paging import LARGEST, USUAL
from app.api.http.parameters import COMPARISONS, FIGURES, GROUPS, INDICATORS, SCOPES, SEEN
from app.domain.catalogues.root import LEVELS
from app.domain.lives.flags import CAUSES
from app.store.audit import KINDS
from app.store.read.dossiers import SIDES
from app.store.read.open import STATES

Parameter = dict[str, Any]

USUAL_DAYS: Final = 3
MOST_DAYS: Final = 30
"""How many working days are looked ahead, by default and at most."""
MOST: Final = 300
"""The longest value of a query parameter."""

PERIOD_PATTERN: Final = (
    r"^(20[0-9]{2}|2100)(-(H[12]|9M|Q[1-4]|W(0[1-9]|[1-4][0-9]|5[0-3])"
    r"|(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?))?$"
)
PERIOD_FORMS: Final = {
    "year": "2026",
    "half": "2026-H1",
    "nine_months": "2026-9M",
    "quarter": "2026-Q3",
    "month": "2026-08",
    "week": "2026-W34",
    "day": "2026-08-15",
}


def query(name: str, description: str, schema: Schema, example: str | None = None, required: bool = False) -> Parameter:
    """A query parameter; given twice it is refused unless it is an array, as is any that an operation does not name."""
    told: Parameter = {"name": name, "in": "query", "description": description, "required": required, "schema": schema}
    return told if example is None else {**told, "example": example}


def header(name: str, description: str, schema: Schema, example: str | None = None) -> Parameter:
    """A request header."""
    return {**query(name, description, schema, example), "in": "header"}


def _text(**more: Any) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": MOST, **more}


def _named(description: str, names: Collection[str], name: str, example: str | None = None, **more: Any) -> Parameter:
    """One of a few words; required where it has an example."""
    return query(name, description, {"type": "string", "enum": list(names), **more}, example, example is not None)


def _several(description: str, names: Collection[str], name: str, example: list[str] | None = None) -> Parameter:
    """Some of a few words, each `name=` of its own; required where it has an example."""
    items = {"type": "string", "enum": list(names)}
    schema = {"type": "array", "items": items, "minItems": 1, "uniqueItems": True}
    told = query(name, description + " Several times for several.", schema, required=example is not None)
    return told if example is None else {**told, "example": example}


UNIT: Final = query("unit", "The unit's code or an alias.", _text(), "H44", required=True)
MOST_UNITS: Final = 50
UNITS: Final = {
    **query(
        "unit",
        "The unit's code or an alias; several times for as many units.",
        {"type": "array", "minItems": 1, "maxItems": MOST_UNITS, "items": _text()},
        required=True,
    ),
    "example": ["H44"],
}
ANY_UNIT: Final = query(
    "unit",
    "Only what belongs to this unit and those under it. Where reading is open, it also names the root.",
    _text(),
    "H44",
)
PERIOD: Final = {
    **query(
        "period",
        "A year, half, nine months, quarter, month, ISO week or day; or give `from` and `to`. Not one in the future.",
        _text(pattern=PERIOD_PATTERN),
    ),
    "examples": {kind: {"value": label} for kind, label in PERIOD_FORMS.items()},
}
_DATE: Final = {"type": "string", "format": "date"}
# Without examples, as is all that would not fit together: the page of the description fills in every example it finds.
FROM: Final = query("from", "The first day, such as 2026-01-01, with `to` instead of `period`.", _DATE)
TO: Final = query("to", "The last day, included, such as 2026-06-30.", _DATE)
SCOPE: Final = _named("The unit with all under it, or the unit alone.", SCOPES, "scope", default="subtree")
AS: Final = _named(
    "Merged units under their successors as of now, or as units of their own where they existed in the period. As then,"
    " units that were not there in the period are not listed.",
    SEEN,
    "as",
    default="now",
)
PROCEDURE: Final = query("procedure", "Only this procedure, such as 1.004555.", _text(pattern=PROCEDURE_PATTERN))
COMPARE: Final = _named(
    "What `previous` and `change` compare with: the same kind of period before, or the same one a year earlier.",
    COMPARISONS,
    "compare",
    default="previous",
)
UNCOMPARED: Final = (UNIT, PERIOD, FROM, TO, SCOPE, AS, PROCEDURE)
COMMON: Final = (*UNCOMPARED, COMPARE)
"""What every figure takes."""

INDICATOR: Final = _named("The indicator.", INDICATORS, "indicator", "DOSSIER_ON_TIME")
RANK_LEVEL: Final = _named("The level that is ranked.", LEVELS, "level", "commune")
RANK_GROUP: Final = _several("By the points of this group; not together with `indicator`.", GROUPS, "group")
RANK_INDICATOR: Final = _several(
    "By this indicator's points, or its ratio where it has none; also `TOTAL` or a group's code.", FIGURES, "indicator"
)
_DECIMAL: Final = r"([0-9]{0,9}(?:\.[0-9]{1,6})?)"
PUBLISHED_PATTERN: Final = rf"([A-Za-z_]{{1,60}}):([0-9]{{0,15}})/([0-9]{{0,15}})(?::{_DECIMAL})?(?::{_DECIMAL})?"
PUBLISHED: Final = {
    **query(
        "figure",
        "A published figure, `CODE:numerator/denominator:ratio:score`; parts that are not known are empty. CODE is an"
        " indicator's, a group's or `TOTAL`; of an average the ratio is its days.",
        {"type": "array", "items": _text(), "minItems": 1, "uniqueItems": True},
        required=True,
    ),
    "example": ["DOSSIER_ON_TIME:528684/597918:88.42:17.68"],
}
SERIES_OF: Final = _several("An indicator, a group's code or `TOTAL`.", FIGURES, "indicator", ["DOSSIER_ON_TIME"])
BUCKET: Final = _named("The length of a bucket.", ("day", "week", "month"), "bucket", "month")
BY: Final = _named("The dimension.", ("unit", "procedure", "sector", "channel"), "by", "unit")
SIDE: Final = _named(
    "What counts, what is missing for it, or both; of scored indicators also what of the missing can still be won, what"
    " is lost, and what soon will be.",
    SIDES,
    "side",
    "missing",
)
WITHIN: Final = query(
    "within",
    "How many working days after today are looked ahead; 0 is today.",
    {"type": "integer", "minimum": 0, "maximum": MOST_DAYS, "default": USUAL_DAYS},
)
STATE: Final = _named("Only what is late, or only what is still to become so.", STATES, "state")
ROOT_UNIT: Final = query(
    "unit",
    "Where reading is open, a unit of the root; with a key it is not looked at.",
    {"type": "string", "maxLength": MOST},
    "H44",
)
NAMED_UNIT: Final = query(
    "unit", "A unit that the key reaches; where reading is open, it names the root.", _text(), "H44"
)
CAUSE: Final = _named("The lives with this fault instead of the counts of all.", CAUSES, "cause")
SOURCE: Final = query(
    "source",
    "Only of this source (its first 200 characters count); empty: events whose source could not be read.",
    {"type": "string"},
    "/h44/igate",
)
AUDIT_KIND: Final = _named("Only what was done to things of this kind.", KINDS, "kind")
ACTOR: Final = query("actor", "Only by this actor: the id of a key, or as it is listed.", _text())
SINCE: Final = query("from", "From this day on, such as 2026-01-01.", _DATE)
UNTIL: Final = query("to", "To this day, included, such as 2026-06-30.", _DATE)
FORMAT: Final = query(
    "format",
    "`csv`: the table as a file with a byte order mark, whatever `Accept` says; `json`: no table.",
    {"type": "string", "enum": list(FORMATS)},
    "json",
)
LIMIT: Final = query(
    "limit", "The most items of a page.", {"type": "integer", "minimum": 1, "maximum": LARGEST, "default": USUAL}
)
CURSOR: Final = query("cursor", "`next` of the page before.", _text())

IF_NONE_MATCH: Final = header(
    "If-None-Match",
    "An ETag had before: 304 when nothing has changed.",
    {"type": "string"},
    'W/"0f343b0931126a20"',
)
CONTENT_ENCODING: Final = header(
    "Content-Encoding", "How the body is compressed.", {"type": "string", "enum": ["gzip", "identity"]}
)
BINARY_MODE: Final = tuple(
    header(
        f"ce-{name}",
        f"Binary mode only, where the body is the data: {name}, percent-encoded."
        + (" Its presence means binary mode." if name == "specversion" else ""),
        {"type": "string", "enum": ["1.0"]} if name == "specversion" else {"type": "string"},
    )
    for name in ENVELOPE
    if name != "datacontenttype"
)
LAST_EVENT_ID: Final = header(
    "Last-Event-ID",
    "The `id` of the last event that was seen: nothing is sent until the figures are others.",
    {"type": "string"},
    'W/"0f1e2d3c4b5a69788796a5b4"',
)
