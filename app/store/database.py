"""Connections: two asyncpg pools and the types in which values cross the border.

Inside the service an instant is an int of µs since 1970 and a civil day an int of days since 1970; PostgreSQL keeps
timestamptz and date. The codecs below are the one place where the two meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import asyncpg

Connection = asyncpg.pool.PoolConnectionProxy | asyncpg.Connection
Clock = Callable[[], int | None]
"""The present instant, or None for the database's own clock."""

_T = TypeVar("_T")

_PLANNING: Final = {
    "read": {"jit": "off"},
    # Writers look rows up by their keys, with statements whose plans are kept; and a plan made while a table was new
    # would go through all of it ever after.
    "write": {
        "jit": "off",
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
    },
}

_POSTGRES_EPOCH_US: Final = 946_684_800_000_000
_POSTGRES_EPOCH_DAYS: Final = 10_957

RETRIED: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
)
"""Failures after which the same transaction may simply be tried again (40P01, 40001, 55P03)."""

GONE: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.UndefinedTableError,
)
"""Failures that mean the database cannot serve now: out of reach, full, a standby, or not migrated yet."""


class DatabaseUnavailable(Exception):
    """The database did not answer; nothing was acknowledged."""


class Overloaded(Exception):
    """No connection became free in time."""


class Outdated(Exception):
    """What a transaction was prepared from has changed meanwhile: it begins anew."""


_BEGIN_FIGURES: Final = """
    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL plan_cache_mode = force_generic_plan;
    SET LOCAL max_parallel_workers_per_gather = 0;
    SET LOCAL enable_indexscan = off;
    SET LOCAL work_mem = '16MB'
"""


async def _prepare(connection: Any) -> None:
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


async def _keep(connection: Any) -> None:
    """No reset when a connection is returned: everything here runs in transactions and uses no session state."""


class Database:
    """The service's connections; writers and readers have pools of their own, so that a full wall stops no push."""

    def __init__(self, dsn: str, write_connections: int, read_connections: int, acquire_seconds: float) -> None:
        self._dsn = dsn
        self._sizes = {"write": write_connections, "read": read_connections}
        self._acquire_seconds = acquire_seconds
        self._pools: dict[str, asyncpg.Pool] = {}
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.terminate()
        self._pools.clear()

    async def _pool(self, name: str) -> asyncpg.Pool:
        if name not in self._pools:
            async with self._opening:
                if name not in self._pools:
                    self._pools[name] = await asyncpg.create_pool(
                        self._dsn,
                        min_size=1,
                        max_size=self._sizes[name],
                        init=_prepare,
                        reset=_keep,
                        # The statement that writes all tallies is longer than what is kept prepared by default.
                        max_cacheable_statement_size=0,
                        server_settings={"application_name": f"chiso-{name}", "timezone": "UTC", **_PLANNING[name]},
                    )
        return self._pools[name]

    def in_use(self) -> dict[str, tuple[int, int]]:
        """Connections of each pool: in use, open."""
        return {name: (pool.get_size() - pool.get_idle_size(), pool.get_size()) for name, pool in self._pools.items()}

    @asynccontextmanager
    async def connection(self, name: str) -> AsyncIterator[Connection]:
        """A connection of the pool `write` or `read`.

        Raises:
            Overloaded: none became free in time.
            DatabaseUnavailable: the database cannot be reached or went away.
        """
        try:
            pool = await self._pool(name)
            connection = await pool.acquire(timeout=self._acquire_seconds)
        except TimeoutError as error:
            raise Overloaded from error
        except (*GONE, asyncpg.PostgresError) as error:
            # Whatever a server says instead of letting us in (not accepting connections now, no such database).
            raise DatabaseUnavailable(str(error)) from error
        try:
            yield connection
        except GONE as error:
            if isinstance(error, ValueError):
                # asyncpg's complaint about a value is an InterfaceError too; the database is not to blame.
                raise
            # Not to be lent again: with reset switched off nobody would notice what state it is in. One that the server
            # has ended is back in the pool already, and says so.
            with suppress(asyncpg.InterfaceError):
                connection.terminate()
            raise DatabaseUnavailable(str(error)) from error
        finally:
            await pool.release(connection)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A read-only transaction in which every statement sees the same state."""
        async with (
            self.connection("read") as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    @asynccontextmanager
    async def figures(self) -> AsyncIterator[Connection]:
        """A snapshot for figures: many short statements, each a plan of its own that is made once and kept.

        Planned anew for every question, a unit's sums would take three times as long. A plan for any units and days
        expects few rows and would fetch a province's one by one, where a bitmap takes them page by page. Worker
        processes take longer to start than such a statement runs; and a ranking's groups fit into memory.
        """
        async with self.connection("read") as connection, begun(connection, _BEGIN_FIGURES):
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection for writing, within a transaction that is committed at the end of the block."""
        async with self.connection("write") as connection, connection.transaction():
            yield connection

    async def write(self, work: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Run `work` in one transaction and commit it; tried again when PostgreSQL asks for it."""

        async def once() -> _T:
            async with self.transaction() as connection:
                return await work(connection)

        return await again(once)


@asynccontextmanager
async def begun(connection: Connection, statements: str) -> AsyncIterator[str]:
    """A transaction of the connection that begins with `statements`, sent together: asyncpg's own takes a round trip
    for each. Gives what the server says of the last. Committed at the end of the block, rolled back when it fails.
    """
    try:
        yield await connection.execute(statements)
        await connection.execute("COMMIT")
    except BaseException:
        if not connection.is_closed() and connection.is_in_transaction():
            await connection.execute("ROLLBACK")
        raise


async def again(once: Callable[[], Awaitable[_T]], attempts: int = 8) -> _T:
    """Await `once()`, a whole transaction, until it does not fail in a way after which it may be tried again.

    Raises:
        Overloaded: it failed that way every time.
    """
    for attempt in range(attempts):
        try:
            return await once()
        except Outdated:
            pass
        except RETRIED:
            await asyncio.sleep(0.01 * 2**attempt)
    raise Overloaded
