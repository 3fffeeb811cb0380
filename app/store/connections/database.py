"""Connections: two asyncpg pools, lent for as long as they may be used, and transactions on them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar, cast
from uuid import uuid4
from weakref import WeakSet

import asyncpg

from app.store.connections.address import Address
from app.store.connections.causes import POOLED
from app.store.connections.lasting import GONE, Cut, Lasting, end, proves
from app.store.connections.unavailable import Busy, DatabaseUnavailable, Overloaded, unavailable
from app.store.connections.values import set_types

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


class Outdated(Exception):
    """What a transaction was prepared from has changed meanwhile: it begins anew."""


_OF_LOOK_UP: Final = 0.3
"""Share of a reading's time in which its key is looked up."""

_NOTICED: Final = {
    # A client that gave up: its backend notices in seconds, also while it waits for a lock, and rolls back.
    "client_connection_check_interval": "5s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15s",
}


_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_BEGIN_FIGURES: Final = f"""
    {_SNAPSHOT};
    SET LOCAL plan_cache_mode = force_generic_plan;
    SET LOCAL max_parallel_workers_per_gather = 0;
    SET LOCAL enable_indexscan = off;
    SET LOCAL work_mem = '16MB'
"""


_SERVER: Final = """
    SELECT pg_backend_pid(), EXISTS (SELECT FROM pg_extension WHERE extname = 'citus'),
           inet_server_addr()::text, inet_server_port(), pg_postmaster_start_time()::text
"""
"""What tells a pooler from a server, whether that is the coordinator of a cluster, and what tells it from another at
its address, and from itself before a restart.
"""


class Lent(NamedTuple):
    """Connections of a pool: in use, open, waited for, and the most there may be."""

    in_use: int = 0
    open: int = 0
    waiting: int = 0
    most: int = 0


def _end_all(connections: WeakSet[Lasting]) -> None:
    for connection in connections:
        connection.terminate()


async def _keep(connection: Any) -> None:
    """No reset when a connection comes back: everything here runs in transactions and uses no session state."""


