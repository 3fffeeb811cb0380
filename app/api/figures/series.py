"""`GET /v1/series`: the total, groups and indicators by day, week or month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice, takewhile
from typing import Annotated, Final, Literal, NotRequired

from fastapi import Request, Response

from app.api.figures.view import Additive, Counts, Days, Heading, Score, Span, View, viewing
from app.api.http.auth import Reading
from app.api.http.csv import tabular_response
from app.api.http.fields import answer, said
from app.api.http.openapi.parameters import BUCKET, SERIES_OF
from app.api.http.openapi.routes import Router, figure
from app.api.http.parameters import FIGURES, asked, figures_of, named
from app.api.http.problems import Problem
from app.api.http.service import Serving
from app.domain.calendar import periods
from app.domain.calendar.civil import date_of
from app.domain.calendar.periods import Period
from app.domain.catalogues.remits import Remits
from app.domain.figures import measures
from app.domain.figures.cube import Slices, why_not_additive
from app.domain.figures.measures import Needed
from app.domain.figures.standing import By, Scores, Standing, indicators_of
from app.messages import Message
from app.store.read.figures import Wanted

router = Router()

Bucket = Literal["day", "week", "month"]
BUCKETS: Final[tuple[Bucket, ...]] = ("day", "week", "month")
MOST_POINTS: Final = 1_000

BucketLength = Annotated[Bucket, said("The length of a bucket.", "month")]


@answer
class Point(Span, Counts):
    """A bucket's own figure; of the total and of groups the points alone."""

    score: Score
    value: NotRequired[Days]


@answer
class Line(Additive):
    """What one figure was over time."""

    indicator: Annotated[
        str, said("The indicator's code, a group's, or TOTAL for all groups.", "DOSSIER_ON_TIME", enum=FIGURES)
    ]
    points: Annotated[list[Point], said("One for each bucket that has begun, empty ones too.", maxItems=MOST_POINTS)]


@answer
class Series(Heading, Line):
    """A figure over time."""

    bucket: BucketLength


@answer
class SeveralSeries(Heading):
    """Several figures over time."""

    bucket: BucketLength
    series: Annotated[list[Line], said("One for each that was asked for, in that order; 1,000 points at most in all.")]


@router.get(
    "/v1/series",
    summary="Indicators, groups or the total over time",
    **figure(Series | SeveralSeries, SERIES_OF, BUCKET, problems=("unknown_indicator",), rows="points"),
)
async def series(request: Request, access: Reading, service: Serving) -> Response:
    """Each civil day, ISO week or month of the period, cut to it, with the figure that a scorecard of it has.

    Empty ones too; those that have not begun are left out, the one that runs is as of now. `additive` says whether
    the points' counts add up to the period's, `note` why they do not. As CSV too.

    `indicator` may be given several times, and be `TOTAL` or a group's code: one call and one reading for all of them.
    They come in `series`, in the order asked; one alone stands in the answer itself.
    """
    wanted = asked(request, ("indicator", "bucket"), many=("indicator",))
    codes = request.query_params.getlist("indicator")
    if not codes:
        raise Problem("invalid_parameter", Message("name the indicator", "hãy nêu chỉ số"), "indicator")
    of = figures_of(codes)
    length = named(dict(request.query_params), "bucket", BUCKETS)
    async with viewing(service, access, wanted) as view:
        found = await view.kept(request, service, lambda: _series(view, of, length))
    return tabular_response(request, found, "points", view.later)


async def _series(view: View, of: Sequence[By], length: Bucket) -> Series | SeveralSeries:
    """One series, or several."""
    most = MOST_POINTS // len(of)
    begun = takewhile(lambda bucket: bucket.a < view.now, buckets_of(view.wanted.period, length))
    buckets = list(islice(begun, most + 1))
    if len(buckets) > most:
        too_many = Message(
            "at most {most} points in all: take longer buckets, or fewer indicators",
            "tối đa {most} điểm tất cả: hãy chia theo khoảng dài hơn, hoặc bớt chỉ số",
            most=MOST_POINTS,
        )
        raise Problem("invalid_parameter", too_many, "bucket")
    lines = await _lines(view, of, buckets)
    if len(lines) > 1:
        return {**view.heading, "bucket": length, "series": lines}
    return {**view.heading, "bucket": length, **lines[0]}


async def _lines(view: View, of: Sequence[By], buckets: Sequence[Period]) -> list[Line]:
    """What each was in each of some buckets that follow each other: one reading for all."""
    wanted, catalogues = view.wanted, view.catalogues
    needed = Needed.of(indicators_of(of))
    slices = Slices.of_buckets(buckets, buckets[-1].effective_end(view.now))
    units = view.question().units_in(catalogues)
    cube = await view.reader.cube(Wanted(units, needed, wanted.procedure), slices)
    remits = Remits.within(catalogues, buckets[0].a, buckets[-1].b)
    points: list[list[Point]] = [[] for _ in of]
    # A report of the whole period makes its denominator another one than that of the points together.
    reported = measures.is_reported(catalogues, view.question())
    for bucket, counted in zip(buckets, cube.wholes(), strict=True):
        found = measures.measures(catalogues, view.question(bucket), counted, needed, remits)
        reported = reported or found["synced_base"] != found["received"]
        scores = Scores(found, wanted.procedure is not None)
        for told, by in zip(points, of, strict=True):
            told.append(_point(bucket, by.standing(scores), by.with_value))
    lines: list[Line] = []
    for by, told in zip(of, points, strict=True):
        note = why_not_additive(by.indicator, "slices", reported)
        lines.append({"indicator": by.code, "additive": note is None, "note": note, "points": told})
    return lines


def _point(bucket: Period, found: Standing, with_value: bool) -> Point:
    point: Point = {
        "from": date_of(bucket.first).isoformat(),
        "to": date_of(bucket.last).isoformat(),
        "numerator": found.numerator,
        "denominator": found.denominator,
        "ratio": found.ratio,
        "score": found.score,
    }
    if with_value:
        point["value"] = found.value
    return point


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
