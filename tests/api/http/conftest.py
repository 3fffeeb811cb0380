"""What needs a program that is not there is left out; `.ci/test` names it, and in CI refuses to go on without."""

from __future__ import annotations

import shutil

collect_ignore = [] if shutil.which("javac") else ["test_java.py"]
