"""The types in which values cross the border.

Inside the service an instant is an int of µs since 1970 and a civil day an int of days since 1970; PostgreSQL keeps
timestamptz and date. These codecs are the one place where the two meet.
"""

from __future__ import annotations

from typing import Any, Final

_POSTGRES_EPOCH_US: Final = 946_684_800_000_000
_POSTGRES_EPOCH_DAYS: Final = 10_957


async def set_types(connection: Any) -> None:
    """Have a connection take and give values as they are inside the service."""
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        encoder=lambda us: (us - _POSTGRES_EPOCH_US,),
        decoder=lambda packed: packed[0] + _POSTGRES_EPOCH_US,
        format="tuple",
    )
    await connection.set_type_codec(
        "date",
        schema="pg_catalog",
        encoder=lambda day: (day - _POSTGRES_EPOCH_DAYS,),
        decoder=lambda packed: packed[0] + _POSTGRES_EPOCH_DAYS,
        format="tuple",
    )
    await connection.set_type_codec("uuid", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary")