class Database:
    """The service's connections; writers and readers have pools of their own, so that a full wall stops no push.

    Nothing waits without end: a connection held for longer than its pool allows is cut off, and so is one that was
    quiet for a while and then does not prove to be alive. What is cut off is replaced, and with it all that may have
    gone the same way.
    """

    def __init__(
        self,
        dsn: str,
        write_connections: int,
        read_connections: int,
        acquire_seconds: float,
        read_seconds: float = 10,
        write_seconds: float = 30,
    ) -> None:
        """Nothing is connected yet.

        Args:
            acquire_seconds: how long a free connection is waited for.
            read_seconds: how long a reading may take, its key's look-up (`look_up_seconds`) first.
            write_seconds: how long a connection for writing may be held, statements and all.

        Raises:
            BadAddress: `dsn` is no address of a PostgreSQL database.
        """
        address = Address.of(dsn)
        self._arguments, self._sockets = address.asyncpg(), address.sockets()
        self._acquire_seconds = acquire_seconds
        self._sizes = {"write": write_connections, "read": read_connections}
        self._seconds = {"write": write_seconds, "read": read_seconds * (1 - _OF_LOOK_UP)}
        self.look_up_seconds = read_seconds * _OF_LOOK_UP
        self._pools: dict[str, asyncpg.Pool] = {}
        self._server: list[Any] | None = None
        self._connect_seconds: float = self._arguments["timeout"]
        self._open: WeakSet[Lasting] = WeakSet()

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.terminate()
        self._pools.clear()

    async def _pool(self, name: str) -> asyncpg.Pool:
        if name not in self._pools:
            self._pools[name] = await asyncpg.create_pool(
                **self._arguments,
                # None is opened ahead, so that nobody waits here.
                min_size=0,
                max_size=self._sizes[name],
                init=partial(self._prepare, name),
                reset=_keep,
                connection_class=Lasting,
                # The statement that writes all tallies is longer than what is kept prepared by default.
                max_cacheable_statement_size=0,
                server_settings={"application_name": f"chiso-{name}", "timezone": "UTC"},
            )
        return self._pools[name]

    async def _prepare(self, name: str, connection: Any) -> None:
        """Make a new connection ready for use; one to another server than before makes all others be replaced."""
        cut = Cut(connection, self._connect_seconds)
        self._open.add(connection)
        try:
            await self._greet(name, connection)
        except BaseException:
            # The pool would say goodbye, and wait for an answer.
            connection.terminate()
            raise
        finally:
            cut.cancel()

    async def _greet(self, name: str, connection: Any) -> None:
        found = connection._transport.get_extra_info("socket")
        if found is not None and found.family != socket.AF_UNIX:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in self._sockets:
                if hasattr(socket, option):
                    found.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        # Not as the connection begins: a pooler in between would refuse settings that it does not know.
        settings = (_PLANNING[name] | _NOTICED).items()
        await connection.execute(";".join(f"SET {setting} = '{value}'" for setting, value in settings))
        await set_types(connection)
        pid, connection.citus, *server = await connection.fetchrow(_SERVER)
        connection.reads = name == "read"
        if connection.citus:
            # A plan for any root is a plan for no worker: most statements have none, and fail.
            await connection.execute("SET plan_cache_mode = auto")
        if pid != connection.get_server_pid():
            await self._require_sessions(connection)
        if self._server not in (None, server):
            # Readers on one server and writers on another would not see what was pushed.
            await self._replace_all()
        self._server = server

    async def _require_sessions(self, connection: Any) -> None:
        """Refuse (DatabaseUnavailable) a pooler that lends its connections by transactions: settings and prepared
        statements do not last, and another client's statement may be taken for one's own.
        """
        mine = str(uuid4())
        await connection.execute(f"SET chiso.session = '{mine}'")
        other = await asyncpg.connect(**self._arguments)
        try:
            # In a transaction it keeps the pooler's connection that was just given back, if it was.
            await other.execute("BEGIN")
            lasts = await connection.fetchval("SELECT current_setting('chiso.session', true)") == mine
        finally:
            other.terminate()
        if not lasts:
            raise DatabaseUnavailable(POOLED)

    async def _replace_all(self) -> None:
        """Have every connection replaced before it is lent again."""
        for pool in self._pools.values():
            await pool.expire_connections()
        # Nobody holds one of them by then; one that is silent would never answer the pool's goodbye.
        longest = max(self._seconds.values()) + self._connect_seconds
        asyncio.get_running_loop().call_later(longest, _end_all, WeakSet(self._open))

    def pools(self) -> dict[str, Lent]:
        """What each pool has lent."""
        found = {name: Lent(most=most) for name, most in self._sizes.items()}
        for name, pool in self._pools.items():
            # Nobody counts who waits: that would be a price of every push.
            waiting = len(cast(Any, pool)._queue._getters)
            in_use = pool.get_size() - pool.get_idle_size()
            found[name] = Lent(in_use, pool.get_size(), waiting, self._sizes[name])
        return found

    @asynccontextmanager
    async def connection(self, name: str, seconds: float | None = None) -> AsyncIterator[Connection]:
        """A connection of the pool `write` or `read`, for so many seconds; without, for as long as its pool allows.

        Raises:
            Overloaded: none became free in time.
            DatabaseUnavailable: the database cannot be reached, went away, did not answer in time or refused something.
        """
        seconds = self._seconds[name] if seconds is None else seconds
        loop = asyncio.get_running_loop()
        ends = loop.time() + seconds
        connection, pool = await self._acquired(name, min(seconds, self._acquire_seconds))
        used, cut = connection.used, Cut(connection, ends - loop.time())
        try:
            yield connection
            used()
        except GONE as error:
            if isinstance(error, ValueError):
                # asyncpg's complaint about a value is an InterfaceError too; the database is not to blame.
                raise
            found = unavailable(TimeoutError() if cut.done else error)
            if not isinstance(found, Busy):
                # Not to be lent again: with reset switched off nobody would notice what state it is in.
                end(connection)
            raise found from error
        except asyncio.CancelledError:
            # Given up: what it was told to do is still under way, and may never be answered.
            end(connection)
            raise
        finally:
            await pool.release(connection)
            cut.cancel()
            if cut.done:
                await self._replace_all()

    async def _acquired(self, name: str, seconds: float) -> tuple[Any, asyncpg.Pool]:
        """A connection that is alive, and its pool."""
        try:
            async with asyncio.timeout(seconds):
                pool = await self._pool(name)
                while True:
                    connection: Any = await pool.acquire()
                    alive = False
                    try:
                        alive = connection.is_fresh() or await proves(connection)
                    finally:
                        if not alive:
                            end(connection)
                            await pool.release(connection)
                            await self._replace_all()
                    if alive:
                        return connection, pool
        except GONE as error:
            if isinstance(error, TimeoutError) and self.pools()[name].in_use >= self._sizes[name]:
                raise Overloaded from error
            raise unavailable(error) from error

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A read-only transaction in which every statement sees the same state."""
        async with self.connection("read") as connection, begun(connection, _SNAPSHOT):
            yield connection

    @asynccontextmanager
    async def figures(self) -> AsyncIterator[Connection]:
        """A snapshot for figures: many short statements, each a plan of its own that is made once and kept.

        Planned anew for every question, a unit's sums would take three times as long. A plan for any units and days
        expects few rows and would fetch a province's one by one, where a bitmap takes them page by page. Worker
        processes take longer to start than such a statement runs; and a ranking's groups fit into memory.
        """
        async with self.connection("read") as connection:
            begin = _SNAPSHOT if getattr(connection, "citus", False) else _BEGIN_FIGURES
            async with begun(connection, begin):
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection for writing, within a transaction that is committed at the end of the block."""
        async with self.connection("write") as connection, begun(connection, "BEGIN"):
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
    except Exception as error:
        # Not where it was given up: the connection ends then, and the transaction with it.
        if not connection.is_closed() and connection.is_in_transaction():
            await connection.execute("ROLLBACK")
        if isinstance(error, asyncpg.PostgresWarning):
            raise unavailable(error) from error  # as it is, it takes no traceback on its way out
        raise


async def again(once: Callable[[], Awaitable[_T]], attempts: int = 8) -> _T:
    """Await `once()`, a whole transaction, until it does not fail in a way after which it may be tried again.

    Raises Overloaded where it failed that way every time.
    """
    for attempt in range(attempts):
        try:
            return await once()
        except (Outdated, Busy) as error:
            await asyncio.sleep(0.01 * 2**attempt if isinstance(error, Busy) else 0)
    raise Overloaded
