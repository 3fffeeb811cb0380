"""One catalogue of procedures that lives the published counts of procedures of every unit and of the province at once.

Codes and names are invented; what is real is how many there are. Per unit: procedures with a fee, those of them paid
online and integrated for payment, and procedures for citizens, where published. For the province: the sizes of the
unions, which force some procedures to be shared. The puzzle, and how it is solved:

- Communes: `core` procedures (a fee, for citizens) belong to all of them. Each has its own number of further fee
  procedures: the first so many of `extra` and of `integrated`, these for organisations only, so that fee and citizen
  counts do not disturb each other.
- Departments have procedures of their own, the paid ones first, then integrated ones within them.
- The province has fewer fee procedures than its departments and communes added up: so many `extra` and `core` ones are
  shared with a department, among those it neither integrates nor is paid for online.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from app.demo.province import ROOT, Published, levels, published
from app.demo.year.targets import apportion

CORE = 12
"""Fee procedures for citizens that every commune has."""

SHARED_WITH = ("H44.19", "H44.43")
"""Departments (justice, finance) some of whose fee procedures communes apply too: civil status, household business."""

POOL = 250
"""Procedures for citizens on which communes, all together, use population data."""

COMMON = 30
"""Those of them that every commune uses first."""

_COMMUNE_SECTORS = (
    "Hộ tịch", "Chứng thực", "Đất đai", "Bảo trợ xã hội", "Người có công", "Nuôi con nuôi", "Xây dựng", "Môi trường",
    "Lâm nghiệp", "Giáo dục mầm non", "Tín ngưỡng, tôn giáo", "Thi đua, khen thưởng",
)  # fmt: skip
_BUSINESS = "Thành lập và hoạt động hộ kinh doanh"
_SECTORS = {
    "H44.01": "Văn phòng", "H44.03": "Khu công nghiệp", "H44.07": "Công Thương", "H44.08": "Giáo dục và Đào tạo",
    "H44.13": "Ngoại vụ", "H44.19": "Tư pháp", "H44.20": "Văn hóa, Thể thao và Du lịch", "H44.22": "Y tế",
    "H44.23": "Thanh tra", "H44.41": "Khoa học và Công nghệ", "H44.42": "Nội vụ", "H44.43": "Tài chính",
    "H44.44": "Xây dựng", "H44.45": "Nông nghiệp và Môi trường", "H44.46": "Dân tộc và Tôn giáo",
}  # fmt: skip
_LEGAL_DAYS = (3, 5, 7, 10, 15, 20, 30)


@dataclass(frozen=True, slots=True)
class Procedure:
    """One procedure of the catalogue; `units` empty = every unit of `levels`."""

    code: str
    name: str
    sector: str
    service_level: str
    full_eligible: bool
    fee: bool
    payment_integrated: bool
    issues_document: bool
    citizens: bool
    max_working_days: int | None
    essential: bool
    units: tuple[str, ...]
    levels: tuple[str, ...]

    def row(self) -> dict[str, object]:
        """The procedure in the shape of ``PUT /v1/procedures``; valid long before and after the demo's year."""
        return {
            "code": self.code,
            "name": self.name,
            "sector": self.sector,
            "service_level": self.service_level,
            "full_eligible": self.full_eligible,
            "fee": self.fee,
            "payment_integrated": self.payment_integrated,
            "issues_document": self.issues_document,
            "applicants": ["citizen", "organisation"] if self.citizens else ["organisation"],
            "max_working_days": self.max_working_days,
            "essential": self.essential,
            "units": list(self.units),
            "levels": list(self.levels),
            "valid_from": "2020-01-01",
        }


@dataclass(frozen=True, slots=True)
class Remit:
    """The procedures of one unit, in the order of how much they are used.

    `fee` and `free` together are all with an online service; `paid` are those of `fee` to be paid online, `connected`
    those for citizens on which population data are to be used.
    """

    fee: tuple[Procedure, ...]
    free: tuple[Procedure, ...]
    paid: tuple[Procedure, ...]
    connected: tuple[Procedure, ...]


@dataclass(frozen=True, slots=True)
class Procedures:
    """All procedures, and who applies and uses which."""

    procedures: tuple[Procedure, ...]
    remits: dict[str, Remit]


