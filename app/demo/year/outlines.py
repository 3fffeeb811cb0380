"""Which dossier of a unit is which: counts become outlines, one per dossier, that add up to exactly those counts.

Who gets what is drawn at random; how many is not. An outline says all that is counted about a dossier; lives.py
tells it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from app.demo.year.procedures import Procedure, Remit
from app.demo.year.targets import Counts


@dataclass(frozen=True, slots=True)
class Outline:
    """What is counted about one dossier. `late`: overdue, ended or still open; `carried`: received the year before."""

    procedure: Procedure
    ended: bool
    late: bool
    carried: bool = False
    online: bool = True
    e_result: bool = False
    digitised: bool = False
    reused: bool = False
    shared_store: bool = False
    population_data: bool = False
    synced: bool = False
    disliked: bool = False
    fee: bool = False
    paid: bool = False


class _Deal:
    """The cards of one unit: for every dossier a word of flags, dealt so that each flag has its count."""

    ENDED, LATE, CARRIED, ONLINE, E_RESULT, DIGITISED, REUSED, STORE, POPULATION, SYNCED, DISLIKED, FEE, PAID = (
        1 << bit for bit in range(13)
    )

    def __init__(self, counts: Counts, rng: Random) -> None:
        self.rng = rng
        open_in_time = counts.active - counts.ended - counts.open_late
        ended_in_time = counts.on_time - open_in_time
        ended_late = counts.ended - ended_in_time
        self.flags = (
            [self.ENDED] * ended_in_time
            + [self.ENDED | self.LATE] * ended_late
            + [0] * open_in_time
            + [self.LATE] * counts.open_late
        )
        rng.shuffle(self.flags)
        everyone = range(counts.active)
        ended = [each for each in everyone if self.flags[each] & self.ENDED]
        in_time = [each for each in ended if not self.flags[each] & self.LATE]
        results = self._mark(self.E_RESULT, ended, counts.e_result)
        self._mark(self.DIGITISED, results, counts.digitised)
        self._mark(self.REUSED, everyone, counts.reused)
        self._mark(self.STORE, everyone, counts.shared_store)
        self._mark(self.POPULATION, everyone, counts.population_data)
        self._mark(self.CARRIED, everyone, counts.carried)
        received = [each for each in everyone if not self.flags[each] & self.CARRIED]
        self._mark(self.ONLINE, received, counts.online)
        self._mark(self.SYNCED, received, counts.synced)
        self._mark(self.PAID, self._mark(self.FEE, received, counts.fee), counts.paid)
        self._mark(self.DISLIKED, in_time, counts.disliked_on_time)
        # Of overdue dossiers it changes nothing that some are disliked as well: they count once.
        late = [each for each in ended if self.flags[each] & self.LATE]
        self._mark(self.DISLIKED, late, len(late) // 40)

    def _mark(self, flag: int, among: range | list[int], count: int) -> list[int]:
        chosen = self.rng.sample(among, count)
        for each in chosen:
            self.flags[each] |= flag
        return chosen


def _procedures(deal: _Deal, remit: Remit) -> list[Procedure]:
    """A procedure for every dossier: each paid and each connected one at least once, the first ones of a list most.

    Population data on a procedure for citizens that is not to count as connected would be one too many, and so would an
    online payment of a procedure not to count as paid.
    """
    connected = {p.code for p in remit.connected}
    fee_fit = [p for p in remit.fee if not p.citizens or p.code in connected]
    choices = {
        (True, True, False): remit.paid,
        (True, True, True): [p for p in remit.paid if not p.citizens or p.code in connected],
        (True, False, False): remit.fee,
        (True, False, True): fee_fit,
        (False, False, False): remit.free,
        # A fee may be waived: those procedures too.
        (False, False, True): [p for p in (*remit.connected, *remit.free) if not p.citizens or p.code in connected],
    }
    to_pay, to_connect = list(reversed(remit.paid)), list(reversed(remit.connected))
    draw, given = deal.rng.random, []
    for flags in deal.flags:
        fee, paid, data = bool(flags & deal.FEE), bool(flags & deal.PAID), bool(flags & deal.POPULATION)
        if paid and to_pay:
            given.append(to_pay.pop())
        elif data and not fee and to_connect:
            given.append(to_connect.pop())
        else:
            among = choices[fee, paid, data]
            given.append(among[int(len(among) * draw() ** 3)])
    return given


def outlines(counts: Counts, remit: Remit, rng: Random) -> Iterator[Outline]:
    """An outline for each of the unit's `counts.active` dossiers, in no particular order."""
    deal = _Deal(counts, rng)
    for flags, procedure in zip(deal.flags, _procedures(deal, remit), strict=True):
        yield Outline(
            procedure=procedure,
            ended=bool(flags & deal.ENDED),
            late=bool(flags & deal.LATE),
            carried=bool(flags & deal.CARRIED),
            # Those carried over came online as nearly all do; the year's channels do not count them.
            online=bool(flags & (deal.ONLINE | deal.CARRIED)),
            e_result=bool(flags & deal.E_RESULT),
            digitised=bool(flags & deal.DIGITISED),
            reused=bool(flags & deal.REUSED),
            shared_store=bool(flags & deal.STORE),
            population_data=bool(flags & deal.POPULATION),
            synced=bool(flags & deal.SYNCED),
            disliked=bool(flags & deal.DISLIKED),
            fee=bool(flags & deal.FEE),
            paid=bool(flags & deal.PAID),
        )
