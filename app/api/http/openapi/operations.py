"""Every operation's parameters, body, answers and problems. Summary, description and tags stand at the routes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.api.http.csv import as_csv
from app.api.http.openapi import catalogues, events, figures, lists
from app.api.http.openapi import parameters as asked
from app.api.http.openapi.problems import Told, of
from app.api.http.openapi.schemas import Fields, Schema, example_of, ref, rows, text


@dataclass(frozen=True)
class Content:
    """A schema of one media type, with examples by name."""

    schema: Schema
    examples: Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """What the description says of an operation.

    Args:
        answer: by media type.
        scope: of the key it needs; None where it needs none.
        tagged: it has an ETag and answers 304.
        paged: it has a link to the next page.
    """

    answer: Mapping[str, Content]
    scope: str | None = None
    parameters: tuple[asked.Parameter, ...] = ()
    body: Mapping[str, Content] = field(default_factory=dict)
    problems: tuple[Told, ...] = ()
    tagged: bool = False
    paged: bool = False


SCHEMAS: Final[Fields] = {
    **figures.COMPONENTS,
    **lists.COMPONENTS,
    **events.COMPONENTS,
    **catalogues.COMPONENTS,
}

_ACCESS: Final = of("unauthenticated", "forbidden_scope", "overloaded", "database_unavailable", "internal")
_ROOT: Final = of("unknown_unit", "invalid_parameter")
_UNIT: Final = (*_ROOT, *of("forbidden_unit"))
_FIGURE: Final = (*_ACCESS, *_UNIT, *of("invalid_period", "period_in_future"))
_BODY: Final = of("invalid_json", "too_large", "unsupported_media_type", "unsupported_encoding")


def _json(schema: Schema) -> dict[str, Content]:
    return {"application/json": Content(schema, {"answer": example_of(schema, SCHEMAS)})}


def _table(name: str, key: str | None = None) -> dict[str, Content]:
    """An answer whose rows can be had as CSV."""
    answer = _json(ref(name))
    told = answer["application/json"].examples["answer"]
    table = as_csv(told[key] if key else told)
    description = "The rows: a header of the JSON names (nested ones with dots), decimal point, UTF-8, null is empty."
    return answer | {"text/csv": Content(text(description, table), {"table": table})}


def _figure(answer: Mapping[str, Content], *more: asked.Parameter, problems: tuple[Told, ...] = ()) -> Operation:
    """A figure of a unit and period."""
    parameters = (*asked.COMMON, *more)
    return Operation(answer, "read", parameters, problems=(*_FIGURE, *problems), tagged=True)


def _stream() -> dict[str, Content]:
    """Server-Sent Events, each with a scorecard."""
    told = json.dumps(example_of(ref("Scorecard"), SCHEMAS), ensure_ascii=False)
    example = f'retry: 2000\n\nevent: scorecard\ndata: {told}\nid: W/"0f1e2d3c4b5a69788796a5b4"\n\n: ping\n\n'
    description = (
        "Events `scorecard`; `data` is the answer of `/v1/scorecard`, `id` its ETag. Ends with the connection."
    )
    return {"text/event-stream": Content(text(description, example), {"stream": example})}


def _batch(name: str) -> tuple[dict[str, Any], ...]:
    """The examples of a batch."""
    received = events.EXAMPLES["dossier.received"]
    returned = {**events.EXAMPLES["dossier.returned"], "time": "2026-01-09T10:00:00+07:00"}
    return received, returned


def _push() -> Operation:
    """Events in: one, an array, lines, or in binary mode."""
    batch = list(_batch("events"))
    lines = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in batch)
    array = rows(ref("Event"), "At most 10,000 events; none is fine.")
    data = {"type": "object", "description": "Binary mode, with ce- headers: the event's data alone."}
    rejected = tuple((422, code) for code in events.REJECTION_CODES)
    usual = ("invalid_json", "conflict", "forbidden_unit")
    return Operation(
        _json(ref("Outcome")),
        "ingest",
        (asked.CONTENT_ENCODING, *asked.BINARY_MODE),
        {
            "application/cloudevents+json": Content(ref("Event"), events.EXAMPLES),
            "application/cloudevents-batch+json": Content(array, {"batch": batch}),
            "application/x-ndjson": Content(text("An event a line; blank lines are skipped.", lines), {"lines": lines}),
            "application/json": Content(
                {"anyOf": [ref("Event"), array, data]},
                {"one": batch[0], "batch": batch, "binary_mode": batch[0]["data"]},
            ),
        },
        (
            *_ACCESS,
            *_BODY,
            *of(*usual, "too_many_events"),
            *((status, code) for status, code in rejected if code not in usual),
        ),
    )


def _put(kind: str) -> Operation:
    """Rows of a catalogue in."""
    change = ref(f"{catalogues.NAMES[kind]}Change")
    one = example_of(change, SCHEMAS)
    table = as_csv([one])
    return Operation(
        _json(ref("PutOutcome")),
        "admin",
        (asked.CONTENT_ENCODING,),
        {
            "application/json": Content({"oneOf": [rows(change, "At most 50,000 rows."), change]}, {"rows": [one]}),
            "text/csv": Content(
                text("The same columns; lists joined by `;`, an empty cell is absent.", table), {"table": table}
            ),
        },
        (*_ACCESS, *_BODY, *of("invalid_value", "invalid_parameter")),
    )


def _list(kind: str) -> Operation:
    """A whole catalogue."""
    name = catalogues.NAMES[kind]
    return Operation(_json(rows(ref(name), "The rows.")), "read", (asked.ANY_UNIT,), problems=(*_ACCESS, *_UNIT))


def _one(kind: str, parameters: tuple[asked.Parameter, ...], problems: tuple[Told, ...]) -> Operation:
    return Operation(_json(ref(catalogues.NAMES[kind])), "read", parameters, problems=(*_ACCESS, *problems))


def _status(example: dict[str, str]) -> dict[str, Content]:
    properties = {name: {"type": "string"} for name in example}
    schema = {"type": "object", "properties": properties, "required": list(example), "additionalProperties": False}
    return {"application/json": Content(schema, {"answer": example})}


_UNIT_PATH: Final = asked.path("code", "The unit's code or an alias.", {"type": "string", "minLength": 1}, "H44.07")
_PROCEDURE_PATH: Final = asked.path("code", "The procedure's code.", {"type": "string", "minLength": 1}, "1.004555")
_SUBJECT_PATH: Final = asked.path(
    "subject",
    "The code; slashes in it may stand as they are.",
    {"type": "string", "minLength": 1},
    "H44.07-260105-0001",
)
_COUNTS, _LIST = (example_of(ref(name), SCHEMAS) for name in ("CauseCounts", "CauseList"))
_QUALITY: Final = {
    "application/json": Content(
        {"oneOf": [ref("CauseCounts"), ref("CauseList")]}, {"causes": _COUNTS, "one_cause": _LIST}
    ),
    "text/csv": Content(
        text("The causes, or the items of one.", as_csv(_COUNTS["causes"])),
        {"causes": as_csv(_COUNTS["causes"]), "one_cause": as_csv(_LIST["items"])},
    ),
}
_METRICS: Final = (
    "# HELP chiso_events_total Events taken in, by type and outcome.\n"
    "# TYPE chiso_events_total counter\n"
    'chiso_events_total{outcome="accepted",type="dossier.received"} 2490.0\n'
)
_UNKNOWN_INDICATOR: Final = of("unknown_indicator")

OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("post", "/v1/events"): _push(),
    **{("put", f"/v1/{kind}"): _put(kind) for kind in catalogues.COLUMNS},
    **{("get", f"/v1/{kind}"): _list(kind) for kind in catalogues.COLUMNS},
    ("get", "/v1/units/{code}"): _one("units", (_UNIT_PATH,), (*_UNIT, *of("not_found"))),
    ("get", "/v1/procedures/{code}"): _one(
        "procedures", (_PROCEDURE_PATH, asked.ROOT_UNIT), (*_ROOT, *of("not_found"))
    ),
    ("get", "/v1/indicators"): Operation(
        _json(ref("IndicatorList")), "read", problems=(*_ACCESS, *of("invalid_parameter")), tagged=True
    ),
    ("get", "/v1/scorecard"): _figure(_json(ref("Scorecard"))),
    ("get", "/v1/stream"): Operation(_stream(), "read", (*asked.COMMON, asked.LAST_EVENT_ID), problems=_FIGURE),
    ("get", "/v1/ranking"): _figure(
        _table("Ranking", "rows"),
        asked.RANK_LEVEL,
        asked.RANK_GROUP,
        asked.RANK_INDICATOR,
        problems=_UNKNOWN_INDICATOR,
    ),
    ("get", "/v1/series"): _figure(
        _table("Series", "points"), asked.INDICATOR, asked.BUCKET, problems=_UNKNOWN_INDICATOR
    ),
    ("get", "/v1/breakdown"): _figure(
        _table("Breakdown", "rows"), asked.INDICATOR, asked.BY, problems=(*_UNKNOWN_INDICATOR, *of("no_breakdown"))
    ),
    ("get", "/v1/advice"): _figure(_json(ref("Advice"))),
    ("get", "/v1/dossiers"): Operation(
        _table("Dossiers", "items"),
        "read",
        (*asked.UNCOMPARED, asked.INDICATOR, asked.SIDE, asked.LIMIT, asked.CURSOR),
        problems=(*_FIGURE, *_UNKNOWN_INDICATOR, *of("snapshot_changed")),
        tagged=True,
        paged=True,
    ),
    ("get", "/v1/dossiers/{subject}"): Operation(
        _json(ref("Life")),
        "read",
        (_SUBJECT_PATH, asked.NAMED_UNIT),
        problems=(*_ACCESS, *_UNIT, *of("unknown_subject", "not_found")),
        tagged=True,
    ),
    ("get", "/v1/data-quality"): Operation(
        _QUALITY,
        "read",
        (asked.UNIT, asked.SCOPE, asked.CAUSE, asked.LIMIT, asked.CURSOR),
        problems=(*_ACCESS, *_UNIT),
        tagged=True,
        paged=True,
    ),
    ("get", "/v1/rejections"): Operation(
        _table("Rejections", "items"),
        "read",
        (asked.SOURCE, asked.ANY_UNIT, asked.LIMIT, asked.CURSOR),
        problems=(*_ACCESS, *_UNIT),
        tagged=True,
        paged=True,
    ),
    ("get", "/livez"): Operation(_status({"status": "alive"}), problems=of("internal")),
    ("get", "/readyz"): Operation(
        _status({"status": "ready", "revision": "0001"}),
        problems=of("overloaded", "database_unavailable", "internal"),
    ),
    ("get", "/metrics"): Operation(
        {"text/plain": Content(text("Prometheus' exposition format.", _METRICS), {"metrics": _METRICS})},
        problems=of("internal"),
    ),
}
