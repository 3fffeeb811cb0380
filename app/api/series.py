"""`GET /v1/series`: one indicator by day, week or month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from app.api.http.auth import Access, access_for
from app.api.http.csv import tabular_response
from app.api.http.parameters import asked, one_of
from app.api.http.problems import Problem
from app.api.http.service import Service, service_of
from app.api.ranking import indicator_of
from app.api.scorecard import View, heading, moving, viewing
from app.domain.calendar import periods
from app.domain.calendar.civil import date_of
from app.domain.calendar.periods import Period
from app.domain.catalogues.indicators import Indicator
from app.domain.catalogues.remits import Remits
from app.domain.figures import measures as figures
from app.domain.figures import scoring
from app.domain.figures.cube import Slices, why_not_additive
from app.domain.figures.measures import Needed
from app.store.read.figures import Wanted

router = APIRouter()

BUCKETS: Final = ("day", "week", "month")
MOST_POINTS: Final = 1_000


@router.get("/v1/series", summary="An indicator over time", tags=["figures"])
async def series(
    request: Request,
    access: Annotated[Access, Depends(access_for("read"))],
    service: Annotated[Service, Depends(service_of)],
) -> Response:
    """Each civil day, ISO week or month of the period, cut to it, with the figure that a scorecard of it has.

    Empty ones too; those that have not begun are left out, the one that runs is as of now. `additive` says whether
    the points' counts add up to the period's, `note` why they do not. As CSV too.
    """
    wanted = asked(request, ("indicator", "bucket"))
    query = dict(request.query_params)
    indicator = indicator_of(query)
    if "bucket" not in query:
        raise Problem("invalid_parameter", f"name the bucket: one of {', '.join(BUCKETS)}", "bucket")
    length = one_of(query, "bucket", BUCKETS, "")
    async with viewing(service, access, wanted) as view:
        body = await view.kept(request, service, lambda: _series(view, indicator, length))
    return tabular_response(request, body, "points", moving(view.moment, wanted.period))


async def _series(view: View, indicator: Indicator, length: str) -> dict[str, Any]:
    """A series without what tells the time."""
    buckets: list[Period] = []
    for bucket in buckets_of(view.wanted.period, length):
        if bucket.a >= view.now:
            break
        if len(buckets) == MOST_POINTS:
            raise Problem("invalid_parameter", f"at most {MOST_POINTS} points: take longer buckets", "bucket")
        buckets.append(bucket)
    points, reported = await _points(view, indicator, buckets)
    note = why_not_additive(indicator, "slices", reported)
    body = heading(view.moment, view.unit, view.wanted)
    body |= {"indicator": indicator.code, "bucket": length, "additive": note is None, "note": note, "points": points}
    return body


async def _points(view: View, indicator: Indicator, buckets: list[Period]) -> tuple[list[dict[str, Any]], bool]:
    """The points, and whether a national report's count stands in for the dossiers received."""
    wanted, catalogues = view.wanted, view.catalogues
    needed = Needed.of([indicator])
    slices = Slices.of_buckets(buckets, buckets[-1].effective_end(view.now))
    units = catalogues.in_scope(view.unit.code, wanted.scope)
    cube = await view.reader.cube(Wanted(units, needed, wanted.procedure), slices)
    remits = Remits.within(catalogues, buckets[0].a, buckets[-1].b)
    points = []
    reported = False
    for bucket, counted in zip(buckets, cube.wholes(), strict=True):
        measures = figures.measures(catalogues, view.question(bucket), counted, needed, remits)
        reported = reported or measures["synced_base"] != measures["received"]
        figure = scoring.score_indicator(indicator, measures, wanted.procedure is not None)
        points.append(
            {
                "from": date_of(bucket.first).isoformat(),
                "to": date_of(bucket.last).isoformat(),
                "numerator": figure.numerator,
                "denominator": figure.denominator,
                "ratio": figure.ratio,
                "score": figure.score,
            }
            | ({"value": figure.value} if indicator.kind == "average" else {})
        )
    # A report of the whole period makes its denominator another one than that of the points together.
    return points, reported or figures.is_reported(catalogues, view.question())


def buckets_of(period: Period, length: str) -> Iterator[Period]:
    """The civil days, ISO weeks or months that the period touches, each cut to it and labelled as what is left."""
    day, last = date_of(period.first), date_of(period.last)
    while day <= last:
        if length == "day":
            begin = end = day
        elif length == "week":
            begin = day - timedelta(days=day.weekday())
            end = begin + timedelta(days=6)
        else:
            begin = day.replace(day=1)
            end = (begin + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        until = min(end, last)
        if day == until:
            yield periods.parse(day.isoformat())
        elif (day, until) != (begin, end):
            yield periods.from_dates(day, until)
        elif length == "week":
            year, week, _ = day.isocalendar()
            yield periods.parse(f"{year:04}-W{week:02}")
        else:
            yield periods.parse(f"{day:%Y-%m}")
        day = until + timedelta(days=1)
