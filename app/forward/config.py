"""The forwarder's one file: where it takes from, where it sends to, where it keeps its queue."""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeVar, get_type_hints
from urllib.parse import urlsplit

from app.intake.lines import Refused
from app.messages import Message

_T = TypeVar("_T")
CURSOR: Final = "{cursor}"
WHATS: Final = ("events", "DongBoHoSoMC", "CapNhatTienDoHoSoMC")
"""What is sent: events to `/v1/events`, or calls of the national portal's interface to `/dvcqg/{key}/…`."""
EXAMPLE: Final = """\
# chiso forward: bộ chuyển tiếp / the forwarder. Chạy / run: chiso forward --config forward.toml

[source]
kind = "folder"                # "folder" (thư mục), "table" (bảng), "pipe" (đầu vào chuẩn / standard input)
what = "events"                # "events" (NDJSON, CloudEvents), "DongBoHoSoMC", "CapNhatTienDoHoSoMC"
folder = "/var/spool/chiso"    # tệp mới ở đây; xong thì sang done/, hỏng thì sang failed/
# settle = 2.0                 # giây từ lần ghi cuối / seconds since a file was last written
# kind = "table"
# dsn = "postgresql://reader@db.example/motcua"   # hoặc / or: "sqlite:////var/lib/motcua/outbox.db"
# query = "SELECT id, payload FROM outbox WHERE id > {cursor} ORDER BY id"
# start = 0                    # con trỏ đầu tiên / the first cursor
# overlap = 1000               # đọc lại bấy nhiêu số phía sau con trỏ / numbers behind the cursor that are read again

[target]
url = "https://chiso.example"
key_file = "/etc/chiso/ingest.key"   # khóa API phạm vi ingest, một dòng / an ingest key in a line
# batch = 500                  # mỗi lần gửi / in one request
# timeout = 60.0               # giây / seconds
# first_wait = 1.0             # chờ sau lỗi đầu, rồi gấp đôi / after the first failure, doubled each time
# longest_wait = 300.0

[queue]
file = "/var/lib/chiso-forward/queue.db"
# max_mb = 10000               # lớn nhất / the most it may grow to
# poll = 1.0                   # giây giữa hai lần nhìn nguồn / seconds between two looks at the source
"""


@dataclass(frozen=True)
class Source:
    """Where from; what of it is needed depends on `kind`."""

    kind: str
    what: str = "events"
    folder: str = ""
    settle: float = 2.0
    dsn: str = ""
    query: str = ""
    start: int | str = 0
    overlap: int = 1_000


@dataclass(frozen=True)
class Target:
    """Where to, and how patiently; waits in seconds."""

    url: str
    key_file: str
    batch: int = 500
    timeout: float = 60.0
    first_wait: float = 1.0
    longest_wait: float = 300.0


@dataclass(frozen=True)
class Queue:
    """The file of what waits, its bound in MB, and the seconds between two looks at the source."""

    file: str
    max_mb: int = 10_000
    poll: float = 1.0


@dataclass(frozen=True)
class Config:
    """All of it."""

    source: Source
    target: Target
    queue: Queue


def read(file: Path) -> Config:
    """The file, its relative paths from its own folder.

    Raises:
        Refused: it cannot be read, or says something that cannot be.
    """
    try:
        given = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(file, "", str(error)) from None
    for name in sorted(given.keys() - {each.name for each in fields(Config)}):
        raise _unknown(file, name)
    source = _part(file, given, "source", Source)
    target = _part(file, given, "target", Target)
    queue = _part(file, given, "queue", Queue)
    if source.what not in WHATS:
        raise _wrong(file, "source.what", " | ".join(WHATS))
    needed = {"folder": ("folder",), "table": ("dsn", "query"), "pipe": ()}.get(source.kind)
    if needed is None:
        raise _wrong(file, "source.kind", "folder | table | pipe")
    for name in needed:
        if not getattr(source, name):
            raise _missing(file, f"source.{name}")
    if source.kind == "table":
        _check_query(file, source)
    if urlsplit(target.url).scheme not in ("http", "https") or not urlsplit(target.url).hostname:
        raise _wrong(file, "target.url", "https://…")
    positive: dict[str, float] = {
        "source.settle": source.settle + 1, "source.overlap": source.overlap + 1, "target.batch": target.batch,
        "target.timeout": target.timeout, "target.first_wait": target.first_wait,
        "target.longest_wait": target.longest_wait, "queue.max_mb": queue.max_mb, "queue.poll": queue.poll,
    }  # fmt: skip
    for name, value in positive.items():
        if value <= 0:
            raise _wrong(file, name, "> 0")
    return Config(source, target, queue)


def _check_query(file: Path, source: Source) -> None:
    if source.query.count(CURSOR) != 1:
        raise _wrong(file, "source.query", f"… {CURSOR} …")
    if not re.search(r"\border\s+by\b", source.query, re.IGNORECASE) or re.search(
        r"\blimit\b", source.query, re.IGNORECASE
    ):
        raise _wrong(file, "source.query", "ORDER BY, no LIMIT")
    if not source.dsn.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise _wrong(file, "source.dsn", "postgresql://… | sqlite:///…")


_PATHS: Final = ("folder", "key_file", "file")


def _part(file: Path, given: dict[str, Any], name: str, kind: type[_T]) -> _T:
    told = given.get(name)
    if not isinstance(told, dict):
        raise _missing(file, f"[{name}]")
    known = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]
    types = get_type_hints(kind)
    for each, value in told.items():
        if each not in known:
            raise _unknown(file, f"{name}.{each}")
        wanted = (int, float) if types[each] is float else types[each]
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise _wrong(file, f"{name}.{each}", str(value))
    for each, field in known.items():
        if each not in told and field.default is MISSING:
            raise _missing(file, f"{name}.{each}")
    placed = {each: str(file.parent / value) if each in _PATHS and value else value for each, value in told.items()}
    return kind(**placed)


def _unknown(file: Path, name: str) -> Refused:
    return Refused(
        Message(
            "{file}: {name} is no setting of the forwarder (`chiso forward example` shows all)",
            "{file}: bộ chuyển tiếp không có mục {name} (`chiso forward example` cho xem tất cả)",
            file=str(file),
            name=name,
        )
    )


def _missing(file: Path, name: str) -> Refused:
    return Refused(Message("{file}: {name} is missing", "{file}: thiếu {name}", file=str(file), name=name))


def _wrong(file: Path, name: str, why: str) -> Refused:
    return Refused(
        Message(
            "{file}: {name} cannot be read: {why}",
            "{file}: không đọc được {name}: {why}",
            file=str(file),
            name=name,
            why=why,
        )
    )
