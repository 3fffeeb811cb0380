"""The `chiso` command: one module for each group of commands."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from app.cli import (
    backfill,
    database,
    demo,
    forward,
    imports,
    ingest,
    keys,
    maintain,
    reconcile,
    roots,
    serve,
    sources,
    splits,
)
from app.cli.running import fail
from app.demo.living import simulation
from app.forward.queue import InUse
from app.intake.backfill.columns import NoColumns
from app.intake.backfill.mapping import BadMap
from app.intake.lines import Refused
from app.intake.tables import Unreadable
from app.logs import set_up_logging
from app.main import VERSION
from app.messages import Message, of_error, verbatim
from app.server.http import PortInUse
from app.settings import InvalidSettings
from app.start import Unwritable
from app.store import check, migrate
from app.store.catalogues import removal
from app.store.catalogues.roots import UnknownRoot
from app.store.connections.address import BadAddress
from app.store.embedded.server import EmbeddedError
from app.store.proof.rebuild import RebuildRunning
from app.store.retention.drop import NotOwner

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    # Its pages would show the values of variables, secrets among them.
    pretty_exceptions_enable=False,
    help="Exact indicators of Decision 766/QĐ-TTg from events.",
)
app.command("serve")(serve.serve_command)
app.command("demo")(demo.demo_command)
app.command("simulate")(demo.simulate_command)
app.command("migrate")(database.migrate_command)
app.command("roles")(database.roles_command)
app.command("wait")(database.wait_command)
app.add_typer(keys.keys, name="keys")
app.add_typer(roots.roots, name="roots")
app.add_typer(sources.sources, name="sources")
app.command("ingest")(ingest.ingest_command)
imports.imports.command("dossiers")(backfill.dossiers_command)
imports.imports.command("split")(splits.import_split)
app.add_typer(imports.imports, name="import")
app.add_typer(forward.forward, name="forward")
app.command("reconcile")(reconcile.reconcile_command)
app.command("rebuild")(database.rebuild_command)
app.command("maintain")(maintain.maintain_command)
app.command("verify")(database.verify_command)
app.command("openapi")(serve.openapi_command)

_TOLD = (
    Refused, InUse, simulation.Refused, simulation.NothingToDo, UnknownRoot, EmbeddedError, PortInUse,
    migrate.TablesInUse, migrate.TimescaleMissing, migrate.TwoExtensions, migrate.UnknownRevision, BadAddress,
    InvalidSettings, Unwritable, check.NotMigrated, removal.Busy, RebuildRunning, NotOwner, NoColumns, BadMap,
    Unreadable,
)  # fmt: skip


def _version(asked: bool) -> None:
    if asked:
        print(f"chiso {VERSION}")
        raise typer.Exit


@app.callback()
def _chiso(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command. Whatever fails is told in a line; where, only to who looks for it."""
    # What fails is told below, once; a service writes more from when it is served on.
    set_up_logging("ERROR", check.plainly)
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except ingest.Unfinished as error:
        fail(_told(error.__cause__ or error), 2)
    except Exception as error:  # noqa: BLE001 - told, and where for who looks for it
        fail(_told(error))


def _told(error: BaseException) -> Message:
    """What fails, in a line; raised again to who looks for where, if it is a fault of ours."""
    if isinstance(error, _TOLD):
        return of_error(error)
    if isinstance(error, check.FAILURES):
        return check.told(error)
    if isinstance(error, OSError):
        return verbatim(f"{error.filename}: {error.strerror}" if error.filename is not None else str(error))
    if os.environ.get("CHISO_LOG__LEVEL") == "DEBUG":
        raise error
    first = next(iter(str(error).splitlines()), "")
    what = f"{type(error).__name__}: {first}"
    return Message(
        "a fault of chiso itself, please report it: {what} (CHISO_LOG__LEVEL=DEBUG says where)",
        "lỗi của chính chiso, xin báo lại: {what} (CHISO_LOG__LEVEL=DEBUG cho biết ở đâu)",
        what=what,
    )
