"""`GET /v1/indicators`: what the figures mean."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Request, Response
from typing_extensions import TypedDict

from app.api.figures.view import IndicatorCode
from app.api.http.answers import Encoded
from app.api.http.auth import Reading
from app.api.http.csv import tabular_response
from app.api.http.fields import Number, answer, said, whole
from app.api.http.openapi.routes import Router, told
from app.api.http.parameters import GROUPS, only
from app.domain.catalogues import indicators
from app.domain.catalogues.indicators import Counts, ZeroRule
from app.domain.figures.scoring import half_up

router = Router()

_KNOWN: Final = indicators.load()
_EXAMPLE: Final = _KNOWN.indicator("DOSSIER_ON_TIME")


@answer
class GroupBrief(TypedDict):
    """A group."""

    code: Annotated[str, said("The group's code.", "progress", enum=GROUPS)]
    name: Annotated[str, said("Its name.", "Tiến độ giải quyết")]
    max: Annotated[int, whole("The most points.", 20)]


@answer
class Indicator(TypedDict):
    """An indicator's definition."""

    code: IndicatorCode
    name: Annotated[str, said("Its name.", _EXAMPLE.name)]
    group: Annotated[str | None, said("Its group.", "progress", enum=[*GROUPS, None])]
    max: Annotated[int | None, whole("The most points; null when unscored.", 20)]
    full_at: Annotated[Number | None, said("The ratio in percent that earns all points.", 100)]
    zero_rule: Annotated[ZeroRule | None, said("What 0/0 earns: nothing is known, no points, or all.", "null")]
    numerator: Annotated[str | None, said("The measure above the line.", "on_time")]
    denominator: Annotated[str | None, said("The measure under the line.", "active")]
    counts: Annotated[Counts, said("What it counts.", "dossiers")]
    formula: Annotated[str, said("The formula in words.", _EXAMPLE.formula)]
    source: Annotated[str, said("The legal source.", _EXAMPLE.source)]


@answer
class RatingBand(TypedDict):
    """A rating."""

    name: Annotated[str, said("The rating.", _KNOWN.rating_bands[0].name)]
    at_least: Annotated[int, whole("The least total that earns it.", _KNOWN.rating_bands[0].at_least)]


@answer
class IndicatorList(TypedDict):
    """The catalogue of indicators."""

    version: Annotated[str, said("The rules' version.", _KNOWN.version)]
    max: Annotated[int, whole("The most points.", _KNOWN.max)]
    rating_bands: Annotated[list[RatingBand], said("What totals are rated, the best first.")]
    groups: Annotated[list[GroupBrief], said("The groups.")]
    indicators: Annotated[list[Indicator], said("The indicators, scored ones first.")]


@router.get(
    "/v1/indicators",
    summary="The catalogue of indicators",
    name="indicators",
    **told(IndicatorList, problems=("invalid_parameter",), rows="indicators", tag="figures", tagged=True),
)
async def list_indicators(access: Reading, request: Request) -> Response:
    """Code, name, group, maximum, threshold, zero rule, formula in words and legal source of every indicator."""
    only(request, ())
    return tabular_response(request, _LISTED, "indicators", {})


def _listed() -> IndicatorList:
    return {
        "version": _KNOWN.version,
        "max": _KNOWN.max,
        "rating_bands": [{"name": each.name, "at_least": each.at_least} for each in _KNOWN.rating_bands],
        "groups": [{"code": each.code, "name": each.name, "max": each.max} for each in _KNOWN.groups],
        "indicators": [
            {
                "code": each.code,
                "name": each.name,
                "group": each.group,
                "max": each.max,
                "full_at": half_up(each.full_at) if each.full_at is not None else None,
                "zero_rule": each.zero if each.max is not None else None,
                "numerator": each.numerator,
                "denominator": each.denominator,
                "counts": each.counts,
                "formula": each.formula,
                "source": each.source,
            }
            for each in _KNOWN.indicators
        ],
    }


_LISTED: Final = Encoded.of(_listed())
