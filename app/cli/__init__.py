"""The `chiso` command: one module for each group of commands, imported when one of them is called."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from app import VERSION
from app.cli.running import Unfinished, fail
from app.logs import set_up_logging
from app.messages import Message, Told, of_error, verbatim
from app.store import check


class _Commands(TyperGroup):
    """Commands by name, and where each is made: what it needs is imported when it is asked for, not before."""

    places: ClassVar[Mapping[str, str | typer.Typer]]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Their names: for the help, and for what may have been meant.
        names: dict[str, Any] = dict.fromkeys(self.places)
        self.commands = names

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """One of them."""
        made: Any = self.places.get(cmd_name)
        if isinstance(made, str):
            module, _, name = made.partition(":")
            made = getattr(import_module(f"{__name__}.{module}"), name)
        if made is None:
            return None
        if isinstance(made, typer.Typer):
            group = get_group(made)
            group.name = cmd_name
            return group
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name)(made)
        return get_command(alone)


class _Imports(_Commands):
    places: ClassVar = {
        "units": "imports:import_units",
        "procedures": "imports:import_procedures",
        "dossiers": "backfill:dossiers_command",
        "split": "splits:import_split",
    }


class _All(_Commands):
    places: ClassVar = {
        "serve": "serve:serve_command",
        "demo": "demo:demo_command",
        "simulate": "demo:simulate_command",
        "migrate": "database:migrate_command",
        "roles": "database:roles_command",
        "wait": "database:wait_command",
        "keys": "keys:keys",
        "roots": "roots:roots",
        "sources": "sources:sources",
        "ingest": "ingest:ingest_command",
        "import": typer.Typer(
            cls=_Imports,
            no_args_is_help=True,
            help="What offices have in files: catalogues, and the history of dossiers.",
        ),
        "forward": "forward:forward",
        "reconcile": "reconcile:reconcile_command",
        "rebuild": "database:rebuild_command",
        "maintain": "maintain:maintain_command",
        "verify": "database:verify_command",
        "openapi": "serve:openapi_command",
    }


app = typer.Typer(
    cls=_All,
    no_args_is_help=True,
    add_completion=False,
    # Its pages would show the values of variables, secrets among them.
    pretty_exceptions_enable=False,
    help="Exact indicators of Decision 766/QĐ-TTg from events.",
)


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
    except Unfinished as error:
        fail(_told(error.__cause__ or error), 2)
    except Exception as error:  # noqa: BLE001 - told, and where for who looks for it
        fail(_told(error))


def _told(error: BaseException) -> Message:
    """What fails, in a line; raised again to who looks for where, if it is a fault of ours."""
    if isinstance(error, Told):
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