class _Press:
    """Stamps procedures with running codes in the form of the national database (1.0xxxxx, 2.0xxxxx)."""

    def __init__(self) -> None:
        self.stamped: list[Procedure] = []

    def __call__(
        self,
        sector: str,
        *,
        fee: bool = False,
        integrated: bool = False,
        citizens: bool = True,
        served: bool = True,
        units: tuple[str, ...] = (),
        level: str = "",
    ) -> Procedure:
        number = len(self.stamped) + 1
        full = number % 3 == 0
        made = Procedure(
            code=f"{1 + number % 2}.{1000 + 7 * number:06}",
            name=f"Thủ tục số {number} – lĩnh vực {sector}",
            sector=sector,
            service_level=("full" if full else "partial") if served else "none",
            full_eligible=served and number % 2 == 1,
            fee=fee,
            payment_integrated=integrated,
            issues_document=number % 20 != 19,
            citizens=citizens,
            max_working_days=_LEGAL_DAYS[number % len(_LEGAL_DAYS)] if number % 4 == 0 else None,
            essential=served and citizens and number % 16 == 1,
            units=units,
            levels=(level,) if level else (),
        )
        self.stamped.append(made)
        return made


def _of_level(level: str) -> dict[str, Published]:
    return {unit: facts for unit, facts in published().items() if levels()[unit] == level}


@dataclass(frozen=True, slots=True)
class _CommuneFees:
    """The communes' procedures with a fee. `shared` counts, per department, how many of them it applies too."""

    core: list[Procedure]
    extra: list[Procedure]
    integrated: list[Procedure]
    shared: dict[str, list[Procedure]]


def _integrated_of(nth: int, count: int, pool: int, most: int) -> set[int]:
    """Which integrated procedures the nth commune has: the first ones, and two that take turns so that all are used."""
    turning = pool - (most - 2)
    return set(range(count - 2)) | {most - 2 + (nth + step) % turning for step in range(2)}


def _commune_fees(press: _Press) -> _CommuneFees:
    communes, departments, root = _of_level("commune"), _of_level("department"), published()[ROOT]
    plain = {unit: facts.fee_procedures - facts.integrated_procedures - CORE for unit, facts in communes.items()}
    extra_count = max(plain.values())
    pool = root.integrated_procedures - sum(facts.integrated_procedures for facts in departments.values())
    most = max(facts.integrated_procedures for facts in communes.values())
    having = {
        u: _integrated_of(n, facts.integrated_procedures, pool, most) for n, (u, facts) in enumerate(communes.items())
    }
    total = CORE + extra_count + pool + sum(facts.fee_procedures for facts in departments.values())
    shared_core = total - root.fee_procedures - extra_count
    if not 0 <= shared_core <= CORE:
        raise ValueError(f"{shared_core} core procedures cannot be shared")
    justice, finance = SHARED_WITH
    shared: dict[str, list[Procedure]] = {justice: [], finance: []}
    core = []
    for nth in range(CORE):
        with_justice = nth >= CORE - shared_core
        sector = _COMMUNE_SECTORS[nth % 2]
        if with_justice:
            core.append(press(sector, fee=True, units=(justice, *communes)))
            shared[justice].append(core[-1])
        else:
            core.append(press(sector, fee=True, level="commune"))
    integrated = [
        press(_COMMUNE_SECTORS[2 + nth % 3], fee=True, integrated=True, citizens=False,
              units=tuple(unit for unit in communes if nth in having[unit]))
        for nth in range(pool)
    ]  # fmt: skip
    extra = []
    for nth in range(extra_count):
        partner = finance if nth % 5 in (1, 3) else justice
        those = tuple(unit for unit, count in plain.items() if count > nth)
        sector = _BUSINESS if partner == finance else "Chứng thực"
        extra.append(press(sector, fee=True, citizens=False, units=(partner, *those)))
        shared[partner].append(extra[-1])
    return _CommuneFees(core, extra, integrated, shared)


