"""One of several processes that answer: `python -m app.server.worker SOCKET WRITER`, started by supervisor.py.

Its arguments are the number of the inherited listening socket and the path at which the process that writes is reached;
its settings come from the environment, as everywhere.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Final

import prometheus_client.values

from app.logs import set_up_logging
from app.main import create_app, create_service
from app.server.http import serve
from app.settings import Settings
from app.store.write.relay import Relay

_PATIENCE_S: Final = 15.0


def begin() -> tuple[Settings, str]:
    """What every process under supervisor.py begins with: it ends with its parent, logs, and knows the database."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    # Without it every count of every metric asks the system for the number of this process.
    number = os.getpid()
    prometheus_client.values.ValueClass = prometheus_client.values.MultiProcessValue(  # type: ignore[no-untyped-call]
        lambda: number
    )
    settings = Settings()
    set_up_logging(settings.log.level)
    assert settings.database.dsn is not None, "the parent knows where the database is"
    return settings, settings.database.dsn.get_secret_value()


def _end_with_parent() -> None:
    """Wait for the parent to be gone, then end: standard input is a pipe that it never writes to."""
    sys.stdin.buffer.read()
    # Nobody is left to clear it away.
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE_S)
    os._exit(1)


def main() -> None:
    """Serve on the inherited socket until asked to end, or until the parent is gone."""
    settings, dsn = begin()
    service = create_service(settings, dsn, relay=Relay(Path(sys.argv[2])))
    serve(create_app(service), socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
