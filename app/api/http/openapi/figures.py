"""The shapes of figures: scorecard, ranking, series, breakdown, advice, and the catalogue of indicators."""

from __future__ import annotations

from typing import Any, Final

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
    ref,
    rows,
    text,
    whole,
)
from app.domain.catalogues import indicators
from app.domain.catalogues.root import LEVELS

_KNOWN: Final = indicators.load()
INDICATORS: Final = tuple(each.code for each in _KNOWN.indicators)
GROUPS: Final = tuple(each.code for each in _KNOWN.groups)
SCOPES: Final = ("subtree", "own")

COUNTS: Final = {
    "numerator": nullable(whole("What counts; null where there is nothing to count.", 528684)),
    "denominator": nullable(whole("Out of how many.", 597918)),
    "ratio": nullable(number("Percent, two decimals; null for 0/0.", 88.42)),
}
_SCORE: Final = nullable(number("Points, two decimals; null where there are none.", 17.68))
_DAYS: Final = nullable(number("Only of AVERAGE_PROCESSING_TIME: days.", 3.25))
INDICATOR_CODE: Final = choice("The indicator's code.", INDICATORS, "DOSSIER_ON_TIME")

UNIT_BRIEF: Final = record(
    {
        "code": text("The unit's code.", "H44"),
        "name": nullable(text("Its name.", "UBND tỉnh Phú Thọ")),
        "level": nullable(choice("Its level.", LEVELS, "province")),
    },
    "A unit.",
)
PERIOD: Final = record(
    {
        "label": text("The period's canonical text; `2026-01-01..2026-04-20` for two dates.", "2026-Q3"),
        "from": day("The first day.", "2026-07-01"),
        "to": day("The last day, included.", "2026-09-30"),
        "open": flag("Whether it still runs: its figures are provisional.", False),
        "effective_end": instant("The instant that is counted to, exclusive.", "2026-10-01T00:00:00+07:00"),
    },
    "The period, in civil time (+07:00).",
)
HEADING: Final[dict[str, Schema]] = {
    "unit": ref("UnitBrief"),
    "scope": choice("The unit with all under it, or alone.", SCOPES),
    "procedure": nullable(text("The procedure it is narrowed to.", None)),
    "period": ref("Period"),
    "as_of": instant("The instant of the cut.", "2026-11-23T08:00:00.123456+07:00"),
    "catalogue": record(
        {
            "version": text("The rules' version.", _KNOWN.version),
            "hash": text("Digest of the rules and catalogues that were applied.", "1f0a6c6b6f0e1d2c"),
        },
        "What the figures were computed with.",
    ),
    "refolding": flag("Whether lives are still being folded again after a catalogue edit.", False),
}
ADDITIVE: Final = {
    "additive": flag("Whether the rows' counts add up to the whole."),
    "note": nullable(text("Why they do not.", None)),
}

FIGURE: Final = record(
    {
        "code": INDICATOR_CODE,
        "name": text("Its name.", _KNOWN.indicator("DOSSIER_ON_TIME").name),
        **COUNTS,
        "score": _SCORE,
        "max": nullable(whole("The most points; null when unscored.", 20)),
        "target": nullable(number("The year's target, percent.", 95)),
        "gap": nullable(number("target − ratio, points of percent.", 6.58)),
        "attained": nullable(number("ratio ÷ target, percent.", 93.07)),
        "previous": nullable(
            record(
                {
                    "period": text("The compared period.", "2026-Q2"),
                    "ratio": COUNTS["ratio"] | {"examples": [87.9]},
                    "score": _SCORE | {"examples": [17.58]},
                    "value": _DAYS,
                },
                "The same figure of the compared period.",
                ("value",),
                examples=[{"period": "2026-Q2", "ratio": 87.9, "score": 17.58}],
            )
        ),
        "change": nullable(number("ratio − previous ratio, points of percent.", 0.52)),
        "value": _DAYS,
    },
    "An indicator's figure.",
    ("value",),
)


def _figure_example(code: str, **more: Any) -> dict[str, Any]:
    """The figure of another indicator, without target and comparison."""
    nothing: dict[str, Any] = dict.fromkeys(FIGURE["required"])
    return nothing | {"code": code, "name": _KNOWN.indicator(code).name} | more


