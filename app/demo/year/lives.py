"""One dossier's life told in events: from an outline of what is counted to everything that happened on the way.

Only what outlines.py decided may show in a figure; all else here (who signed, which way the result went, corrections,
detours) is drawn at random and must leave the outline true. Times of the reception day are fixed distances apart, so
that causes come before effects: reception, correction or hand-over, digitising, fee, payment, request for a supplement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log
from random import Random

from app.demo.hours import CLOSING, DAY, Hours
from app.demo.year.outlines import Outline
from app.demo.year.procedures import Procedure

CloudEvent = dict[str, object]
"""A CloudEvents 1.0 event in structured JSON form."""

_LEGAL = (1, 2, 3, 5, 7, 10, 12, 15, 20, 25, 30, 40, 60, 90)
"""Promised times in working days."""

_LONGEST = 60
_WEEK = 7 * DAY


@dataclass(slots=True)
class Script:
    """The events of one subject as they are written; `unit` handles what is added next."""

    subject: str
    unit: str
    lines: list[tuple[int, str, dict[str, object], str]]

    def add(self, at: int, kind: str, data: dict[str, object]) -> None:
        """Something happened at a moment."""
        self.lines.append((at, kind, data, self.unit))

    def id_of(self, line: int) -> str:
        """The event id a line will have."""
        return f"{self.subject}/{line}"

    def events(self, hours: Hours, until: int, story: str) -> list[CloudEvent]:
        """The lines as events of the story's source, without those later than the moment `until`."""
        return [
            {
                "specversion": "1.0",
                "id": f"{self.subject}/{line}",
                "source": f"{story}/{unit}",
                "type": kind,
                "subject": self.subject,
                "time": hours.text(at),
                "unit": unit,
                "data": data,
            }
            for line, (at, kind, data, unit) in enumerate(self.lines)
            if at <= until
        ]


@dataclass(frozen=True, slots=True)
class _Times:
    """Moments of a life: reception, promise (None: the procedure's legal time), end; `days` worked until the end."""

    received: int
    due: int | None
    ended: int | None
    days: int
    first_promise: int


