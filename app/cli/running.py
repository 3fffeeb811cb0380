"""What every command does alike: the database it runs on, progress bars, failures told in a line."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn, TextIO, TypeVar

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from app import start
from app.intake.lines import Refused
from app.messages import Message, spoken
from app.server.garbage import collect_less
from app.settings import Settings, of_environment
from app.store import audit, check, migrate
from app.store.audit import Change
from app.store.embedded import server as embedded
from app.store.store import Store

_A_DAY = 86_400.0
console = Console(stderr=True)
_T = TypeVar("_T")
_SECONDS = 15.0
"""The longest that a command waits for the database to let it in."""


class Unfinished(Exception):
    """Something ended the reading of a file before its end, and is its cause."""


def say(message: Message) -> None:
    """Answer a person, in the terminal's language."""
    print(message.said(spoken(os.environ)))


def fail(message: Message, code: int = 1) -> NoReturn:
    """Tell a person what went wrong, a line for each fault, and end with an exit code."""
    for line in message.said(spoken(os.environ)).splitlines():
        console.print(f"chiso: {line}", style="red", highlight=False, soft_wrap=True, markup=False, emoji=False)
    raise SystemExit(code)


def note(message: Message) -> None:
    """Tell a person something that nothing else depends on."""
    console.print(
        f"chiso: {message.said(spoken(os.environ))}", highlight=False, soft_wrap=True, markup=False, emoji=False
    )


def writing(errors: Path, read: Path, encoding: str = "utf-8", newline: str | None = None) -> TextIO:
    """A file that faults are written to.

    Raises:
        Refused: it is the one that is read, and may hold what somebody has mended.
    """
    if errors.exists() and errors.samefile(read):
        raise Refused(
            Message(
                "{file}: --errors would write over the file that is read",
                "{file}: --errors sẽ ghi đè lên chính tệp đang đọc",
                file=str(errors),
            )
        )
    return errors.open("w", encoding=encoding, newline=newline)


@contextlib.contextmanager
def database(settings: Settings, own: bool = False) -> Iterator[str]:
    """The address of the database: the setting, else the embedded one, started (and then migrated) if nobody runs it.

    Args:
        own: refuse when another process runs the embedded database, instead of using it beside that process.
    """
    if settings.database.dsn is not None:
        yield settings.database.dsn.get_secret_value()
        return
    begin = embedded.start if own else partial(embedded.attach_or_start, waiting=note)
    with begin(settings.data_dir) as server:
        if server.owned:
            migrate.upgrade(server.dsn)
        yield server.dsn


def run(work: Callable[[Store], Awaitable[_T]], keys: bool = False, begins: bool = False) -> _T:
    """Run `work` on the store of the configured database, which is at this version's revision.

    Args:
        keys: whether keys are made, so that there must be a pepper, and none but the one that made those in force.
        begins: whether there is something to do on an embedded database that is made for it; so there is for `keys`.
    """
    settings = of_environment()
    # Who has forgotten the settings is not to read that a new and empty one is in order.
    if settings.database.dsn is None and not (keys or begins or (settings.data_dir / embedded.LOCK).exists()):
        raise embedded.EmbeddedError(
            Message(
                "there is no database: `CHISO_DATABASE__DSN` is not set, and {folder} holds no embedded one. Load the"
                " service's settings first, such as `set -a; . /etc/chiso/chiso.env; set +a`",
                "không có cơ sở dữ liệu: chưa đặt `CHISO_DATABASE__DSN`, và {folder} không chứa cơ sở dữ liệu nhúng."
                " Hãy nạp cài đặt của dịch vụ trước, ví dụ `set -a; . /etc/chiso/chiso.env; set +a`",
                folder=str(settings.data_dir),
            )
        )
    # A command may take as long as its work does.
    settings.database.read_seconds = settings.database.write_seconds = _A_DAY

    async def whole(dsn: str) -> _T:
        known = start.known_pepper(settings)
        await check.migrated(dsn, _SECONDS)
        if keys:
            await check.keyed(dsn, _SECONDS, *start.known_peppers(settings))
            known = start.pepper(settings)
        store = start.create_store(settings, dsn, secret=known or b"")
        collect_less()
        try:
            return await work(store)
        finally:
            await store.database.close()

    with database(settings) as dsn:
        return uvloop.run(whole(dsn))


async def tell_audit(store: Store, root_id: int, change: Change) -> None:
    """Tell the audit log of a root, or of none (`NO_ROOT`), what this command has done."""
    async with store.database.connection("write") as connection:
        await audit.write(connection, root_id, audit.COMMAND_LINE, [change])


@contextlib.contextmanager
def stages(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for work in stages; call the result with the stage, how much of it is done, and of how much."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=None)
        yield lambda stage, done, of: bar.update(task, description=f"{what}: {stage}", completed=done, total=of or None)
        bar.update(task, description=what, total=1, completed=1)


@contextlib.contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error; call the result with how many more are done."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.update(task, advance=more)
        # The total may have been an estimate.
        done = bar.tasks[task].completed
        bar.update(task, total=max(done, 1), completed=max(done, 1))
