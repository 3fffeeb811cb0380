"""The plain peer's figures: counted from the events by subject whenever somebody asks."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bench.plain.events import Flag
from bench.plain.schema import COUNTED

_CIVIL: Final = ZoneInfo("Asia/Ho_Chi_Minh")
_TIMES: Final = [bindparam(name, type_=DateTime(timezone=True)) for name in ("since", "until")]

# Of several due times the one told last counts: the greatest pair of the time of telling and the time told. The pause
# goes from the first request for a supplement to the last answer; a request without answer ends the handling.
_FACTS: Final = f"""
    SELECT subject,
        min(time) FILTER (WHERE type = 'dossier.received') AS received,
        min(unit) FILTER (WHERE type = 'dossier.received') AS reception,
        (max(ARRAY[extract(epoch FROM time)::text, to_unit]) FILTER (WHERE to_unit IS NOT NULL))[2] AS moved,
        min(time) FILTER (WHERE type = 'dossier.completed') AS completed,
        min(time) FILTER (WHERE type = 'dossier.returned') AS returned,
        max(time) FILTER (WHERE type IN ('dossier.refused', 'dossier.stopped', 'dossier.withdrawn')) AS broken_off,
        min(time) FILTER (WHERE type = 'dossier.supplement_requested') AS asked,
        max(time) FILTER (WHERE type = 'dossier.supplemented') AS answered,
        (max(ARRAY[time, due_at]) FILTER (WHERE due_at IS NOT NULL))[2] AS due,
        bit_or(flags) AS flags
    FROM events
    WHERE {COUNTED}
"""
_OF_ALL: Final = f"{_FACTS} GROUP BY subject"
_OF_SOME: Final = f"""
    {_FACTS}
    AND subject IN (
        SELECT subject FROM events WHERE type = 'dossier.received' AND unit >= :first AND unit < :after
        UNION
        SELECT subject FROM events WHERE to_unit >= :first AND to_unit < :after
    )
    GROUP BY subject
"""


def _lives(facts: str) -> str:
    """The dossiers of a subtree that are active in the period, each with its times."""
    return f"""
WITH facts AS ({facts}),
lives AS (
    SELECT coalesce(moved, reception) AS unit, received, flags,
        due + coalesce(answered - asked, interval '0') AS deadline,
        coalesce(completed, returned, broken_off, CASE WHEN answered IS NULL THEN asked END) AS ended
    FROM facts
    WHERE received < :until AND flags & {Flag.VOIDED.value} = 0
),
active AS (
    SELECT *, ended < :until AS has_ended, deadline < least(ended, :until, now()) AS overdue
    FROM lives
    WHERE (ended IS NULL OR ended >= :since) AND unit >= :first AND unit < :after
)"""


def _has(*flags: Flag) -> str:
    mask = sum(flag.value for flag in flags)
    return f"flags & {mask} = {mask}"


_WITH_FEE: Final = f"({_has(Flag.PAID_ONLINE)} OR flags & {Flag.FEE.value | Flag.WAIVED.value} = {Flag.FEE.value})"
_COUNTS: Final = {
    "active": "true",
    "received": "received >= :since",
    "received_online": f"received >= :since AND {_has(Flag.ONLINE)}",
    "received_postal": f"received >= :since AND {_has(Flag.POSTAL)}",
    "ended": "has_ended",
    "ended_on_time": "has_ended AND overdue IS NOT TRUE",
    "overdue": "overdue",
    "with_fee": f"received >= :since AND {_WITH_FEE}",
    "paid_online": f"received >= :since AND {_has(Flag.PAID_ONLINE)}",
    "e_result": _has(Flag.E_RESULT),
    "digitised": _has(Flag.DIGITISED, Flag.E_RESULT),
    "reused": _has(Flag.REUSED),
    "shared_store": _has(Flag.SHARED_STORE),
    "population_data": _has(Flag.POPULATION_DATA),
    "synced": f"received >= :since AND {_has(Flag.SYNCED)}",
    "disliked": _has(Flag.DISLIKED),
    "satisfied": f"overdue IS NOT TRUE AND NOT {_has(Flag.DISLIKED)}",
}
"""What a scorecard counts of the active dossiers."""
_SHARES: Final = {
    "on_time": ("on_time", "active"),
    "online": ("received_online", "received"),
    "synced": ("synced", "received"),
    "e_result": ("e_result", "active"),
    "digitised": ("digitised", "active"),
    "reused": ("reused", "active"),
    "shared_store": ("shared_store", "active"),
    "population_data": ("population_data", "active"),
    "paid_online": ("paid_online", "with_fee"),
    "satisfied": ("satisfied", "active"),
}
"""In percent: numerator and denominator."""

_SCORECARD: Final = (
    f"\nSELECT {', '.join(f'count(*) FILTER (WHERE {its}) AS {name}' for name, its in _COUNTS.items())} FROM active"
)
# Counted by unit before the units are met: the planner cannot know how many dossiers there are, and would compare each
# of them with each unit.
_RANKING: Final = """,
counted AS MATERIALIZED (
    SELECT unit, count(*) AS active, count(*) FILTER (WHERE overdue IS NOT TRUE) AS on_time FROM active GROUP BY unit
),
ranked AS (
    SELECT code, coalesce(active, 0) AS active, coalesce(on_time, 0) AS on_time, 1.0 * on_time / active AS share
    FROM units LEFT JOIN counted ON unit = code
    WHERE level = :level AND code >= :first AND code < :after
)
SELECT code AS unit, active, on_time, round(100 * share, 2)::float8 AS share,
    CASE WHEN active > 0 THEN rank() OVER (ORDER BY share DESC NULLS LAST) END AS rank
FROM ranked
ORDER BY rank, code
"""


def _statements(what: str) -> tuple[TextClause, TextClause]:
    """What is asked of a subtree, and of everything."""
    return text(_lives(_OF_SOME) + what).bindparams(*_TIMES), text(_lives(_OF_ALL) + what).bindparams(*_TIMES)


_SCORECARDS: Final = _statements(_SCORECARD)
_RANKINGS: Final = _statements(_RANKING)


async def scorecard(connection: AsyncConnection, unit: str, since: date, until: date) -> dict[str, Any]:
    """A subtree's counts and shares, in percent, for the days from `since` and before `until`."""
    found = await connection.execute(_SCORECARDS[_is_root(unit)], _asked(unit, since, until))
    counts = {name: int(value) for name, value in found.mappings().one().items()}
    counts["on_time"] = counts["active"] - counts["overdue"]
    shares = {name: _percent(counts[part], counts[whole]) for name, (part, whole) in _SHARES.items()}
    return {"unit": unit, "from": since, "until": until, "counts": counts, "shares": shares}


async def ranking(connection: AsyncConnection, unit: str, level: str, since: date, until: date) -> dict[str, Any]:
    """The units of a level in a subtree by the share that is on time, ties 1-2-2-4, those without dossiers last."""
    found = await connection.execute(_RANKINGS[_is_root(unit)], _asked(unit, since, until) | {"level": level})
    return {"unit": unit, "from": since, "until": until, "rows": [dict(row) for row in found.mappings()]}


def _is_root(unit: str) -> bool:
    """Whether everything there is lies in the subtree: nothing is to be looked up then, all is read in one go."""
    return "." not in unit


def _asked(unit: str, since: date, until: date) -> dict[str, Any]:
    # A subtree is the code itself and what begins with it and a dot; "/" follows "." and no code has what lies before.
    return {"first": unit, "after": f"{unit}/", "since": _midnight(since), "until": _midnight(until)}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), _CIVIL)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None
