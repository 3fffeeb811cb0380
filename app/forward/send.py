"""One request to the service, and what its answer says of each item: done, refused, or to be sent again."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app.forward.config import Target
from app.forward.queue import Item
from app.messages import Message, spoken

if TYPE_CHECKING:
    # Imported where it is used: six MiB that no other command needs.
    import httpx

_TRANSIENT: Final = frozenset({"overloaded", "unavailable", "rate_limited"})
_OF_THE_BODY: Final = frozenset({400, 413, 415, 422})
_LONGEST_TOLD: Final = 300
_LONGEST_ASKED: Final = 3_600.0


@dataclass(frozen=True)
class Answer:
    """What became of a request, by places in it; what is neither done nor rejected is to be sent again.

    `warned`: what was taken but is not understood; `trouble` says why all of it failed; `pause` is how many seconds the
    service asked to wait; `smaller`: fewer items at once will tell more.
    """

    done: Sequence[int] = ()
    rejected: Mapping[int, dict[str, str]] = field(default_factory=dict)
    trouble: Message | None = None
    pause: float = 0
    smaller: bool = False
    warned: Sequence[Mapping[str, str]] = ()


class Sender:
    """Sends to one service. The key is read each time: a new one needs no restart."""

    def __init__(self, target: Target) -> None:
        import httpx

        self._target = target
        self._client = httpx.Client(timeout=target.timeout, headers={"Accept-Language": spoken(os.environ)})

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def send(self, items: Sequence[Item]) -> Answer:
        """Send items of one kind and agency. Never raises for what a network or a service may do."""
        import httpx

        try:
            key = Path(self._target.key_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            return Answer(trouble=_trouble(f"{self._target.key_file}: {getattr(error, 'strerror', None) or error}"))
        try:
            answer = self._post(items, key)
        except httpx.ReadTimeout:
            return Answer(trouble=_trouble(f"no answer within {self._target.timeout:g} s"), smaller=True)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return Answer(trouble=_trouble(f"{type(error).__name__}: {error}".replace(key or "\0", "…")))
        return read(answer.status_code, answer.headers, answer.content, items)

    def _post(self, items: Sequence[Item], key: str) -> httpx.Response:
        url, what = self._target.url.rstrip("/"), items[0].what
        if what == "events":
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
            return self._client.post(
                f"{url}/v1/events", content=b"\n".join(each.body for each in items), headers=headers
            )
        head = json.dumps({"service": what, "madonvi": items[0].agency}, ensure_ascii=False).encode()
        body = head[:-1] + b', "data": [' + b",".join(each.body for each in items) + b"]}"
        return self._client.post(
            f"{url}/dvcqg/{key}/{what}", content=body, headers={"Content-Type": "application/json"}
        )


def read(status: int, headers: Mapping[str, str], content: bytes, items: Sequence[Item]) -> Answer:
    """What an answer says of the items."""
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    told = told if isinstance(told, dict) else {}
    if status in _OF_THE_BODY:
        if len(items) > 1:
            return Answer(smaller=True)
        reason = {name: str(told.get(name))[:_LONGEST_TOLD] for name in ("code", "detail") if told.get(name)}
        return Answer(rejected={0: {"code": str(status)} | reason})
    if status != 200:
        detail = str(told.get("detail") or told.get("title") or "")[:_LONGEST_TOLD]
        asked = _asked(headers.get("retry-after"))
        return Answer(trouble=_trouble(f"HTTP {status} {detail}".strip()), pause=asked, smaller=status == 500)
    errors = told.get("errors", [])
    rejected = {}
    if isinstance(errors, list):
        rejected = {each["index"]: each for each in errors if isinstance(each, dict) and _is_place(each, items)}
    known = len(errors) if isinstance(errors, list) else -1
    if items[0].what == "events":
        sums = [told.get(name) for name in ("accepted", "duplicates", "rejected")]
        whole = all(isinstance(each, int) for each in sums) and sum(sums) == len(items)  # type: ignore[arg-type]
        if not whole or len(rejected) != told["rejected"]:
            return Answer(trouble=_trouble("200, but no outcome for every event: is this the service?"))
        return _outcomes(range(len(items)), rejected)
    warnings = told.get("warnings")
    warned = [_reason(each) for each in warnings if isinstance(each, dict)] if isinstance(warnings, list) else []
    if str(told.get("error_code")) in ("0", "00"):
        return Answer(done=range(len(items)), warned=warned)
    if not rejected or len(rejected) != known:
        message = str(told.get("message") or "is this the service?")[:_LONGEST_TOLD]
        return Answer(trouble=_trouble(f"200, but no outcome for every dossier: {message}"))
    return replace(_of_dossiers(items, rejected), warned=warned)


def _of_dossiers(items: Sequence[Item], rejected: Mapping[int, dict[str, Any]]) -> Answer:
    """Where a dossier stands several times in a call, one place may speak for all: these are asked for alone."""
    subjects = [_subject(each) for each in items]
    several = {subject for subject, count in Counter(subjects).items() if count > 1}
    doubtful = several & {subjects[place] for place in rejected}
    clear = [place for place, subject in enumerate(subjects) if subject not in doubtful]
    told = _outcomes(clear, {place: each for place, each in rejected.items() if place in clear})
    return Answer(told.done, told.rejected, told.trouble, smaller=bool(doubtful))


def _outcomes(places: Sequence[int], rejected: Mapping[int, dict[str, Any]]) -> Answer:
    done = [place for place in places if place not in rejected]
    kept = {place: _reason(each) for place, each in rejected.items() if each.get("code") not in _TRANSIENT}
    if len(kept) < len(rejected):
        return Answer(done, kept, _trouble("some are to be sent again"))
    return Answer(done, kept)


def _reason(error: Mapping[str, Any]) -> dict[str, str]:
    names = ("code", "field", "id", "MaHoSo", "detail")
    return {name: str(error[name])[:_LONGEST_TOLD] for name in names if error.get(name) is not None}


def _is_place(error: Mapping[str, Any], items: Sequence[Item]) -> bool:
    index = error.get("index")
    return isinstance(index, int) and 0 <= index < len(items)


def _subject(item: Item) -> str:
    given = json.loads(item.body)
    if not isinstance(given, dict):
        return ""
    return next((str(value) for name, value in given.items() if str(name).lower() == "mahoso"), "")


def _asked(header: str | None) -> float:
    """The seconds of a Retry-After, given as such or as a date; 0 where there is none that can be read."""
    if not header:
        return 0
    try:
        seconds = float(header)
    except ValueError:
        try:
            at = parsedate_to_datetime(header)
        except ValueError:
            return 0
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0), _LONGEST_ASKED) if seconds == seconds else 0


def _trouble(what: str) -> Message:
    return Message("not taken: {what}", "chưa gửi được: {what}", what=what)
