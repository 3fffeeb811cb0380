"""One of several processes of the service: `python -m app.worker SOCKET`, started by workers.py with the number of the
inherited listening socket. Its settings come from the environment, as everywhere.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import threading
import time
from typing import Final

from app.main import create_app, create_service, set_up_logging
from app.serving import serve
from app.settings import Settings

_PATIENCE_S: Final = 10.0


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
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    settings = Settings()
    set_up_logging(settings.log.level)
    assert settings.database.dsn is not None, "the parent knows where the database is"
    service = create_service(settings, settings.database.dsn.get_secret_value())
    serve(create_app(service), socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
