"""Lives and their facts in the database: insert what is new, lock and fold what is there, never anything in between.

The order that keeps two writers from losing an update or waiting for each other in a ring: new lives are inserted in
key
order first (a concurrent insert of the same key waits, then leaves it to the lock), the others are locked in key order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.domain import life as lives
from app.domain import tally
from app.domain.directory import Directory
from app.domain.document import DocumentFacts
from app.domain.dossier import DossierFacts
from app.domain.events import Event, pack, unpack
from app.domain.life import LifeFacts
from app.domain.petition import PetitionFacts
from app.domain.publication import PublicationFacts
from app.store.database import Connection

_LIFE_COLUMNS: Final = {
    "subject": "text",
    "unit_id": "int",
    "receiving_unit_id": "int",
    "procedure_id": "int",
    "channel": "smallint",
    "flags": "smallint",
    "faults": "smallint",
    "voided": "boolean",
    "received_at": "timestamptz",
    "ended_at": "timestamptz",
    "deadline": "timestamptz",
    "due_at": "timestamptz",
    "returned_at": "timestamptz",
    "returned_via": "smallint",
    "ahead_until": "timestamptz",
    "events": "bytea",
}
_NO_DOSSIER: Final = (None,) * 13
_UNNEST: Final = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_LIFE_COLUMNS.values(), start=4))
_NAMES: Final = ", ".join(_LIFE_COLUMNS)
_INSERT_NEW: Final = f"""
    INSERT INTO life (root_id, generation, revision, {_NAMES})
    SELECT $1::int, $2::int, $3::bigint, * FROM unnest({_UNNEST}) AS new ({_NAMES})
    ON CONFLICT DO NOTHING
    RETURNING subject
"""
_REPLACE: Final = f"""
    INSERT INTO life (root_id, generation, revision, {_NAMES})
    SELECT $1::int, $2::int, $3::bigint, * FROM unnest({_UNNEST}) AS new ({_NAMES})
    ON CONFLICT (root_id, generation, subject) DO UPDATE
    SET revision = excluded.revision, {", ".join(f"{name} = excluded.{name}" for name in list(_LIFE_COLUMNS)[1:])}
"""
_LOCK: Final = """
    SELECT subject, unit_id, procedure_id, channel, flags, voided, received_at, ended_at, deadline, returned_at,
           returned_via, revision, events
    FROM life
    WHERE root_id = $1 AND generation = $2 AND subject = ANY($3::text[])
    ORDER BY subject
    FOR UPDATE
"""
_DOSSIER_LAST_RANK: Final = 19
_RETRACTION_RANK: Final = 32


@dataclass
class Change:
    """What one transaction changes: the cells of every family, and the units whose figures moved."""

    cells: dict[str, tally.Cells] = field(default_factory=lambda: {family.name: {} for family in tally.FAMILIES})
    units: set[int] = field(default_factory=set)

    def add(self, family: tally.Family, key: tuple[int, int, int], parts: Sequence[tally.Part], sign: int) -> None:
        """Add or take out the contributions of one life."""
        if parts:
            tally.add(self.cells[family.name], family, key, parts, sign)
            self.units.add(key[0])


@dataclass(frozen=True)
class Context:
    """Where and with what a transaction folds: generation, catalogues, ids of procedures, the clock (µs)."""

    connection: Connection
    directory: Directory
    generation: int
    procedure_ids: dict[str, int]
    now: int

    def unit_id(self, code: str) -> int:
        """The database's id of a unit."""
        return self.directory.units[code].id


async def take_in(context: Context, arrivals: Mapping[str, list[Event]], change: Change) -> dict[str, int]:
    """Add events (all new to their lives) and bring facts and `change` up to date.

    Returns:
        For each life that would grow beyond its limit, how many of its first arrivals still went in.
    """
    subjects = sorted(arrivals)
    cut: dict[str, int] = {}
    for subject in subjects:
        if len(arrivals[subject]) > lives.LONGEST:
            cut[subject] = lives.LONGEST
    there = await _there(context, subjects)
    fresh = {subject: arrivals[subject][: lives.LONGEST] for subject in subjects if subject not in there}
    folded = {subject: _fold(context, subject, events) for subject, events in fresh.items()}
    inserted = await _insert(context, fresh, folded)
    for subject in inserted:
        _count(context, folded[subject], change, 1)
    mixed = {subject: folded[subject] for subject in inserted if _is_mixed(fresh[subject])}
    await _write_others(context, mixed, {}, change)
    present = [subject for subject in subjects if subject not in inserted]
    if present:
        cut.update(await _extend(context, present, arrivals, change))
    return cut


async def fold_again(context: Context, subjects: Sequence[str], change: Change) -> None:
    """Fold lives once more with the present catalogue."""
    await _extend(context, sorted(subjects), {subject: [] for subject in subjects}, change)


def _fold(context: Context, subject: str, events: list[Event]) -> LifeFacts:
    return lives.fold(subject, events, context.directory.rules_of, context.directory.calendar)


