"""The shapes of catalogues: what a PUT takes and what a GET lists, from one description of each attribute."""

from __future__ import annotations

from typing import Any, Final

from app.api.http.openapi.events import PROCEDURE_PATTERN, issues
from app.api.http.openapi.figures import INDICATOR_CODE
from app.api.http.openapi.schemas import (
    Schema,
    choice,
    day,
    flag,
    instant,
    nullable,
    nullables,
    number,
    record,
    rows,
    text,
    whole,
)
from app.domain.catalogues.root import APPLICANTS, LEVELS, SERVICE_LEVELS

UNIT_PATTERN: Final = r"^[A-Za-z0-9]{1,12}(\.[A-Za-z0-9]{1,12}){0,9}$"
_LARGEST: Final = 10**15

_UNIT_CODE: Final = text("The unit's code, dotted segments.", "H44.07", pattern=UNIT_PATTERN)
_CODES: Final = rows(_UNIT_CODE, "Codes of units.", maxItems=10_000)
_LEVEL: Final = choice("The level.", LEVELS, "department")
_AMOUNT: Final = {"minimum": -_LARGEST, "maximum": _LARGEST}
_VALID: Final = {
    "valid_from": day("The first day it is valid.", "2025-07-01"),
    "valid_to": day("The last day it is valid.", None),
}

_UNIT: Final[dict[str, Schema]] = {
    "code": _UNIT_CODE,
    **nullables(
        {
            "name": text("Its name.", "Sở Công Thương", maxLength=1000),
            "level": _LEVEL,
            "parent": text("The unit above it; default the nearest that exists.", "H44", pattern=UNIT_PATTERN),
        }
    ),
    "certified_copy": flag("Whether it makes certified electronic copies (chứng thực bản sao điện tử).", False),
    **nullables({**_VALID, "successor": text("The unit it was merged into.", None, pattern=UNIT_PATTERN)}),
    "aliases": rows(
        text("A code.", "000.00.07.H44", minLength=1, maxLength=100), "Other codes it is known by.", maxItems=10_000
    ),
}
_PROCEDURE: Final[dict[str, Schema]] = {
    "code": text("The core code (mã TTHC).", "1.004555", pattern=PROCEDURE_PATTERN),
    **nullables(
        {
            "name": text("Its name.", "Cấp giấy phép kinh doanh", maxLength=2000),
            "sector": text("Its sector (lĩnh vực).", "Công Thương", maxLength=500),
        }
    ),
    "service_level": choice("Online service: none, partial, full.", SERVICE_LEVELS, "full"),
    "full_eligible": flag("Whether it could be offered fully online."),
    "fee": flag("Whether it costs a fee."),
    "payment_integrated": flag("Whether the fee can be paid online."),
    "issues_document": flag("Whether it ends with a document."),
    "applicants": rows(choice("Who.", APPLICANTS), "Who may apply.", maxItems=10_000),
    "max_working_days": nullable(whole("The legal limit in working days.", 5, 1, maximum=1000)),
    "essential": flag("Whether it is one of the essential services.", False),
    "units": rows(_UNIT_CODE, "The units that apply it; empty: every unit of `levels`.", maxItems=10_000),
    "levels": rows(_LEVEL, "The levels that apply it.", maxItems=10_000),
    **nullables(_VALID),
}
_TARGET: Final[dict[str, Schema]] = {
    "indicator": INDICATOR_CODE,
    **nullables({"unit": _UNIT_CODE | {"examples": [None]}, "level": choice("The level.", LEVELS, "commune")}),
    "period": text("The year.", "2026", pattern="^(20[0-9]{2}|2100)$"),
    "value": nullable(number("Percent, at most four decimals.", 95.5, minimum=0, maximum=100)),
}
_EXTERNAL: Final[dict[str, Schema]] = {
    "code": text("The figure's code.", "DTI", pattern="^[A-Z0-9_]{1,40}$"),
    "unit": _UNIT_CODE,
    "period": text("A period, or two dates with two dots between them.", "2026"),
    **nullables(
        {
            "value": number("The value, at most six decimals.", 0.71, **_AMOUNT),
            "score": number("Points.", None, **_AMOUNT),
            "max": number("The most points.", None, **_AMOUNT),
            "rank": whole("The rank.", 12, maximum=10**9),
            "of": whole("Among how many.", 34, maximum=10**9),
            "count": whole("A count.", None, maximum=_LARGEST),
            "source": text("Where it is from.", "Bộ KH&CN", maxLength=500),
            "note": text("A remark.", None, maxLength=500),
        }
    ),
}
_DAY: Final[dict[str, Schema]] = {
    "date": day("The day.", "2026-01-10"),
    "kind": choice("A day off, or a day worked instead.", ("holiday", "workday"), "workday"),
    "name": text("Why.", "Làm bù ngày 02/01/2026", maxLength=200),
}
_LISTED: Final[dict[str, dict[str, Schema]]] = {
    "external-figures": {
        "entered_by": text("The name of the key that entered it, or the key's id.", "văn phòng"),
        "entered_at": instant("When.", "2026-11-01T09:00:00+07:00"),
    },
    "calendar": {"seeded": flag("Whether it came with the service.", False)},
}
COLUMNS: Final = {
    "units": _UNIT,
    "procedures": _PROCEDURE,
    "targets": _TARGET,
    "external-figures": _EXTERNAL,
    "calendar": _DAY,
}
REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "units": ("code",),
    "procedures": ("code",),
    "targets": ("indicator", "period", "value"),
    "external-figures": ("code", "unit", "period"),
    "calendar": ("date",),
}
NAMES: Final = {
    "units": "Unit",
    "procedures": "Procedure",
    "targets": "Target",
    "external-figures": "EnteredFigure",
    "calendar": "CalendarDay",
}
_NEVER_NULL: Final = {**REQUIRED, "targets": ("indicator", "period"), "calendar": ("date", "kind")}


