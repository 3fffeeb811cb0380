"""Bring a database to the schema of this version, and tell which version it has.

Alembic is loaded where it is used: most commands and every answered request do without its half second.
"""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from app.messages import Message, Told
from app.store.connections.address import Address
from app.store.connections.unavailable import unavailable
from app.store.engine import detect_now

if TYPE_CHECKING:
    from alembic.config import Config

Timescale = Literal["auto", "require", "off"]

_HERE = Path(__file__).resolve().parent.parent


class TimescaleMissing(Told):
    """`--timescale require` on a database in which the extension is not created."""


class TwoExtensions(Told):
    """A database in which both TimescaleDB and Citus are created."""


class UnknownRevision(Told):
    """The database stands at a revision of another version, a newer one or one that was never released."""


class TablesInUse(Told):
    """Somebody has held a table for as long as a migration was tried."""


_PATIENCE_S: Final = 60.0
_PAUSE_S: Final = 0.5
_LOCK_MS: Final = 800
"""How long one lock is waited for, during which all who come later wait too: less than until PostgreSQL looks for
deadlocks (deadlock_timeout), so that none of them ends as one."""
_LAST_LOCK_MS: Final = 5_000
"""At last longer: maintenance of PostgreSQL's own gives way after deadlock_timeout only."""


def _config() -> Config:
    """Alembic's configuration: beside the package in a checkout, inside it in a wheel."""
    from alembic.config import Config

    for folder in (_HERE.parent / "migrations", _HERE / "_migrations"):
        if (folder / "env.py").exists():
            config = Config()
            config.set_main_option("script_location", str(folder).replace("%", "%%"))
            return config
    raise FileNotFoundError("the migrations folder is not beside the package")


def head() -> str:
    """The revision this version of the service needs."""
    from alembic.script import ScriptDirectory

    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def upgrade(dsn: str, timescale: str = "auto", to: str = "head") -> str | None:
    """Migrate the database at `dsn` to the newest revision, or to a certain one. The one before; None of none.

    Args:
        dsn: a postgresql:// address.
        timescale: whether the event log becomes a hypertable: `auto` where the timescaledb extension is created in the
            database, `require` fails with TimescaleMissing where it is not, `off` never.

    May run beside services and beside others of its kind: it waits until nobody is in its way, and all wait for it.
    Services of the revision before go on reading afterwards, and write no more.

    Raises:
        TimescaleMissing, TwoExtensions, UnknownRevision, TablesInUse: nothing was done.
        DatabaseUnavailable: the database refused; nothing was done.
    """
    import psycopg
    from alembic import command
    from alembic.script.revision import ResolutionError
    from alembic.util import CommandError
    from sqlalchemy.exc import DBAPIError

    _fitting(dsn, timescale)
    config = _config()
    config.attributes["dsn"] = dsn
    config.attributes["timescale"] = timescale
    ends = time.monotonic() + _PATIENCE_S
    while True:
        last = time.monotonic() >= ends
        config.attributes["lock_ms"] = _LAST_LOCK_MS if last else _LOCK_MS
        try:
            command.upgrade(config, to)
            before: str | None = config.attributes["before"]
            return before
        except CommandError as error:
            if isinstance(error.__cause__, ResolutionError):
                at = error.__cause__.argument
                unknown = Message(
                    "the database is at revision {at}, which this version does not know",
                    "cơ sở dữ liệu ở bản {at}, phiên bản này không biết bản đó",
                    at=str(at),
                )
                raise UnknownRevision(unknown) from error
            raise
        except DBAPIError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise unavailable(error.orig or error) from error.orig
            if last:
                raise TablesInUse(
                    Message(
                        "its tables stay in use: nothing was changed; end what runs long (rebuild, verify, a dump)",
                        "các bảng vẫn đang được dùng: chưa thay đổi gì; dừng việc chạy lâu (rebuild, verify, sao lưu)",
                    )
                ) from error
        time.sleep(_PAUSE_S)


def _fitting(dsn: str, timescale: str) -> None:
    """Refuse a database whose extensions are not those asked for, or do not go together."""
    import psycopg

    try:
        with psycopg.connect(Address.of(dsn).libpq()) as connection:
            engine = detect_now(connection)
    except psycopg.Error as error:
        raise unavailable(error) from error
    if timescale == "require" and engine.timescale is None:
        raise TimescaleMissing(
            Message(
                "the extension timescaledb is not created in this database",
                "phần mở rộng timescaledb chưa được tạo trong cơ sở dữ liệu này",
            )
        )
    if engine.timescale is not None and engine.citus is not None:
        raise TwoExtensions(
            Message(
                "the extensions timescaledb and citus are both created in this database: drop one of them",
                "cả hai phần mở rộng timescaledb và citus đều có trong cơ sở dữ liệu này: hãy gỡ một trong hai",
            )
        )


def sql(timescale: str = "auto") -> str:
    """The statements of all migrations, for a database administrator to read and run."""
    from alembic import command

    config = _config()
    config.attributes["timescale"] = timescale
    config.output_buffer = buffer = io.StringIO()
    command.upgrade(config, "head", sql=True)
    return buffer.getvalue()
