"""What every command of `python -m bench` shares: its options, its loaded database, and telling what was found."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from bench.history import History, Size
    from bench.results import Report

_err = Console(stderr=True)

_BOOK = Path("docs/benchmarks.md")
SCALE = Annotated[float, typer.Option(help="Share of the published dossiers, 1 is all.", min=0.0005, max=1)]
YEARS = Annotated[int, typer.Option(help="Years of history, the demo's own the last.", min=1, max=20)]


@dataclass(frozen=True)
class Run:
    """What every command takes, and a run by it."""

    seed: Annotated[int, typer.Option(help="Another seed makes other dossiers.", min=1)] = 1
    serve: Annotated[str, typer.Option(help="Further arguments of `chiso serve`, e.g. '--host ::1'.")] = ""
    dsn: Annotated[
        str,
        typer.Option(
            help="PostgreSQL server in which databases may be made and dropped; an own embedded one without it."
        ),
    ] = ""
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Where the run's folder is made; the system's temporary folder without it."),
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False
    markdown: Annotated[bool, typer.Option("--markdown", help="Append the results to docs/benchmarks.md.")] = False
    began: float = field(default_factory=time.monotonic, init=False)

    @property
    def kept_in(self) -> Path | None:
        """The folder that is kept; None where nothing is."""
        return None

    def say(self, what: str) -> None:
        """Tell how far the run is, with the time since its beginning, unless it is to be quiet."""
        if not self.as_json:
            _err.print(f"{time.monotonic() - self.began:7.1f} s  {what}", style="dim", highlight=False)

    def measured(self, size: str, work: Callable[[str, Path, Report], None]) -> None:
        """Do the work with a database server, then tell what was found; exit 1 when a check failed."""
        import msgspec

        from bench import machine, running, show, write
        from bench.results import Report

        place = running.folder(self.folder) if self.kept_in is None else running.kept(self.kept_in)
        with place as home, write.server(self.dsn, home) as server:
            report = Report(
                at=time.strftime("%Y-%m-%d %H:%M"),
                command=_command(),
                size=size,
                machine=machine.machine(server, home),
            )
            work(server, home, report)
        if self.as_json:
            sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
        else:
            show.printed(report, Console(width=None if sys.stdout.isatty() else 200))
        if self.markdown:
            show.appended(report, _BOOK)
            _err.print(f"written to {_BOOK}", highlight=False)
        if not report.sound:
            _err.print("a check failed; see above", style="red")
            raise SystemExit(1)


@dataclass(frozen=True)
class Loaded(Run):
    """The same of a command that asks a loaded database."""

    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep the loaded database in this folder and use it the next time.")
    ] = None

    @property
    def kept_in(self) -> Path | None:
        return self.keep

    def on(self, what: str, size: Size, work: Callable[[History, Path, Report], None]) -> None:
        """Do the work on the history of a size, told as `what`; its database goes afterwards unless it is kept."""
        from bench.history import History

        def with_history(server: str, home: Path, report: Report) -> None:
            loaded = History(server, home, size, self.serve.split(), self.say)
            try:
                loaded.load()
                report.notes.append(f"{loaded.events:,} events loaded through intake")
                work(loaded, home, report)
            finally:
                if self.keep is None:
                    loaded.remove()

        self.measured(what, with_history)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """A command that takes its own options and, as `run`, those of Run or Loaded."""
    own = inspect.signature(function, eval_str=True).parameters
    kind: type[Run] = own["run"].annotation
    shared = inspect.signature(kind, eval_str=True).parameters

    @wraps(function)
    def called(**options: Any) -> None:
        run = kind(**{name: options.pop(name) for name in shared})
        function(run, **options)

    parameters = [each for each in (*own.values(), *shared.values()) if each.name != "run"]
    called.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    )
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    del called.__wrapped__
    return called


def _command() -> str:
    """The command as typed, without what is nobody's business: addresses of servers, places on this machine."""
    said = ["python -m bench"]
    arguments = iter(sys.argv[1:])
    for each in arguments:
        if each in ("--dsn", "--dir", "--keep"):
            next(arguments, None)
            said += [each, "…"]
        elif each.startswith(("--dsn=", "--dir=", "--keep=")):
            said.append(each.partition("=")[0] + "=…")
        else:
            said.append(f"'{each}'" if " " in each else each)
    return " ".join(said)
