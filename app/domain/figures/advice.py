"""What would gain points and can still be done, exactly by the rule that scores it.

What is missing in a numerator is told apart by the catalogue's rule: what can still be won (`mend`, at the denominator
as it is) and what is lost. Where nothing at hand helps, new ones may (`new`): they join the denominator too. Points are
half-up cents of min(max, max × n/d ÷ full_at); so how many are needed for a number of cents is the rounding solved for
them, in integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

from app.domain.calendar.civil import Day, Instant, day_of
from app.domain.catalogues import indicators
from app.domain.catalogues.indicators import Indicator
from app.domain.catalogues.rules import WorkCalendar
from app.domain.figures import scoring
from app.domain.figures.scoring import ScoredIndicator

Way = Literal["mend", "new"]
WAYS: Final[tuple[Way, ...]] = ("mend", "new")
_CENTS: Final = 100
_SOON: Final = indicators.load().limits.soon


@dataclass(frozen=True)
class Outlook:
    """What lies ahead of a question: `now`, the end of its period, and the first instant that is not soon."""

    now: Instant
    until: Instant
    soon: Instant

    @classmethod
    def of(cls, calendar: WorkCalendar, now: Instant, until: Instant) -> Outlook:
        """That of a period that ends at `until`."""
        return cls(now, until, Instant(calendar.end_of_nth_workday(day_of(now), _SOON) + 1))

    @property
    def is_open(self) -> bool:
        """Whether the period still runs."""
        return self.now < self.until

    @property
    def today(self) -> Day:
        """The civil day of now."""
        return day_of(self.now)

    @property
    def risky(self) -> Instant:
        """The first instant whose deadlines are no risk: not soon, or no longer the period's."""
        return min(self.soon, self.until)


@dataclass(frozen=True, slots=True)
class Prospect:
    """Of what is missing, how many can still be won; and how many would be lost soon if nothing is done."""

    recoverable: int = 0
    at_risk: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """So many mended or new ones, and the points they bring."""

    needed: int
    gain: Decimal


@dataclass(frozen=True, slots=True)
class Advice:
    """What can be done about one indicator.

    Attributes:
        gain: the points that can be gained; None without a score.
        needed: the least number of mended or new ones that gains them; None where nothing does.
        of: the denominator as it is.
        way: whether those at hand are mended or new ones join; None where there is nothing to gain.
        next: the cheapest step that brings any points.
        at_risk: how many are lost soon if nothing is done.
        lost: of what is missing, how many nothing can win any more.
        action: what to do, in Vietnamese.
    """

    indicator: Indicator
    gain: Decimal | None
    needed: int | None
    of: int | None
    way: Way | None
    next: Step | None
    at_risk: int
    lost: int
    action: str


def advise(
    figures: Iterable[tuple[ScoredIndicator, Prospect]], is_open: bool, root_name: str | None = None
) -> list[Advice]:
    """Advice on scored indicators: most points first, then the cheapest; those without data last.

    Args:
        is_open: whether the period still runs, so that new ones can join it.
        root_name: of the root whose figures a unit below shows where they are the root's only.
    """
    return sorted((_advice(*each, is_open, root_name) for each in figures), key=_order)


def recoverable(advices: Iterable[Advice]) -> Decimal:
    """The points the total would gain if everything at hand that can still be won were won."""
    return sum((each.gain for each in advices if each.way == "mend" and each.gain is not None), Decimal("0.00"))


def _order(advice: Advice) -> tuple[bool, Decimal, bool, int]:
    return advice.gain is None, -(advice.gain or Decimal(0)), advice.way != "mend", advice.needed or 0


def _advice(figure: ScoredIndicator, prospect: Prospect, is_open: bool, root_name: str | None) -> Advice:
    indicator, score = figure.indicator, figure.score
    assert indicator.max is not None
    if score is None:
        return Advice(indicator, None, None, figure.denominator, None, None, 0, 0, "Chưa có dữ liệu để tính điểm.")
    n, d = figure.numerator or 0, figure.denominator or 0
    lost = d - n - prospect.recoverable
    found = None
    if score < indicator.max:
        found = _mending(indicator, n, d, score, prospect.recoverable)
        if found is None and is_open and indicator.new is not None:
            found = _joining(indicator, n, d, score)
    way, whole, following = found or (None, None, None)
    full = score == indicator.max
    action = _action(indicator, d, lost, way, whole, is_open, full)
    if indicator.root_only and root_name is not None:
        action = f"Số chung của {root_name}. {action}"
    if prospect.at_risk:
        action += _AT_RISK.format(n=_number(prospect.at_risk), what=_OF[indicator.counts], days=_SOON)
    return Advice(
        indicator,
        gain=whole.gain if whole is not None else Decimal("0.00"),
        needed=whole.needed if whole is not None else 0 if full else None,
        of=figure.denominator,
        way=way,
        next=following,
        at_risk=prospect.at_risk,
        lost=lost,
        action=action,
    )