GROUP: Final = record(
    {
        "code": choice("The group's code.", GROUPS, "progress"),
        "name": text("Its name.", "Tiến độ giải quyết"),
        "score": _SCORE,
        "max": whole("The most points.", 20),
        "indicators": rows(ref("Figure"), "Its scored indicators."),
    },
    "A group of indicators.",
)
_BALANCE: Final = (
    "carried_over received received_online received_counter received_postal active ended ended_on_time"
    " ended_late open open_overdue"
)
_BALANCE_EXAMPLE: Final = (0, 2490, 1112, 1378, 0, 2490, 2030, 2001, 29, 460, 3)
BALANCE: Final = record(
    {
        name: whole(name.replace("_", " "), value)
        for name, value in zip(_BALANCE.split(), _BALANCE_EXAMPLE, strict=True)
    },
    "Dossiers carried over and received are those active; each of them has ended or is open.",
)
_ENTERED: Final[dict[str, Schema]] = {
    "value": nullable(number("The value.", 0.71)),
    "score": nullable(number("Points.", None)),
    "max": nullable(number("The most points.", None)),
    "rank": nullable(whole("The rank.", 12)),
    "of": nullable(whole("Among how many.", 34)),
    "count": nullable(whole("A count.", None)),
    "source": nullable(text("Where it is from.", "Bộ KH&CN")),
    "note": nullable(text("A remark.", None)),
}
EXTERNAL: Final = record(
    {
        "code": text("The figure's code.", "DTI"),
        **_ENTERED,
        "entered_by": text("The name of the key that entered it, or the key's id.", "văn phòng"),
        "entered_at": instant("When.", "2026-11-01T09:00:00+07:00"),
    },
    "A figure entered by hand.",
)
SCORECARD: Final = record(
    {
        **HEADING,
        "total": nullable(number("The points of all groups.", 61.5)),
        "max": whole("The most points.", 100),
        "rating": nullable(choice("The rating.", [each.name for each in _KNOWN.rating_bands], "Trung bình")),
        "groups": rows(ref("Group"), "The groups."),
        "operational": rows(
            ref("Figure"),
            "Unscored indicators.",
            examples=[
                [
                    _figure_example("RETURNED_BY_POST", numerator=329, denominator=2030, ratio=16.21),
                    _figure_example("AVERAGE_PROCESSING_TIME", value=3.25),
                ]
            ],
        ),
        "external": rows(ref("ExternalFigure"), "Figures entered by hand for this unit and period."),
        "balance": ref("Balance"),
    },
    "All figures of a unit and period.",
)

_PLACE: Final = nullable(whole("The rank; equal ones share it (1-2-2-4); null without a figure.", 3, 1))
RANKED: Final = record(
    {
        "rank": _PLACE,
        "of": whole("How many have a figure.", 148),
        "unit": record(
            UNIT_BRIEF["properties"],
            "A unit.",
            examples=[{"code": "H44.130", "name": "UBND xã Tu Vũ", "level": "commune"}],
        ),
        "score": _SCORE | {"examples": [19.5]},
        "ratio": COUNTS["ratio"] | {"examples": [97.5]},
        "previous_rank": _PLACE | {"examples": [5]},
        "previous_score": _SCORE | {"examples": [18.9]},
        "value": _DAYS,
    },
    "A unit and its place.",
    ("value",),
    examples=[
        {
            "rank": 3,
            "of": 148,
            "unit": {"code": "H44.130", "name": "UBND xã Tu Vũ", "level": "commune"},
            "score": 19.5,
            "ratio": 97.5,
            "previous_rank": 5,
            "previous_score": 18.9,
        }
    ],
)
RANKING: Final = record(
    {
        **HEADING,
        "level": choice("The level that is ranked.", LEVELS, "commune"),
        "by": choice("What it is ranked by.", ("total", *GROUPS, *INDICATORS), "DOSSIER_ON_TIME"),
        "previous_period": nullable(text("The compared period.", "2026-Q2")),
        "rows": rows(ref("Ranked"), "The best first; those without a figure last."),
    },
    "The units of a level in order.",
)

