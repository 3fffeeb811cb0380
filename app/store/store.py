"""What the store of a service, or of a command, is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.settings import Settings
from app.store.catalogues.read import CatalogueCache
from app.store.connections.database import Clock, Database
from app.store.feeds.follow import Follower
from app.store.keys import Keys
from app.store.tallies.closed import SettledSums
from app.store.write.gather import Gatherer
from app.store.write.intake import Intake
from app.store.write.refold import Refolder


@dataclass(kw_only=True)
class Store:
    """The parts on one database. `clock()` is the present instant, None for the database's own clock."""

    settings: Settings
    database: Database
    catalogue_cache: CatalogueCache
    intake: Intake
    gatherer: Gatherer
    refolder: Refolder
    follower: Follower
    keys: Keys
    peppers: Sequence[bytes]
    clock: Clock
    settled: SettledSums = field(default_factory=SettledSums)

    @property
    def pepper(self) -> bytes:
        """The pepper under which keys are made, the first of those in force."""
        return self.peppers[0]