_Found = tuple[Way, Step, Step]


def _mending(indicator: Indicator, n: int, d: int, score: Decimal, most: int) -> _Found | None:
    """What mending up to `most` of those at hand gains; None where that brings no points."""

    def after(more: int) -> Decimal:
        return _points(n + more, d, indicator)

    def least(cents: int) -> int:
        return max(0, _ceiling(_share(indicator, cents) * d) - n)

    steps = _steps(score, most, after, least)
    return ("mend", *steps) if steps is not None else None


def _joining(indicator: Indicator, n: int, d: int, score: Decimal) -> _Found | None:
    """What new ones gain, at most as many as there are already; None where that brings no points."""

    def after(more: int) -> Decimal:
        return _points(n + more, d + more, indicator)

    def least(cents: int) -> int:
        share = _share(indicator, cents)
        return max(1, _ceiling((share * d - n) / (1 - share)))

    steps = _steps(score, max(d, 1), after, least)
    return ("new", *steps) if steps is not None else None


def _steps(
    score: Decimal, most: int, after: Callable[[int], Decimal], least: Callable[[int], int]
) -> tuple[Step, Step] | None:
    """The step that gains all that `most` gain, and the cheapest that gains any."""
    best = after(most)
    if best <= score:
        return None

    def step(cents: int) -> Step:
        needed = least(cents)
        return Step(needed, scoring.half_up(Fraction(after(needed)) - Fraction(score)))

    return step(int(best * _CENTS)), step(int(score * _CENTS) + 1)


def _points(n: int, d: int, indicator: Indicator) -> Decimal:
    return scoring.points(n, d, indicator) or Decimal(0)


def _share(indicator: Indicator, cents: int) -> Fraction:
    """The least share n/d whose points round to at least `cents`: max × 100 n/d ÷ full_at ≥ (cents - 1/2) / 100."""
    assert indicator.max is not None
    assert indicator.full_at is not None
    return Fraction(2 * cents - 1, 200) * indicator.full_at / (100 * indicator.max)


def _ceiling(exact: Fraction) -> int:
    return -(-exact.numerator // exact.denominator)


def _action(
    indicator: Indicator, d: int, lost: int, way: Way | None, whole: Step | None, is_open: bool, full: bool
) -> str:
    """What to do, and by which way, in a sentence."""
    gone = f"{_number(lost)} {_OF[indicator.counts]} không lấy lại được nữa"
    if full:
        return "Đã đạt điểm tối đa."
    if whole is None:
        if not is_open:
            return f"Kỳ đã kết thúc: {gone}." if lost else "Kỳ đã kết thúc, không còn gì để tính thêm."
        return f"Không còn cách thêm điểm trong kỳ này: {gone}." if lost else "Chưa có gì để tính."
    gain = f"{whole.gain:.2f}".replace(".", ",")
    if way == "mend":
        assert indicator.mend is not None
        done = indicator.mend.format(n=_number(whole.needed))
        also = f" Còn {gone}." if lost else ""
        return f"{done} để thêm {gain} điểm (mẫu số giữ nguyên {_number(d)}).{also}"
    assert indicator.new is not None
    done = indicator.new.format(n=_number(whole.needed))
    joined = f"để thêm {gain} điểm (mẫu số tăng từ {_number(d)} lên {_number(d + whole.needed)})."
    if lost:
        return f"Số còn thiếu ({gone}) chỉ bù được bằng cái mới: {done} {joined}"
    return f"Chỉ thêm điểm được bằng cái mới: {done} {joined}"


def _number(count: int) -> str:
    return f"{count:,}".replace(",", ".")


_AT_RISK: Final = " Sắp mất {n} {what}: còn mở, đến hạn trong {days} ngày làm việc tới."
_OF: Final = {
    "dossiers": "hồ sơ",
    "procedures": "thủ tục",
    "petitions": "phản ánh, kiến nghị",
    "communes": "xã, phường",
    "documents": "văn bản",
    "publications": "thủ tục",
}
