"""The comparison finds nothing where a service is right, and says what is wrong where it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .calendar import period_days
from .histories import NOW, SEED_HOLIDAYS, SEED_WORKDAYS, history
from .http_client import compare
from .points import GROUPS, WORTH, Figure, half_up
from .recount import Recount


def number(fraction) -> float | None:
    return None if fraction is None else float(fraction)


def shown(code: str, figure: Figure) -> dict:
    ratio = None if figure.ratio is None else half_up(figure.ratio * 100)
    return {
        "code": code, "numerator": figure.numerator, "denominator": figure.denominator, "ratio": number(ratio),
        "score": number(figure.score), "max": WORTH[code].most if code in WORTH else None,
        "value": number(figure.value),
    }  # fmt: skip


def serve(oracle: Recount) -> Callable[[str, Mapping], dict]:
    """A service that answers from the recount itself."""

    def get(path: str, params: Mapping) -> dict:
        first, last = period_days(params["period"])
        answer = oracle.answer(params["unit"], first, last, params["scope"], params.get("procedure"), now=NOW)
        groups = [
            {
                "code": group, "score": number(answer.groups[group]), "max": most,
                "indicators": [shown(c, answer.figures[c]) for c, worth in WORTH.items() if worth.group == group],
            }
            for group, most in GROUPS.items()
        ]  # fmt: skip
        return {
            "period": {
                "from": first.isoformat(), "to": last.isoformat(), "effective_end": answer.effective_end.isoformat(),
            },
            "as_of": NOW.isoformat(), "refolding": False, "total": number(answer.total), "rating": answer.rating,
            "groups": groups, "balance": answer.balance,
            "operational": [shown(code, f) for code, f in answer.figures.items() if code not in WORTH],
        }  # fmt: skip

    return get


def test_a_right_service_has_no_differences_and_a_wrong_one_has_each_named() -> None:
    h = history(2, 120)
    oracle = Recount(h.events, h.units, h.procedures, SEED_HOLIDAYS, h.calendar, h.external, SEED_WORKDAYS)
    question = (["H44", "H44.13"], ["2026", "2026-W20"], ["subtree", "own"], [None, "1.000001"])
    assert compare(serve(oracle), oracle, *question) == []

    def wrong(path: str, params: Mapping) -> dict:
        answer = serve(oracle)(path, params)
        answer["groups"][1]["indicators"][0]["numerator"] += 1
        answer["balance"] = answer["balance"] | {"open": -1}
        return answer

    found = compare(wrong, oracle, ["H44"], ["2026"], ["subtree"])
    assert len(found) == 2
    assert "DOSSIER_ON_TIME numerator is" in found[0]
    assert "balance.open is -1" in found[1]
