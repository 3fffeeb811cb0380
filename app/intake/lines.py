"""Lines of a file of events, as people's programs write such files."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from app.messages import Message, Told


class Refused(Told):
    """Something that was asked for does not exist or cannot be read."""


def lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, each with its place from 0.

    Raises:
        Refused: the file is written in UTF-16.
    """
    with file.open("rb") as stream:
        if stream.read(3) != codecs.BOM_UTF8:
            stream.seek(0)
            if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                raise Refused(
                    Message(
                        "{path} is written in UTF-16: save it as UTF-8",
                        "{path} được ghi bằng UTF-16: hãy lưu bằng UTF-8",
                        path=str(file),
                    )
                )
            stream.seek(0)
        yield from ((place, line) for place, line in enumerate(stream) if line.strip())
