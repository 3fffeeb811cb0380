"""Becomes the database server: `python embedded_child.py PARENT UID GID PROGRAM ARG…`. Standard library only.

Run as a program of its own rather than as a `preexec_fn`, which may deadlock in a process that has threads. It asks
the kernel to interrupt the server when its parent ends, however the parent ends, then becomes the server.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
KEEP = -1
"""A UID or GID that says: stay who you are."""


def become(parent: int, uid: int, gid: int, program: list[str]) -> None:
    """Drop to `uid` and `gid`, tie this process to `parent`, and execute `program` (never returns)."""
    if uid != KEEP:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, which clears it. SIGINT is PostgreSQL's fast shutdown: sessions roll back, files stay clean.
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit("the parent process has ended")
    os.execv(program[0], program)


if __name__ == "__main__":
    become(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
