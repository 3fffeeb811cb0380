"""`GET /v1/series`: one indicator by day, week or month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Final, Literal, NotRequired

from fastapi import APIRouter, Request, Response

from app.api.figures.view import Additive, Counts, Days, Score, Span, View, viewing
from app.api.http.auth import Reading
from app.api.http.csv import tabular_response
from app.api.http.fields import answer, said
from app.api.http.openapi.parameters import BUCKET, INDICATOR
from app.api.http.openapi.routes import figure
from app.api.http.parameters import asked, indicator_of, named
from app.api.http.problems import Problem
from app.api.http.service import Serving
from app.domain.calendar import periods
from app.domain.calendar.civil import date_of
from app.domain.calendar.periods import Period
from app.domain.catalogues.indicators import Indicator
from app.domain.catalogues.remits import Remits
from app.domain.figures import measures, scoring
from app.domain.figures.cube import Slices, why_not_additive
from app.domain.figures.measures import Needed
from app.messages import Message
from app.store.read.figures import Wanted

router = APIRouter()

Bucket = Literal["day", "week", "month"]
BUCKETS: Final[tuple[Bucket, ...]] = ("day", "week", "month")
MOST_POINTS: Final = 1_000


@answer
class Point(Span, Counts):
    """A bucket's own figure."""

    score: Score
    value: NotRequired[Days]


@answer
class Series(Additive):
    """An indicator over time."""

    bucket: Annotated[Bucket, said("The length of a bucket.", "month")]
    points: Annotated[list[Point], said("One for each bucket that has begun, empty ones too.", maxItems=MOST_POINTS)]


@router.get(
    "/v1/series",
    summary="An indicator over time",
    **figure(Series, INDICATOR, BUCKET, problems=("unknown_indicator",), rows="points"),
)
async def series(request: Request, access: Reading, service: Serving) -> Response:
    """Each civil day, ISO week or month of the period, cut to it, with the figure that a scorecard of it has.

    Empty ones too; those that have not begun are left out, the one that runs is as of now. `additive` says whether
    the points' counts add up to the period's, `note` why they do not. As CSV too.
    """
    wanted = asked(request, ("indicator", "bucket"))
    query = dict(request.query_params)
    indicator = indicator_of(query)
    length = named(query, "bucket", BUCKETS)
    async with viewing(service, access, wanted) as view:
        found = await view.kept(request, service, lambda: _series(view, indicator, length))
    return tabular_response(request, found, "points", view.later)


async def _series(view: View, indicator: Indicator, length: Bucket) -> Series:
    """A series."""
    buckets: list[Period] = []
    for bucket in buckets_of(view.wanted.period, length):
        if bucket.a >= view.now:
            break
        if len(buckets) == MOST_POINTS:
            too_many = Message(
                "at most {most} points: take longer buckets",
                "tối đa {most} điểm: hãy chia theo khoảng dài hơn",
                most=MOST_POINTS,
            )
            raise Problem("invalid_parameter", too_many, "bucket")
        buckets.append(bucket)
    points, reported = await _points(view, indicator, buckets)
    note = why_not_additive(indicator, "slices", reported)
    return {
        **view.heading,
        "indicator": indicator.code,
        "bucket": length,
        "additive": note is None,
        "note": note,
        "points": points,
    }


async def _points(view: View, indicator: Indicator, buckets: list[Period]) -> tuple[list[Point], bool]:
    """The points, and whether a national report's count stands in for the dossiers received."""
    wanted, catalogues = view.wanted, view.catalogues
    needed = Needed.of([indicator])
    slices = Slices.of_buckets(buckets, buckets[-1].effective_end(view.now))
    units = view.question().units_in(catalogues)
    cube = await view.reader.cube(Wanted(units, needed, wanted.procedure), slices)
    remits = Remits.within(catalogues, buckets[0].a, buckets[-1].b)
    points: list[Point] = []
    reported = False
    for bucket, counted in zip(buckets, cube.wholes(), strict=True):
        found = measures.measures(catalogues, view.question(bucket), counted, needed, remits)
        reported = reported or found["synced_base"] != found["received"]
        scored = scoring.score_indicator(indicator, found, wanted.procedure is not None)
        point: Point = {
            "from": date_of(bucket.first).isoformat(),
            "to": date_of(bucket.last).isoformat(),
            "numerator": scored.numerator,
            "denominator": scored.denominator,
            "ratio": scored.ratio,
            "score": scored.score,
        }
        if indicator.kind == "average":
            point["value"] = scored.value
        points.append(point)
    # A report of the whole period makes its denominator another one than that of the points together.
    return points, reported or measures.is_reported(catalogues, view.question())


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
