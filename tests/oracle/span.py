"""The span of a life and the four plain questions about it: active? open? overdue? ended in the period?

Everything about carried-over, late and overdue is asked here of one life at one instant; there are no counters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Span:
    """When a life was received, had to end (None: never) and ended (None: not yet)."""

    received: datetime
    deadline: datetime | None
    ended: datetime | None
    published_late: bool = False

    @property
    def on_time(self) -> bool:
        """It has ended, not after the deadline (and its answer was not published too late)."""
        if self.ended is None or self.published_late:
            return False
        return self.deadline is None or self.ended <= self.deadline

    def received_in(self, start: datetime, end: datetime) -> bool:
        return start <= self.received < end

    def ended_in(self, start: datetime, end: datetime) -> bool:
        return self.ended is not None and start <= self.ended < end

    def active_in(self, start: datetime, end: datetime) -> bool:
        """Received before the end of the period and not ended before it began."""
        return self.received < end and not (self.ended is not None and self.ended < start)

    def open_at(self, instant: datetime) -> bool:
        """Received before the instant and not ended before it."""
        return self.received < instant and not (self.ended is not None and self.ended < instant)

    def overdue_at(self, instant: datetime) -> bool:
        """Seen at the instant: ended, and too late; or still open, with the deadline behind us."""
        if self.ended is not None and self.ended < instant:
            return not self.on_time
        return self.deadline is not None and self.deadline < instant
