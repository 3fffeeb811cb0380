"""Of what has no effect a true cause is told: what each cause claims is looked up in the life itself, at random."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final, NamedTuple

from app.domain import codes
from app.domain.lives.events import Event
from app.domain.lives.explain import CAUSES
from app.domain.lives.flags import FLAGS
from tests.domain.lives.telling import story, told

LIVES: Final = 1_500
"""Of each noun."""

DOSSIER: Final = (
    "received", "received due=9", "received due=12 channel=online", "received for=no_document fee=yes",
    "received for=five_days by=H44.09", "transferred to=H44.09", "transferred by=H44.09 to=H44.07", "submitted",
    "due_changed due=9", "due_changed due=12", "due_changed due=5", "asked", "asked", "asked due=12", "supplemented",
    "supplemented", "supplemented due=9", "digitised components=1", "digitised components=0 reused=yes",
    "digitised reused=no", "fee_requested", "fee_waived", "paid via=cash", "paid via=national_gateway",
    "signed what=component", "signed what=result", "completed", "completed e_result=yes signed=yes",
    "completed e_result=no", "returned via=postal", "returned via=counter e_result=yes", "refused", "withdrawn",
    "synced", "rated satisfied=yes", "rated satisfied=no", "voided", "not_accepted", "completed by=H44.12",
    "returned by=H44.09 via=online", "retracted id=2", "retracted by=H44.12 id=3", "retracted id=99",
)  # fmt: skip
PETITION: Final = (
    "received", "received about=staff", "received about=regulation", "asked", "asked", "supplemented", "supplemented",
    "refused", "forwarded", "answered", "answered", "published", "published", "rated satisfied=yes",
    "rated satisfied=no", "voided", "answered by=H44.09", "retracted id=2",
)  # fmt: skip


def at_random(noun: str, seed: int) -> str:
    """A short life, most often received first."""
    rng = Random(f"{noun} {seed}")
    things = DOSSIER if noun == "dossier" else PETITION
    moments = ("3", "5", "6", "6", "8", "9", "9T16:30", "13", "15", "31")
    first = [f"{rng.choice(('5', '5', '6', '9'))} received {rng.choice(('', 'due=12' * (noun == 'dossier')))}"]
    rest = [f"{rng.choice(moments)} {rng.choice(things)}" for _ in range(rng.randint(1, 6))]
    return "; ".join(
        f"{each} seq={rng.choice('abc')}" if rng.random() < 0.2 else each
        for each in (first if rng.random() < 0.9 else []) + rest
    )


class Claim(NamedTuple):
    """An event that had no effect, with those read before and after it (of a dossier, or one unit's of a petition)."""

    event: Any
    before: list[Any]
    after: list[Any]
    facts: Any
    life: list[Any]
    other: Any

    @property
    def verb(self) -> str:
        return verb(self.event)

    def said(self, name: str) -> Any:
        return getattr(self.event.what, name)

    @property
    def others(self) -> list[Any]:
        return self.before + self.after

    @property
    def again(self) -> bool:
        return any(each.what.type == self.event.what.type for each in self.before)

    @property
    def chain(self) -> list[str]:
        return [self.facts.receiving_unit] + [each.what.to for each in self.others if verb(each) == "transferred"]

    @property
    def way(self) -> list[str]:
        """Where it had been before this was read."""
        way = [self.facts.receiving_unit]
        for each in self.before:
            if verb(each) == "transferred" and codes.is_over_any(each.unit, way):
                way.append(each.what.to)
        return way

    @property
    def waiting(self) -> bool:
        """Whether a request waits for its answer when this is read."""
        steps = [verb(each) for each in self.before if verb(each) in ("supplement_requested", "supplemented")]
        return steps[-1:] == ["supplement_requested"]

    @property
    def request(self) -> tuple[Any, Any, Any]:
        """The request this makes or answers: when, the due time then, and when it was answered."""
        asked: Any = None
        due: Any = None
        for each in [*self.before, self.event, *self.after]:
            due_then, due = due, getattr(each.what, "due_at", None) or due
            if verb(each) == "supplement_requested" and asked is None:
                asked = (each, due_then)
            if asked and (verb(each) == "supplemented" or each is (self.after or [self.event])[-1]):
                answered = each.time if verb(each) == "supplemented" else None
                if self.event in (asked[0], each):
                    return asked[0].time, asked[1], answered
                asked = None
        return 0, None, None

    def last_said(self, name: str) -> Any:
        """What was last said before it, None where nothing was."""
        values = [getattr(each.what, name, None) for each in self.before]
        return next((value for value in reversed(values) if value is not None), None)


def verb(event: Event) -> str:
    return event.what.type.partition(".")[2]


def target(claim: Claim) -> Any:
    named = [each for each in claim.life if (each.source, each.id) == (claim.event.source, claim.said("id"))]
    return named[0] if named else None


def waits_for_result(claim: Claim) -> bool:
    """What it says would count if there was an electronic result."""
    procedure = [each.what.procedure for each in [*claim.others, claim.event] if verb(each) == "received"][-1]
    document = claim.verb == "signed" or (claim.said("components") and procedure != "no_document")
    return bool(document) and not claim.facts.flags & FLAGS["e_result"]


def fee_at_reception(claim: Claim) -> bool:
    """Whether the receptions tell of a fee; none of these procedures has one by itself."""
    told = [each.what.fee for each in claim.others if verb(each) == "received" and each.what.fee is not None]
    return bool(told and told[-1])


def known(claim: Claim) -> bool:
    """Another event says the same; a result may also be signed by being completed."""
    return any(
        each.what == claim.event.what
        or (each.what.type == claim.event.what.type == "dossier.paid" and each.what.via.endswith("gateway"))
        or (claim.verb == "signed" and getattr(each.what, "signed", None) is True)
        for each in claim.others
    )


TRUE: Final[dict[str, Callable[[Any], Any]]] = {
    "retracted": lambda c: c.other is not None and c.other.what.id == c.event.id,
    "already_retracted": lambda c: sum(getattr(each.what, "id", "") == c.said("id") for each in c.life) > 1,
    "nothing_to_retract": lambda c: target(c) is None,
    "retraction_stays": lambda c: target(c).what.type == "event.retracted",
    "not_above": lambda c: not codes.is_under(target(c).unit, c.event.unit),
    "no_reception": lambda c: c.facts.received_at is None,
    "foreign_unit": lambda c: not codes.is_over_any(c.event.unit, c.chain),
    "second_reception": lambda c: c.other.unit == c.facts.receiving_unit != c.event.unit,
    "answer_without_request": lambda c: not c.waiting,
    "same_open_request": lambda c: c.waiting,
    "never_counts": lambda c: c.verb in ("submitted", "not_accepted"),
    "received_already": lambda c: (
        c.again
        and all(
            getattr(c.event.what, name) in (None, c.last_said(name))
            for name in ("procedure", "channel", "due_at", "fee", "about")
            if hasattr(c.event.what, name)
        )
    ),
    "due_replaced": lambda c: any(
        getattr(each.what, "due_at", None) not in (None, c.said("due_at")) for each in c.after
    ),
    "due_unchanged": lambda c: any(getattr(each.what, "due_at", None) == c.said("due_at") for each in c.others),
    "not_at_unit": lambda c: c.verb == "transferred" and not codes.is_over_any(c.event.unit, c.way),
    "at_unit_already": lambda c: c.verb == "transferred" and c.said("to") == c.way[-1],
    "request_unanswered": lambda c: c.request[2] is None,
    "request_after_deadline": lambda c: c.request[2] > c.request[0] > (c.request[1] or c.facts.received_at),
    "request_after_end": lambda c: c.facts.ended_at is not None and c.facts.ended_at <= c.request[0],
    "pause_without_effect": lambda c: c.verb in ("supplement_requested", "supplemented"),
    "values_known": lambda c: not (c.verb == "digitised" and waits_for_result(c)),
    "values_replaced": lambda c: all(
        any(getattr(each.what, name, None) is not None for each in c.after)
        for name in ("procedure", "channel", "due_at", "fee", "about", "components", "reused")
        if getattr(c.event.what, name, None) is not None
    ),
    "fee_paid": lambda c: any(getattr(each.what, "via", "").endswith("gateway") for each in c.others),
    "fee_decided": lambda c: any(verb(each).startswith("fee_") for each in c.after),
    "fee_known": lambda c: fee_at_reception(c) == (c.verb == "fee_requested") == bool(c.facts.flags & FLAGS["fee"]),
    "fee_decided_before": lambda c: [verb(each) for each in c.before if verb(each).startswith("fee_")][-1] == c.verb,
    "offline_payment": lambda c: c.said("via") in ("cash", "transfer"),
    "component_signature": lambda c: c.said("what") == "component",
    "no_electronic_result": lambda c: waits_for_result(c),
    "ended_already": lambda c: c.again,
    "ended_otherwise": lambda c: any(max(each.time, c.facts.received_at) == c.facts.ended_at for each in c.others),
    "satisfied": lambda c: c.said("satisfied"),
    "known_already": known,
    "not_late": lambda c: not c.facts.late_published,
    "not_answered": lambda c: not any(verb(each) == "answered" for each in c.others),
}


def claims(life: str, noun: str) -> Iterator[tuple[str, Claim]]:
    """The causes that are told of a life."""
    found = story(life, noun)
    aside = ("retracted", "foreign_unit", "second_reception")
    read = [each.event for each in found.events if each.cause not in aside and each.event.what.noun == noun]
    for event, _, cause, other in found.events:
        if cause is not None:
            group = read if noun == "dossier" else [each for each in read if each.unit == event.unit]
            facts = [found.facts.dossier, *(each for each in found.facts.petitions if each.unit == event.unit)][-1]
            place = group.index(event) if event in group else 0
            yield cause, Claim(event, group[:place], group[place + 1 :], facts, told(life, noun), other)


def test_a_cause_is_true_of_its_event() -> None:
    met = set()
    for noun in ("dossier", "petition"):
        for seed in range(LIVES):
            life = at_random(noun, seed)
            for cause, claim in claims(life, noun):
                assert TRUE[cause](claim), (life, claim.event.id, cause)
                met.add(cause)
    assert met == set(TRUE) == set(CAUSES)
