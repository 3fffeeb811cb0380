"""Problems as an API description tells them: one response for each status, with the codes that can happen and an
example of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.api.http.openapi.examples import Schema, ref
from app.api.http.problems import MEDIA_TYPE, REQUEST_ID, ProblemTold
from app.api.kinds import KINDS

Told = tuple[int, str]
"""A status and a code that can happen with it."""

_OCCASIONS: Final[Mapping[str, tuple[str, str | None]]] = {
    "invalid_json": ("the body is empty", None),
    "invalid_event": ("expected an RFC 3339 time with offset; required, but missing", "time"),
    "invalid_value": ("expected one of online, counter, postal, not 'fax'", "data.channel"),
    "invalid_code": ("expected a procedure code such as 1.004555, not 'TTHC-1'", "data.procedure"),
    "unknown_field": ("not a field of this type, which takes due_at", "data.name"),
    "unknown_type": ("'dossier.lost' is not a type of the contract", "type"),
    "unknown_unit": ("no unit of the catalogue has this code or alias", "unit"),
    "unknown_indicator": ("the catalogue has no such indicator", "indicator"),
    "unknown_subject": ("no event of this subject has arrived", None),
    "personal_data": ("the subject looks like an identity number; send the dossier's code", "subject"),
    "future_time": ("more than 10 minutes ahead of the server's clock", "time"),
    "time_out_of_range": ("before the year 2000", "time"),
    "conflict": ("this source has sent this id before with other content", "id"),
    "life_too_long": ("1,000 events are the most", "subject"),
    "forbidden_unit": ("the key does not reach this unit", "unit"),
    "forbidden_scope": ("this call needs a key of scope admin", None),
    "unauthenticated": ("send Authorization: Bearer <key>", None),
    "invalid_period": ("name a period, or from and to", "period"),
    "period_in_future": ("The period 2099 begins in the future.", "period"),
    "invalid_parameter": ("given twice", "scope"),
    "no_breakdown": ("procedures are not counted by channel", "by"),
    "snapshot_changed": ("the figures have changed since the first page", "cursor"),
    "too_large": ("at most 33,554,432 bytes", None),
    "too_many_events": ("a batch may have at most 10000 events", None),
    "unsupported_media_type": ("the charset must be UTF-8", None),
    "unsupported_encoding": ("Content-Encoding must be gzip or identity", None),
    "not_found": ("the catalogue has no procedure of this code", None),
    "method_not_allowed": ("See the Allow header.", None),
    "incomplete_body": ("213 bytes were announced, 0 came", None),
    "request_timeout": ("the body has not arrived in time", None),
    "uri_too_long": ("a URL may have at most 8,192 bytes", None),
    "headers_too_large": ("a request's head may have at most 65,536 bytes", None),
    "rate_limited": ("at most 600 questions a minute with this key; ask again in 7 s", None),
    "overloaded": ("too many bytes are being worked on; try again", None),
    "database_unavailable": ("Nothing was acknowledged. Send it again after Retry-After seconds.", None),
    "internal": ("Tell the operator the request id; nothing was acknowledged.", None),
}

_STATUSES: Final = {
    400: "The body cannot be read",
    401: "No valid key",
    403: "Not with this key",
    404: "There is no such thing",
    405: "Not by this method",
    408: "It did not come in time",
    409: "It does not fit what is there",
    413: "Too much at once",
    414: "Too long an address",
    415: "Not in this form",
    422: "It can be read, but not be answered",
    429: "Too often",
    431: "Too much before the body",
    500: "Something broke here",
    503: "Not now; nothing was acknowledged",
}

REQUEST_ID_HEADER: Final = {
    "X-Request-ID": {"description": "The request's id, which the logs have too.", "schema": {"type": "string"}}
}
_WAIT: Final = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}}
_HEADERS: Final[Mapping[int, Mapping[str, Any]]] = {
    401: {"WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}}},
    405: {"Allow": {"description": "The methods that are.", "schema": {"type": "string"}}},
    429: _WAIT,
    503: _WAIT,
}


def of(*codes: str) -> tuple[Told, ...]:
    """Problems with the status they usually have."""
    return tuple((KINDS[code].status, code) for code in codes)


def example(code: str, status: int | None = None) -> ProblemTold:
    """A problem of a kind as it is answered."""
    detail, field = _OCCASIONS[code]
    return {
        "type": f"/problems/{code}",
        "title": KINDS[code].title.en,
        "status": status or KINDS[code].status,
        "detail": detail,
        "instance": REQUEST_ID,
        "code": code,
        "errors": [] if field is None else [{"field": field, "code": code, "detail": detail}],
    }


def responses(told: Iterable[Told]) -> dict[str, Any]:
    """The responses of an operation that these problems can happen to, by status."""
    by_status: dict[int, list[str]] = {}
    for status, code in sorted(set(told), key=lambda each: (each[0], list(KINDS).index(each[1]))):
        by_status.setdefault(status, []).append(code)
    return {str(status): response(status, codes) for status, codes in by_status.items()}


def response(status: int, codes: list[str]) -> dict[str, Any]:
    """The response of one status."""
    only: Schema = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
    return {
        "description": f"{_STATUSES[status]}: {', '.join(f'`{code}`' for code in codes)}.",
        "headers": {**REQUEST_ID_HEADER, **_HEADERS.get(status, {})},
        "content": {
            MEDIA_TYPE: {
                "schema": {"allOf": [ref("Problem"), only]},
                "examples": {code: {"summary": KINDS[code].title.en, "value": example(code, status)} for code in codes},
            }
        },
    }


def components() -> dict[str, Any]:
    """Responses that belong to no operation: what a path or method gets that is not described here."""
    return {"NotFound": response(404, ["not_found"]), "MethodNotAllowed": response(405, ["method_not_allowed"])}