class Teller:
    """Tells the lives of one unit's dossiers. `average_days`: the portal's mean days from reception to end."""

    def __init__(
        self,
        unit: str,
        hours: Hours,
        rng: Random,
        average_days: float,
        siblings: list[str],
        decoys: tuple[Procedure, ...],
    ) -> None:
        self._unit, self._hours, self._rng = unit, hours, rng
        self._pace = average_days * 5 / 7
        self._siblings, self._decoys = siblings, decoys

    def dossier(self, outline: Outline, number: int) -> Script:
        """The life of the unit's dossier with a running `number`."""
        times = self._times(outline)
        twist = self._twist(outline, times)
        stamp = self._hours.stamp(times.received)
        if twist == "transferred":
            # Sent to the wrong unit, whose code it bears, and handed over: it counts for this unit.
            other = self._siblings[int(self._rng.random() * len(self._siblings))]
            script = Script(f"{other}-{stamp}-C{self._unit[4:]}-{number:06}", other, [])
        else:
            script = Script(f"{self._unit}-{stamp}-{number:06}", self._unit, [])
        self._reception(script, outline, times, twist)
        self._handling(script, outline, times.received)
        if twist == "supplement":
            times = self._supplement(script, times)
        elif twist == "retracted":
            self._mistake(script, outline, times.received)
        if times.ended is not None:
            self._end(script, outline, times.ended, lone=twist != "supplement")
        if outline.synced:
            script.add(times.received + 30 + int(self._rng.random() * 7000), "dossier.synced", {})
        return script

    def voided(self, outline: Outline, number: int) -> Script:
        """A dossier entered by mistake and taken out again: it must not count."""
        times = self._times(outline)
        script = Script(f"{self._unit}-{self._hours.stamp(times.received)}-V{number:06}", self._unit, [])
        self._reception(script, outline, times, "")
        self._handling(script, outline, times.received)
        if times.ended is not None:
            self._end(script, outline, times.ended, lone=True)
        script.add(times.received + 3400, "dossier.voided", {})
        return script

    def not_accepted(self, number: int) -> Script:
        """A dossier submitted online and not received: outside every figure."""
        at = self._hours.moment(self._hours.first + int(self._rng.random() * 150), self._rng.random())
        script = Script(f"{self._unit}-{self._hours.stamp(at)}-N{number:06}", self._unit, [])
        script.add(at - 3600, "dossier.submitted", {"channel": "online", "portal": "national"})
        script.add(at, "dossier.not_accepted", {})
        return script

    def _drawn_days(self, mean: float) -> int:
        return min(int(-log(1 - self._rng.random()) * mean), _LONGEST)

    def _times(self, outline: Outline) -> _Times:
        hours, draw = self._hours, self._rng.random
        if outline.late:
            worked = self._drawn_days(self._pace * 0.5)
            legal = next(days for days in _LEGAL if days >= worked)
            length = legal + (1 + self._drawn_days(self._pace * 0.5) if outline.ended else 0)
        else:
            length = self._drawn_days(self._pace * 1.05)
            legal = next(days for days in _LEGAL if days >= length + (draw() < 0.5))
        if outline.carried:
            start = hours.first - 1 - int(draw() * 8)
            if outline.ended and length < hours.first - start:
                length = hours.first - start + int(draw() * 5)
                if not outline.late:
                    legal = next(days for days in _LEGAL if days >= length)
        else:
            start = hours.first + int(draw() * (hours.last - length - hours.first + 1))
        same_day = outline.ended and length == 0
        received = hours.morning(start, draw()) if same_day else hours.moment(start, draw())
        ended = None
        if outline.ended:
            ended = hours.afternoon(start, draw() * 0.8) if same_day else hours.moment(start + length, draw())
        due: int | None = hours.closing(start + legal)
        if not outline.ended and not outline.late:
            # Open in time whenever the year is read: promised for after its end.
            due = hours.later[int(draw() * len(hours.later))] * DAY + CLOSING
        elif outline.ended and not outline.late and length <= 1 and (outline.procedure.max_working_days or 0) >= 5:
            due = None if draw() < 0.5 else due
        return _Times(received, due, ended, length, hours.closing(start + max(1, legal // 2)))

    def _twist(self, outline: Outline, times: _Times) -> str:
        """The detour a life takes, if any; at most one, so that each stays as simple as its rule."""
        chance = self._rng.random()
        if chance > 0.10 or outline.carried:
            return ""
        if chance < 0.05:
            end = times.ended
            fits = end is not None and times.days and times.due is not None and self._hours.is_worked(end + _WEEK)
            return "supplement" if fits else ""
        if chance < 0.07:
            return "extended" if times.due is not None and times.first_promise < times.due else ""
        if chance < 0.08:
            return "transferred" if self._siblings else ""
        if chance < 0.09:
            return "corrected" if times.due is not None else ""
        return "retracted"

    def _reception(self, script: Script, outline: Outline, times: _Times, twist: str) -> None:
        hours, draw = self._hours, self._rng.random
        data: dict[str, object] = {
            "procedure": outline.procedure.code,
            "channel": "online" if outline.online else "counter",
        }
        if outline.online:
            submitted = times.received - 600 - int(draw() * 90_000)
            portal = "national" if draw() < 0.7 else "local"
            script.add(submitted, "dossier.submitted", {"channel": "online", "portal": portal})
            if draw() < 0.5:
                data |= {"submitted_at": hours.text(submitted), "portal": portal}
        else:
            data["receiver"] = "postal_clerk" if draw() < 0.03 else "officer"
        if times.due is not None:
            data["due_at"] = hours.text(times.first_promise if twist == "extended" else times.due)
        fee = self._told_fee(outline)
        if fee is not None:
            data["fee"] = fee
        if draw() < 0.8:
            data["applicant"] = "citizen" if outline.procedure.citizens and draw() < 0.9 else "organisation"
        if twist == "corrected":
            wrong = self._decoys[int(draw() * len(self._decoys))]
            script.add(
                times.received,
                "dossier.received",
                data | {"procedure": wrong.code, "due_at": hours.text(times.first_promise)},
            )
            script.add(times.received + 300, "dossier.received", data)
        else:
            script.add(times.received, "dossier.received", data)
        if twist == "extended":
            assert times.due is not None
            script.add(times.received + 1800, "dossier.due_changed", {"due_at": hours.text(times.due)})
        elif twist == "transferred":
            script.add(times.received + 240, "dossier.transferred", {"to": self._unit})
            script.unit = self._unit

    def _told_fee(self, outline: Outline) -> bool | None:
        """What the reception says of a fee; the procedure's own attribute or a later event says the rest."""
        chance = self._rng.random()
        if outline.fee:
            return True if chance < 0.5 else None
        if outline.procedure.fee:
            return False if chance < 0.8 else None
        return False if chance < 0.3 else None

    def _handling(self, script: Script, outline: Outline, received: int) -> None:
        draw = self._rng.random
        flagged = outline.digitised or outline.reused or outline.shared_store or outline.population_data
        if flagged or draw() < 0.4:
            self._digitising(script, outline, received + 400)
        at = received + 1100 + int(draw() * 200)
        amount = 5000 * (1 + int(draw() * 40))
        if outline.fee:
            if draw() < 0.7:
                script.add(at, "dossier.fee_requested", {"amount": amount})
            if outline.paid:
                via = "national_gateway" if draw() < 0.8 else "local_gateway"
                script.add(at + 60 + int(draw() * 1000), "dossier.paid", {"via": via, "amount": amount})
            elif draw() < 0.6:
                via = "cash" if draw() < 0.7 else "transfer"
                script.add(at + 60 + int(draw() * 1000), "dossier.paid", {"via": via, "amount": amount})
        elif outline.procedure.fee:
            # Exempt: said with the reception or not, the last word is that there is none.
            if draw() < 0.5:
                script.add(at, "dossier.fee_waived", {})
            else:
                script.add(at, "dossier.fee_requested", {"amount": 0})

    def _digitising(self, script: Script, outline: Outline, at: int) -> None:
        draw = self._rng.random
        if outline.digitised:
            components = 1 + int(draw() * 5)
            if draw() < 0.1:
                script.add(at + 620, "dossier.signed", {"what": "component"})
        elif outline.e_result or not outline.procedure.issues_document:
            components = 0
        else:
            # Files without an electronic result: not digitised either.
            components = int(draw() * 3)
        told: dict[str, object] = {
            "components": components,
            "reused": outline.reused,
            "shared_store": outline.shared_store,
            "population_data": outline.population_data,
        }
        if draw() < 0.04:
            script.add(at, "dossier.digitised", {"components": 0, "reused": False, "population_data": False})
        script.add(at + 300 + int(draw() * 300), "dossier.digitised", told)

    def _supplement(self, script: Script, times: _Times) -> _Times:
        """A supplement asked for on the day of reception and brought a week later; the end moves as much."""
        assert times.ended is not None
        asked = times.received + 2700 + int(self._rng.random() * 300)
        script.add(asked, "dossier.supplement_requested", {})
        # A few minutes more of pause than the end moves: in time stays in time, and late by a day or more stays late.
        script.add(asked + _WEEK + int(self._rng.random() * 300), "dossier.supplemented", {})
        return replace(times, ended=times.ended + _WEEK)

    def _mistake(self, script: Script, outline: Outline, received: int) -> None:
        """Something told by mistake, and the retraction that makes it as if never sent."""
        at = received + 3100 + int(self._rng.random() * 300)
        mistakes: tuple[tuple[str, dict[str, object]], ...] = (
            ("dossier.completed", {"electronic_result": not outline.e_result, "signed": True}),
            ("dossier.rated", {"satisfied": False}),
            ("dossier.paid", {"via": "national_gateway", "amount": 10_000}),
            ("dossier.voided", {}),
        )
        kind, data = mistakes[int(self._rng.random() * len(mistakes))]
        script.add(at, kind, data)
        script.add(at + 500, "event.retracted", {"id": script.id_of(len(script.lines) - 1)})

    def _end(self, script: Script, outline: Outline, ended: int, *, lone: bool) -> None:
        draw = self._rng.random
        chance = 1.0 if outline.e_result else draw()
        if chance < 0.14:
            kind = "refused" if chance < 0.06 else "stopped" if chance < 0.08 else "withdrawn"
            # A lone request for a supplement, never answered, ends the handling as well.
            script.add(ended, "dossier.supplement_requested" if lone and chance > 0.11 else f"dossier.{kind}", {})
        else:
            self._result(script, outline, ended)
        if outline.disliked or draw() < 0.12:
            script.add(ended + 1600 + int(draw() * 1800), "dossier.rated", {"satisfied": not outline.disliked})

    def _result(self, script: Script, outline: Outline, ended: int) -> None:
        draw = self._rng.random
        chance = draw()
        via = "postal" if chance < 0.05 else "online" if chance < (0.8 if outline.e_result else 0.1) else "counter"
        returned: dict[str, object] = {"via": via}
        way = draw()
        if way < 0.03:
            # Some offices tell the return alone.
            script.add(ended, "dossier.returned", returned | {"electronic_result": outline.e_result})
            return
        completed: dict[str, object] = {}
        if outline.e_result:
            if way < 0.15:
                returned["electronic_result"] = True
            else:
                completed = {"electronic_result": True, "signed": draw() < 0.6}
            if draw() < 0.2:
                script.add(ended - 60, "dossier.signed", {"what": "result"})
        elif way < 0.8:
            completed = {"electronic_result": False}
        script.add(ended, "dossier.completed", completed)
        if len(returned) > 1 or draw() < 0.92:
            at = ended + 120 + int(draw() * 1400)
            next_day = via != "online" and draw() < 0.4 and self._hours.is_worked(at + DAY)
            script.add(at + DAY if next_day else at, "dossier.returned", returned)