def _paid_of(unit: str, nth: int, fees: _CommuneFees, payable: set[str]) -> tuple[Procedure, ...]:
    """A commune's procedures paid online: half of them common to all, the rest taking turns, so that all are used."""
    count = published()[unit].paid_procedures
    choice = [
        p for p in (*fees.core, *fees.integrated, *fees.extra) if p.code in payable and (not p.units or unit in p.units)
    ]
    fixed = min(count // 2, CORE)
    rest = choice[fixed:]
    start = nth * 5 % len(rest)
    return tuple(choice[:fixed] + (rest[start:] + rest[:start])[: count - fixed])


def _commune_connected(count: int, start: int, core: list[Procedure], free: list[Procedure]) -> tuple[Procedure, ...]:
    """A commune's procedures with population data: the common ones, then more in turn from `start` on."""
    pool = (core + free)[:POOL]
    turning = pool[COMMON:]
    more = [turning[(start + step) % len(turning)] for step in range(max(0, count - COMMON))]
    return tuple(pool[: min(count, COMMON)] + more)


def _connected_count(facts: Published) -> int:
    """On how many procedures a commune uses population data; where not published, more in busier communes."""
    return facts.connected_procedures if facts.connected_procedures is not None else 25 + min(facts.active // 250, 40)


def _communes(press: _Press, fees: _CommuneFees) -> dict[str, Remit]:
    communes = _of_level("commune")
    citizens = next(facts.citizen_procedures for facts in communes.values() if facts.citizen_procedures is not None)
    # Those without an online service receive no dossier: nearly everything here is submitted online.
    free = [
        press(_COMMUNE_SECTORS[nth % len(_COMMUNE_SECTORS)], served=nth < citizens - 45, level="commune")
        for nth in range(citizens - CORE)
    ]
    of_organisations = [press(_BUSINESS, citizens=False, level="commune") for _ in range(20)]
    paid_elsewhere = sum(facts.paid_procedures for facts in _of_level("department").values())
    paid_here = published()[ROOT].paid_procedures - paid_elsewhere
    payable = {p.code for p in [*fees.core, *fees.integrated, *fees.extra][:paid_here]}
    served = [p for p in free if p.service_level != "none"]
    remits, start = {}, 0
    for nth, (unit, facts) in enumerate(communes.items()):
        count = _connected_count(facts)
        remits[unit] = Remit(
            fee=tuple(p for p in (*fees.core, *fees.integrated, *fees.extra) if not p.units or unit in p.units),
            free=tuple(served[:8] + of_organisations + served[8:]),
            paid=_paid_of(unit, nth, fees, payable),
            connected=_commune_connected(count, start, fees.core, free),
        )
        start += max(0, count - COMMON)
    return remits


@dataclass(frozen=True, slots=True)
class _Office:
    """How many procedures of its own a department has, beyond those shared with communes."""

    fee: int
    citizens: int
    connected: int
    fee_for_citizens: bool


def _offices(shared: dict[str, list[Procedure]]) -> dict[str, _Office]:
    """The departments' numbers; what is not published is shared out so that the province's unions come out."""
    known = _of_level("department")
    root, communes = published()[ROOT], _of_level("commune")
    assert root.citizen_procedures is not None
    assert root.connected_procedures is not None
    own_fee = {unit: facts.fee_procedures - len(shared.get(unit, ())) for unit, facts in known.items()}
    silent = [unit for unit, facts in known.items() if facts.citizen_procedures is None]
    citizens = {unit: facts.citizen_procedures or 0 for unit, facts in known.items()}
    connected = {unit: facts.connected_procedures or 0 for unit, facts in known.items()}
    of_communes = max(facts.citizen_procedures or 0 for facts in communes.values())
    left = root.citizen_procedures - of_communes - sum(citizens.values()) - sum(own_fee[unit] for unit in silent)
    citizens |= apportion(left, {unit: 20 + own_fee[unit] for unit in silent}, dict.fromkeys(silent, left))
    # What is paid online counts first: a dossier may be both paid and checked against population data.
    paid = {unit: known[unit].paid_procedures for unit in silent}
    left = root.connected_procedures - POOL - sum(connected.values()) - sum(paid.values())
    busy = {unit: min(known[unit].active, 5000) for unit in silent}
    caps = {unit: min(citizens[unit] // 2, known[unit].active // 3) for unit in silent}
    more = apportion(left, busy, caps)
    connected |= {unit: paid[unit] + more[unit] for unit in silent}
    return {unit: _Office(own_fee[unit], citizens[unit], connected[unit], unit in silent) for unit in known}


def _department(press: _Press, unit: str, office: _Office, shared: list[Procedure]) -> Remit:
    facts, sector = published()[unit], _SECTORS[unit]
    if max(facts.paid_procedures, facts.integrated_procedures) > office.fee:
        raise ValueError(f"{unit} has too few fee procedures of its own")
    fee = [
        press(
            sector,
            fee=True,
            integrated=nth < facts.integrated_procedures,
            citizens=office.fee_for_citizens,
            units=(unit,),
        )
        for nth in range(office.fee)
    ]
    unserved = office.citizens // 10
    free = [press(sector, served=nth < office.citizens - unserved, units=(unit,)) for nth in range(office.citizens)]
    of_organisations = [press(sector, citizens=False, units=(unit,)) for _ in range(3 + office.citizens // 4)]
    served = free[: office.citizens - unserved]
    paid = fee[: facts.paid_procedures]
    first = paid if office.fee_for_citizens else []
    return Remit(
        fee=tuple(fee + shared),
        free=tuple(served[:2] + of_organisations + served[2:]),
        paid=tuple(paid),
        connected=tuple((first + served)[: office.connected]),
    )


@cache
def catalogue() -> Procedures:
    """The demo's catalogue; always the same."""
    press = _Press()
    fees = _commune_fees(press)
    remits = _communes(press, fees)
    offices = _offices(fees.shared)
    remits |= {unit: _department(press, unit, office, fees.shared.get(unit, [])) for unit, office in offices.items()}
    return Procedures(tuple(press.stamped), remits)


def procedures() -> list[dict[str, object]]:
    """The catalogue in the shape of ``PUT /v1/procedures``."""
    return [procedure.row() for procedure in catalogue().procedures]
