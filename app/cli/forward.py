"""`chiso forward`: from a one-stop system's own host to the service, without losing anything on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.running import fail, note, say
from app.forward import config, running
from app.forward.queue import Queue, Status
from app.intake.lines import Refused
from app.messages import Message, of_error, verbatim

forward = typer.Typer(
    invoke_without_command=True, help="Forward events or the portal's payload from a folder, a table or a pipe."
)
_Config = Annotated[Path, typer.Option("--config", help="The forwarder's file; `chiso forward example` prints one.")]
_Own = Annotated[Path | None, typer.Option("--config", help="The forwarder's file.", show_default="forward.toml")]
_USUAL = Path("forward.toml")


@forward.callback()
def forward_command(
    context: typer.Context,
    file: _Config = _USUAL,
    once: Annotated[bool, typer.Option("--once", help="End when all that is there now has an outcome.")] = False,
) -> None:
    """Forward until SIGTERM or Ctrl-C; a pipe, until its end. Ends with 0, or 1 where something was refused and is kept
    aside, 2 where the file is wrong. Ended in whatever way, run it again: nothing is lost or doubled.
    """
    if context.invoked_subcommand is None:
        status = running.forward(_read(file), note, once)
        say(_told(status))
        if status.rejected:
            raise SystemExit(1)


@forward.command("status")
def status_command(context: typer.Context, file: _Own = None) -> None:
    """Say how much waits and was sent, and list what was refused, one JSON object a line, with the reason."""
    with _queue(context, file) as queue:
        say(_told(queue.status))
        for each in queue.rejections():
            row = {"item": each.seq, "from": each.origin} | json.loads(each.reason)
            print(json.dumps(row, ensure_ascii=False))


@forward.command("retry")
def retry_command(context: typer.Context, file: _Own = None) -> None:
    """Let what was refused be sent once more, when its cause is gone."""
    with _queue(context, file) as queue:
        say(Message("{count:,} wait again", "{count:,} mục chờ gửi lại", count=queue.again()))


@forward.command("example")
def example_command() -> None:
    """Print an example of the file, with all that it may say."""
    print(config.EXAMPLE, end="")


def _read(file: Path) -> config.Config:
    try:
        return config.read(file)
    except Refused as error:
        fail(of_error(error), 2)
    except OSError as error:
        fail(verbatim(f"{file}: {error.strerror}"), 2)


def _queue(context: typer.Context, file: Path | None) -> Queue:
    """The queue as it stands; its file is named before the command or after it."""
    found = _read(file or (context.parent.params["file"] if context.parent is not None else _USUAL))
    if not Path(found.queue.file).exists():
        fail(Message("there is no queue yet: {file}", "chưa có hàng đợi: {file}", file=found.queue.file))
    return Queue(Path(found.queue.file), found.queue.max_mb, sending=False)


def _told(status: Status) -> Message:
    return Message(
        "{waiting:,} waiting, {sent:,} sent, {rejected:,} refused and kept aside",
        "chờ {waiting:,}, đã gửi {sent:,}, bị từ chối để riêng {rejected:,}",
        waiting=status.waiting,
        sent=status.sent,
        rejected=status.rejected,
    )
