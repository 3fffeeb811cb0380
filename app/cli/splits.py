"""`chiso import split`: what a split of units has moved, by a list."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.imports import (
    DryRunOption,
    ErrorsOption,
    FileArgument,
    UnitOption,
    fault_rows,
    finishing,
    root_of,
    tell_faults,
)
from app.cli.running import run, say, tell_audit, writing
from app.domain import codes
from app.domain.calendar.civil import Instant, day_of
from app.domain.lives.events import Event
from app.domain.lives.moving import Candidate, Move, Verdict, standing, unmoved, verdict
from app.domain.push import Parsed, Rejected
from app.intake.cloudevents import fingerprint
from app.intake.imports import split
from app.intake.imports.catalogue import Read
from app.messages import BEYOND_KEY, Message
from app.store import audit
from app.store.catalogues.edit import PutResult
from app.store.read.moving import candidates
from app.store.snapshot import reading_moment
from app.store.store import Store

_AT_ONCE: Final = 1_000
_NO_DOSSIER: Final = Message("no dossier of this code was received", "chưa tiếp nhận hồ sơ nào mang mã này")


@dataclass(slots=True)
class _Plan:
    """What a list makes of the dossiers: how many of each unit pair, and the events that do it."""

    counts: dict[tuple[str, str], Counter[Verdict]] = field(default_factory=dict)
    events: list[tuple[int, str, Event]] = field(default_factory=list)
    opened: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: list[Rejected] = field(default_factory=list)

    def take(self, index: int, move: Move, dossier: Candidate, undo: bool) -> None:
        """Add a dossier that the row of an index is about."""
        pair = (move.from_, move.to)
        found, event = verdict(move, dossier, undo)
        self.counts.setdefault(pair, Counter())[found] += 1
        if event is not None:
            self.events.append((index, dossier.subject, event))
            self.opened[pair] += dossier.ended_at is None
        if found == "elsewhere":
            where = Message(
                "it is at {unit}, where no list has moved it",
                "hồ sơ đang ở {unit}, không phải do danh sách chuyển đến",
                unit=dossier.unit,
            )
            self.errors.append(Rejected(index, dossier.subject, None, "invalid_value", "from", where))

    def of_pairs(self, verdict: Verdict) -> dict[str, int]:
        """How many dossiers of each pair of units have a verdict, where there are any."""
        return {f"{from_} → {to}": each[verdict] for (from_, to), each in self.counts.items() if each[verdict]}


def import_split(
    file: FileArgument,
    unit: UnitOption = "",
    dry_run: DryRunOption = False,
    errors: ErrorsOption = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back what this list has moved.")] = False,
) -> None:
    """What has moved from one unit to another: a row a procedure (its dossiers received since a day, or not ended by
    then) or a dossier; columns from, to, since, procedure, dossier. Each is handed over by an event, once; run it again
    for what came later. Ends with 0: all is done. 1: some rows are faulty. 2: not done to its end; run it again.
    """
    with finishing(), contextlib.ExitStack() as stack:
        kept = stack.enter_context(writing(errors, file)) if errors is not None else None
        plan, read = _run(file, unit, dry_run, undo)
        if kept is not None:
            kept.writelines(f"{each}\n" for each in fault_rows(plan.errors, read))
    tell_faults(read, PutResult(0, plan.errors, 0), errors)
    if dry_run:
        say(Message("nothing is changed", "chưa thay đổi gì"))
    if plan.errors:
        raise SystemExit(1)


def _run(file: Path, unit: str, dry_run: bool, undo: bool) -> tuple[_Plan, Read]:
    async def work(store: Store) -> tuple[_Plan, Read]:
        async with store.database.snapshot() as connection:
            root_id, reach = await root_of(connection, unit)
            moment = await reading_moment(connection, store.catalogue_cache, root_id, store.clock)
            rows, places, unread, table = split.read(file, moment.catalogues, day_of(Instant(moment.now)))
            read = Read(places=places, passed_over=unread, table=table)
            plan, moves = _begun(rows, reach)
            seen: set[int] = set()
            units = {each for _, move in moves for each in (move.from_, move.to)}
            procedures = {move.procedure for _, move in moves if move.procedure is not None}
            subjects = {move.dossier for _, move in moves if move.dossier is not None}
            asked = (units, procedures, subjects)
            async for page in candidates(connection, root_id, moment.generation, *asked):
                for dossier in page:
                    was = unmoved(dossier, moment.catalogues.rules_of, moment.catalogues.calendar)
                    _judge(plan, moves, was, undo, seen)
        for index, move in moves:
            if move.dossier is not None and index not in seen:
                plan.errors.append(Rejected(index, move.dossier, None, "invalid_value", "dossier", _NO_DOSSIER))
        plan.errors.sort(key=lambda each: each.index)
        _tell(plan)
        if not dry_run:
            done = await _push(store, root_id, reach, plan)
            if done:
                to, back = (plan.of_pairs(each) for each in ("moves", "back"))
                outcome = {"events": done, "moves": to, "taken_back": back}
                await tell_audit(store, root_id, audit.ran(reach, "import split", **outcome))
        return plan, read

    return run(work)


def _begun(rows: Iterable[Move | Rejected], reach: str) -> tuple[_Plan, list[tuple[int, Move]]]:
    """The sound moves by their index, and a plan that has the faults of the others."""
    plan, moves = _Plan(), []
    for index, row in enumerate(rows):
        if isinstance(row, Rejected):
            plan.errors.append(row)
        elif not codes.is_under(row.from_, reach):
            plan.errors.append(Rejected(index, row.from_, None, "forbidden_unit", "from", BEYOND_KEY))
        else:
            moves.append((index, row))
    return plan, moves


def _judge(plan: _Plan, moves: Sequence[tuple[int, Move]], dossier: Candidate, undo: bool, seen: set[int]) -> None:
    """Give a dossier to the one move that it is subject to: one that names it before one of its procedure."""
    named = [each for each in moves if each[1].dossier == dossier.subject]
    alike = [each for each in moves if each[1].procedure == dossier.procedure]
    here = [each for each in alike if each[1].from_ == dossier.unit]
    gone = [each for each in alike if standing(each[1], dossier) is not None]
    for index, move in (named or here or gone)[:1]:
        seen.add(index)
        plan.take(index, move, dossier, undo)


def _tell(plan: _Plan) -> None:
    for (from_, to), counts in sorted(plan.counts.items()):
        say(
            Message(
                "{from_} → {to}: {moves:,} to move, {back:,} to take back ({opened:,} of these open),"
                " {moved:,} moved already, {stays:,} stay",
                "{from_} → {to}: {moves:,} cần chuyển, {back:,} cần trả lại ({opened:,} đang giải quyết),"
                " {moved:,} đã chuyển, {stays:,} giữ nguyên",
                from_=from_,
                to=to,
                moves=counts["moves"],
                back=counts["back"],
                opened=plan.opened[from_, to],
                moved=counts["moved"],
                stays=counts["stays"],
            )
        )


async def _push(store: Store, root_id: int, reach: str, plan: _Plan) -> int:
    """Push the events; how many are in. What is refused of them is added to what is wrong."""
    done = 0
    for begin in range(0, len(plan.events), _AT_ONCE):
        some = plan.events[begin : begin + _AT_ONCE]
        parsed = [
            Parsed(place, subject, event, fingerprint(subject, event)) for place, (_, subject, event) in enumerate(some)
        ]
        outcome = await store.intake.push(root_id, reach, parsed)
        done += outcome.accepted + outcome.duplicates
        plan.errors += [replace(each, index=some[each.index][0], id=some[each.index][1]) for each in outcome.errors]
    say(Message("{done:,} done", "đã xong {done:,}", done=done))
    return done