def _is_mixed(events: Iterable[Event]) -> bool:
    """Whether a life holds more than a dossier, so that facts beside its own row are to be written."""
    return any(_DOSSIER_LAST_RANK < event.what.rank < _RETRACTION_RANK for event in events)


async def _there(context: Context, subjects: list[str]) -> set[str]:
    """Subjects that have a life already. No lock: it only saves the work of folding and sending them as new ones."""
    rows = await context.connection.fetch(
        "SELECT subject FROM life WHERE root_id = $1 AND generation = $2 AND subject = ANY($3::text[])",
        context.directory.root_id,
        context.generation,
        subjects,
    )
    return {row[0] for row in rows}


async def _know_procedures(context: Context, facts: Iterable[LifeFacts]) -> None:
    """Look up ids of procedures that this process has not met yet (their events came through another one)."""
    met = {each.dossier.procedure for each in facts if each.dossier is not None and each.dossier.procedure is not None}
    missing = sorted(met - context.procedure_ids.keys())
    if missing:
        rows = await context.connection.fetch(
            "SELECT id, code FROM procedure WHERE root_id = $1 AND code = ANY($2::text[])",
            context.directory.root_id,
            missing,
        )
        context.procedure_ids.update((row["code"], row["id"]) for row in rows)


async def _insert(context: Context, events: Mapping[str, list[Event]], folded: Mapping[str, LifeFacts]) -> set[str]:
    """Insert the lives that do not exist yet; the subjects that were inserted."""
    if not folded:
        return set()
    rows = [_row(context, subject, folded[subject], events[subject]) for subject in folded]
    done = await context.connection.fetch(
        _INSERT_NEW,
        context.directory.root_id,
        context.generation,
        context.directory.revision,
        *_columns(rows, len(_LIFE_COLUMNS)),
    )
    return {row[0] for row in done}


async def _extend(
    context: Context, subjects: Sequence[str], arrivals: Mapping[str, list[Event]], change: Change
) -> dict[str, int]:
    """Lock lives that exist, fold them with what arrived, and write them back."""
    root_id, generation = context.directory.root_id, context.generation
    locked = await context.connection.fetch(_LOCK, root_id, generation, subjects)
    rows, cut = [], {}
    folded: dict[str, tuple[LifeFacts, list[Event]]] = {}
    for old in locked:
        subject = old["subject"]
        events = unpack(old["events"])
        room = lives.LONGEST - len(events)
        if len(arrivals[subject]) > room:
            cut[subject] = room
        events += arrivals[subject][:room]
        folded[subject] = (_fold(context, subject, events), events)
    await _know_procedures(context, [facts for facts, _ in folded.values()])
    mixed: dict[str, LifeFacts] = {}
    for old in locked:
        subject = old["subject"]
        facts, events = folded[subject]
        if old["unit_id"] is not None:
            _count_dossier(_stored_key(old), _stored_dossier(old), change, -1)
        if facts.dossier is not None:
            _count_dossier(_key(context, facts.dossier), facts.dossier, change, 1)
        if _is_mixed(events):
            mixed[subject] = facts
        rows.append(_row(context, subject, facts, events))
    await _write_others(context, mixed, await _stored_others(context, list(mixed)), change)
    if rows:
        await context.connection.execute(
            _REPLACE, root_id, generation, context.directory.revision, *_columns(rows, len(_LIFE_COLUMNS))
        )
    return cut


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _key(context: Context, facts: DossierFacts) -> tuple[int, int, int]:
    procedure = context.procedure_ids[facts.procedure] if facts.procedure is not None else 0
    return (context.unit_id(facts.unit), procedure, facts.channel)


def _stored_key(row: Any) -> tuple[int, int, int]:
    return (row["unit_id"], row["procedure_id"] or 0, row["channel"])


def _stored_dossier(row: Any) -> DossierFacts:
    """As much of a stored dossier as its contributions need."""
    return DossierFacts(
        unit="",
        receiving_unit="",
        procedure=None,
        channel=row["channel"],
        flags=row["flags"],
        faults=0,
        voided=row["voided"],
        received_at=row["received_at"],
        ended_at=row["ended_at"],
        deadline=row["deadline"],
        returned_at=row["returned_at"],
        returned_via=row["returned_via"],
    )


def _count_dossier(key: tuple[int, int, int], facts: DossierFacts, change: Change, sign: int) -> None:
    change.add(tally.DOSSIER, key, tally.dossier_parts(facts), sign)
    change.units.add(key[0])


def _count(context: Context, facts: LifeFacts, change: Change, sign: int) -> None:
    if facts.dossier is not None:
        _count_dossier(_key(context, facts.dossier), facts.dossier, change, sign)


def _ahead(now: int, *instants: int | None) -> int | None:
    """The latest of the instants when it is still ahead of the clock."""
    latest = max((each for each in instants if each is not None), default=0)
    return latest if latest > now else None