def listed(kind: str) -> Schema:
    """A row as it is listed: every attribute is there."""
    return record({**COLUMNS[kind], **_LISTED.get(kind, {})}, "A row of the catalogue.")


def change(kind: str) -> Schema:
    """A row as it is sent: what is absent stays as it was, null resets it to its default."""
    fields = {
        name: schema if name in _NEVER_NULL[kind] or "null" in schema["type"] else nullable(schema)
        for name, schema in COLUMNS[kind].items()
    }
    if kind == "targets":
        year: dict[str, Any] = {"type": ["string", "integer"], "description": "The year.", "examples": ["2026"]}
        fields["period"] = year
    if kind == "external-figures":
        fields["period"] = {**fields["period"], "type": ["string", "integer"]}
    optional = [name for name in fields if name not in REQUIRED[kind]]
    example = {name: schema["examples"][0] for name, schema in fields.items() if "examples" in schema}
    return record(
        fields,
        "A row of the catalogue: an absent attribute stays as it was, null resets it to its default.",
        optional,
        examples=[{name: value for name, value in example.items() if value is not None}],
    )


CHANGE_CODES: Final = (
    "invalid_json",
    "invalid_value",
    "invalid_code",
    "invalid_period",
    "unknown_field",
    "unknown_unit",
    "unknown_indicator",
    "personal_data",
    "time_out_of_range",
    "forbidden_unit",
    "too_large",
)
PUT_OUTCOME: Final = record(
    {
        "accepted": whole("How many rows were taken, changed or not.", 2),
        "duplicates": whole("Always 0.", 0),
        "rejected": whole("How many were not.", 0),
        "errors": rows(issues(CHANGE_CODES), "Why not, one for each.", examples=[[]]),
        "refolding": whole("How many lives are folded again in the background.", 12),
    },
    "One outcome per row.",
)
COMPONENTS: Final[dict[str, Schema]] = {
    **{NAMES[kind]: listed(kind) for kind in COLUMNS},
    **{f"{NAMES[kind]}Change": change(kind) for kind in COLUMNS},
    "PutOutcome": PUT_OUTCOME,
}
