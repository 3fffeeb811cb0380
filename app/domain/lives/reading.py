"""Which events of a life stand, and the order in which they are read."""

from __future__ import annotations

from app.domain.codes import is_under
from app.domain.lives.events import Event, EventRetracted


def reading_order(event: Event) -> tuple[int, str, int, str, str]:
    """The order in which a life is read, whatever the order of arrival. Texts compare by code point."""
    return (event.time, event.sequence, event.what.code, event.source, event.id)


def without_retracted(life: list[Event]) -> list[Event]:
    """The events that stand, in reading order: neither retractions nor what they undo.

    A retraction takes effect first, whatever its time: the event of the same source with the named id is as if never
    sent, when the retraction's unit is the target's unit or above it. A retraction itself cannot be retracted.
    """
    if _stands_in_order(life):
        return life
    retractions: dict[tuple[str, str], list[str]] = {}
    standing = []
    for event in life:
        if type(event.what) is EventRetracted:
            retractions.setdefault((event.source, event.what.id), []).append(event.unit)
        else:
            standing.append(event)
    if retractions:
        standing = [
            e for e in standing if not any(is_under(e.unit, by) for by in retractions.get((e.source, e.id), ()))
        ]
    return sorted(standing, key=reading_order) if len(standing) > 1 else standing


def _stands_in_order(life: list[Event]) -> bool:
    """Whether nothing is retracted and every event came after the one before: most lives, found out at little cost."""
    last = -1
    for event in life:
        if event.time <= last or type(event.what) is EventRetracted:
            return False
        last = event.time
    return True