def _row(context: Context, subject: str, facts: LifeFacts, events: list[Event]) -> tuple[Any, ...]:
    found = facts.dossier
    if found is None:
        return (subject, *_NO_DOSSIER, None, pack(events))
    unit_id, procedure_id, channel = _key(context, found)
    # A missed instant is ahead only together with its end; without an end the deadline's own index finds it.
    ahead = _ahead(context.now, found.received_at, found.ended_at, found.returned_at)
    return (
        subject,
        unit_id,
        context.unit_id(found.receiving_unit),
        procedure_id or None,
        channel,
        found.flags,
        found.faults,
        found.voided,
        found.received_at,
        found.ended_at,
        found.deadline,
        found.due_at,
        found.returned_at,
        found.returned_via,
        ahead,
        pack(events),
    )


# Petitions, documents and publications: rows beside the life's own, replaced whole whenever their life changes.

_OTHERS: Final = {
    "petition": "unit_id, about, disliked, voided, received_at, ended_at, deadline, late_published, ahead_until",
    "document": "unit_id, tier, electronic, signed, sent_at, ahead_until",
    "procedure_publication": "ordinal, decided_on, effective_on, published_on, complete",
}


async def _stored_others(context: Context, subjects: list[str]) -> dict[str, list[tuple[tally.Family, Any]]]:
    """The petitions and documents now in the figures, by subject."""
    found: dict[str, list[tuple[tally.Family, Any]]] = {}
    for family in (tally.PETITION, tally.DOCUMENT) if subjects else ():
        rows = await context.connection.fetch(
            f"SELECT * FROM {family.name} WHERE root_id = $1 AND generation = $2 AND subject = ANY($3::text[])",
            context.directory.root_id,
            context.generation,
            subjects,
        )
        for row in rows:
            found.setdefault(row["subject"], []).append((family, row))
    return found


async def _write_others(
    context: Context,
    folded: Mapping[str, LifeFacts],
    stored: Mapping[str, list[tuple[tally.Family, Any]]],
    change: Change,
) -> None:
    """Replace the rows beside the lives and count the difference."""
    for old in stored.values():
        for family, row in old:
            change.add(family, *stored_contributions(family, row), -1)
    rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _OTHERS}
    for subject, facts in folded.items():
        _other_rows(context, subject, facts, rows, change)
    key = (context.directory.root_id, context.generation)
    for table, columns in _OTHERS.items() if folded else ():
        if stored or table == "procedure_publication":
            await context.connection.execute(
                f"DELETE FROM {table} WHERE root_id = $1 AND generation = $2 AND subject = ANY($3::text[])",
                *key,
                list(folded),
            )
        await context.connection.copy_records_to_table(
            table,
            records=[(*key, *row) for row in rows[table]],
            columns=["root_id", "generation", "subject", *columns.split(", ")],
        )


def stored_contributions(family: tally.Family, row: Any) -> tuple[tuple[int, int, int], list[tally.Part]]:
    """The cell key (unit, 0, variety) and the parts of a stored petition or document."""
    if family is tally.PETITION:
        facts = PetitionFacts(
            "", row["about"], row["disliked"], row["voided"], row["received_at"], row["ended_at"], row["deadline"],
            row["late_published"],
        )  # fmt: skip
        return (row["unit_id"], 0, row["about"]), tally.petition_parts(facts)
    document = DocumentFacts("", row["sent_at"], row["electronic"], row["signed"], row["tier"])
    return (row["unit_id"], 0, row["tier"]), tally.document_parts(document)


def stored_dossier_contributions(row: Any) -> tuple[tuple[int, int, int], list[tally.Part]]:
    """The cell key (unit, procedure, channel) and the parts of a stored dossier."""
    return _stored_key(row), tally.dossier_parts(_stored_dossier(row))


def _other_rows(
    context: Context, subject: str, facts: LifeFacts, rows: dict[str, list[tuple[Any, ...]]], change: Change
) -> None:
    for petition in facts.petitions:
        unit = context.unit_id(petition.unit)
        change.add(tally.PETITION, (unit, 0, petition.about), tally.petition_parts(petition), 1)
        ahead = _ahead(context.now, petition.received_at, petition.ended_at)
        rows["petition"].append(
            (
                subject,
                unit,
                petition.about,
                petition.disliked,
                petition.voided,
                petition.received_at,
                petition.ended_at,
                petition.deadline,
                petition.late_published,
                ahead,
            )
        )
    for document in facts.documents:
        unit = context.unit_id(document.unit)
        change.add(tally.DOCUMENT, (unit, 0, document.tier), tally.document_parts(document), 1)
        ahead = _ahead(context.now, document.sent_at)
        rows["document"].append(
            (subject, unit, document.tier, document.electronic, document.signed, document.sent_at, ahead)
        )
    if facts.publication is not None:
        rows["procedure_publication"] += _publication_rows(subject, facts.publication)
        if context.directory.root in context.directory.units:
            change.units.add(context.unit_id(context.directory.root))


def _publication_rows(subject: str, facts: PublicationFacts) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [(decided, effective, None, None) for decided, effective in facts.announced]
    rows += [(decided, None, published, complete) for decided, published, complete in facts.published]
    return [(subject, ordinal, *row) for ordinal, row in enumerate(rows)]