_PART: Final = {"numerator": 12, "denominator": 13, "ratio": 92.31}
SERIES: Final = record(
    {
        **HEADING,
        "indicator": INDICATOR_CODE,
        "bucket": choice("The length of a bucket.", ("day", "week", "month"), "month"),
        **ADDITIVE,
        "points": rows(
            record(
                {
                    "from": day("The first day.", "2026-07-01"),
                    "to": day("The last day, included.", "2026-07-31"),
                    **COUNTS,
                    "score": _SCORE,
                    "value": _DAYS,
                },
                "A bucket's own figure.",
                ("value",),
                examples=[{"from": "2026-07-01", "to": "2026-07-31", **_PART, "score": 18.46}],
            ),
            "One for each bucket that has begun, empty ones too.",
            maxItems=1000,
        ),
    },
    "An indicator over time.",
)
BREAKDOWN: Final = record(
    {
        **HEADING,
        "indicator": INDICATOR_CODE,
        "by": choice("The dimension.", ("unit", "procedure", "sector", "channel")),
        **ADDITIVE,
        "total": record({**COUNTS, "value": _DAYS}, "The figure that is broken down.", ("value",), examples=[_PART]),
        "rows": rows(
            record(
                {
                    "key": text("The unit, procedure, sector or channel.", "H44.07"),
                    "name": nullable(text("Its name.", "Sở Công Thương")),
                    **COUNTS,
                    "value": _DAYS,
                },
                "A part's own figure.",
                ("value",),
                examples=[{"key": "H44.07", "name": "Sở Công Thương", **_PART}],
            ),
            "The parts.",
        ),
    },
    "An indicator by its parts.",
)
_STEP: Final = {
    "needed": nullable(whole("How many more must count, at the present denominator.", 1)),
    "gain": nullable(number("The points gained by it.", 0.01)),
}
ADVICE: Final = rows(
    record(
        {
            "indicator": INDICATOR_CODE,
            "gain": nullable(number("The points still to gain.", 2.32)),
            "needed": nullable(whole("How many more must count for them.", 69234)),
            "of": nullable(whole("The present denominator.", 597918)),
            "next": nullable(record(_STEP, "The cheapest next step.")),
            "action": text("What to do, in Vietnamese.", "Giải quyết hồ sơ trước hoặc đúng hạn."),
        },
        "What an indicator could still gain.",
    ),
    "The scored indicators, most points to gain first.",
)

_GROUP_BRIEF: Final = record({name: GROUP["properties"][name] for name in ("code", "name", "max")}, "A group.")
INDICATOR: Final = record(
    {
        "code": INDICATOR_CODE,
        "name": FIGURE["properties"]["name"],
        **nullables({"group": GROUP["properties"]["code"], "max": whole("The most points.", 20)}),
        "full_at": nullable(number("The ratio in percent that earns all points.", 100)),
        "zero_rule": nullable(choice("What 0/0 earns: nothing is known, no points, or all.", ("null", "zero", "max"))),
        **nullables(
            {
                "numerator": text("The measure above the line.", "on_time"),
                "denominator": text("The measure under the line.", "active"),
            }
        ),
        "counts": choice(
            "What it counts.", ("dossiers", "procedures", "petitions", "communes", "documents", "publications")
        ),
        "formula": text("The formula in words.", _KNOWN.indicator("DOSSIER_ON_TIME").formula),
        "source": text("The legal source.", _KNOWN.indicator("DOSSIER_ON_TIME").source),
    },
    "An indicator's definition.",
)
INDICATOR_LIST: Final = record(
    {
        "version": text("The rules' version.", _KNOWN.version),
        "max": whole("The most points.", _KNOWN.max),
        "groups": rows(_GROUP_BRIEF, "The groups."),
        "indicators": rows(ref("Indicator"), "The indicators, scored ones first."),
    },
    "The catalogue of indicators.",
)
COMPONENTS: Final[dict[str, Schema]] = {
    "UnitBrief": UNIT_BRIEF,
    "Period": PERIOD,
    "Figure": FIGURE,
    "Group": GROUP,
    "Balance": BALANCE,
    "ExternalFigure": EXTERNAL,
    "Scorecard": SCORECARD,
    "Ranked": RANKED,
    "Ranking": RANKING,
    "Series": SERIES,
    "Breakdown": BREAKDOWN,
    "Advice": ADVICE,
    "Indicator": INDICATOR,
    "IndicatorList": INDICATOR_LIST,
}
