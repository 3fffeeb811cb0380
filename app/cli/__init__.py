"""The `chiso` command: one module for each group of commands."""

from __future__ import annotations

import typer

from app import ingest as ingesting
from app.cli import database, demo, ingest, keys, serve
from app.cli.running import fail
from app.demo.living import simulation
from app.server.http import PortInUse
from app.store import migrate
from app.store.address import BadAddress
from app.store.embedded.server import EmbeddedError
from app.store.roots import UnknownRoot
from app.store.unavailable import DatabaseUnavailable

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Exact indicators of Decision 766/QĐ-TTg from events."
)
app.command("serve")(serve.serve_command)
app.command("demo")(demo.demo_command)
app.command("simulate")(demo.simulate_command)
app.command("migrate")(database.migrate_command)
app.add_typer(keys.keys, name="keys")
app.command("ingest")(ingest.ingest_command)
app.command("rebuild")(database.rebuild_command)
app.command("maintain")(database.maintain_command)
app.command("verify")(database.verify_command)
app.command("openapi")(serve.openapi_command)

_TOLD = (
    ingesting.Refused, simulation.Refused, simulation.NothingToDo, UnknownRoot, EmbeddedError, PortInUse,
    migrate.TablesInUse, migrate.TimescaleMissing, migrate.UnknownRevision, BadAddress,
)  # fmt: skip


def main() -> None:
    """Run the command; failures a person can do something about are told in a line, without a traceback."""
    try:
        app()
    except _TOLD as error:
        fail(str(error))
    except DatabaseUnavailable as error:
        fail(f"the database cannot be reached: {error}")
    except KeyboardInterrupt:
        raise SystemExit(130) from None
