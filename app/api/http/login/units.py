"""Which units a provider means by what it says of a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.api.http.service import Service
from app.domain import codes
from app.intake.personal import one_spelling
from app.intake.values import MAX_UNIT
from app.store.catalogues import roots
from app.store.snapshot import reading_moment

_MOST: Final = 50
"""Of so many values it is looked whether they are units."""


async def reached(service: Service, named: Sequence[str]) -> list[str]:
    """The codes of the units among codes, aliases and other words, without those that lie under another.

    Raises:
        DatabaseUnavailable, Overloaded: the database could not be asked.
    """
    found = set()
    async with service.database.connection("read", service.database.look_up_seconds) as connection:
        for each in named[:_MOST]:
            text = one_spelling(each, MAX_UNIT)
            root_id = None if "\0" in text else await roots.of_unit(connection, text)
            if root_id is not None:
                moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
                code = moment.catalogues.resolve(text)
                found |= {code} & moment.catalogues.units.keys()
    return sorted(each for each in found if not any(codes.is_under(each, other) for other in found if other != each))
