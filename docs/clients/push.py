"""Sends a file of events, one a line, to chiso766, and keeps what was rejected. Python 3.9 or newer, no packages.

    CHISO_URL=https://chiso.example.vn CHISO_KEY=... python3 push.py events.ndjson

Ends with 0: all were taken. 1: some were rejected; each stands in events.ndjson.rejected with its code and detail.
2: not all could be sent. Run it again: what was taken is then a duplicate, which is success.
"""

import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

BATCH, TRIES, TIMEOUT_S = 500, 10, 60
AGAIN = {408, 429, 500, 502, 503, 504}


class Stop(Exception):
    """Sending more is of no use now."""


class TooMuch(Exception):
    """The batch is to be split."""


def post(body):
    """Status, headers and text of the answer. OSError or HTTPException: there was none, or not a whole one."""
    request = urllib.request.Request(
        os.environ["CHISO_URL"].strip().rstrip("/") + "/v1/events", data=body, method="POST"
    )
    request.add_header("Authorization", "Bearer " + os.environ["CHISO_KEY"])
    request.add_header("Content-Type", "application/x-ndjson")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode("utf-8", "replace")


def wait_for(tries, retry_after):
    """Seconds to wait: what the service says, else 1, 2, 4 … 60, each a little different for every sender."""
    if retry_after and retry_after.isdigit():
        return int(retry_after)
    return min(60, 2**tries) * random.uniform(0.5, 1)


def push(lines):
    """Send a batch until it is answered: what became of each of its events. The ids stay the same every time."""
    body = "\n".join(lines).encode()
    for tries in range(TRIES):
        retry_after = None
        try:
            status, headers, text = post(body)
            told = json.loads(text)
            if status == 200:
                if told["accepted"] + told["duplicates"] + told["rejected"] != len(lines):
                    raise Stop(f"{len(lines)} events were sent, and the answer tells of others: {text[:500]}")
                return told
            trouble = f"{status} {told.get('code')}: {told.get('detail')}"
            if status == 413:
                raise TooMuch(trouble)
            if status not in AGAIN and told.get("code") != "incomplete_body":
                raise Stop(trouble)
            retry_after = headers.get("Retry-After")
        except (OSError, http.client.HTTPException, ValueError) as error:
            trouble = f"no answer: {error!r}"
        wait = wait_for(tries, retry_after)
        print(f"{trouble}; again in {wait:.1f} s", file=sys.stderr)
        time.sleep(wait)
    raise Stop(f"given up after {TRIES} tries: {trouble}")


def outcomes(lines):
    """As `push`; in halves where it is too much at once, down to a single event."""
    try:
        yield lines, push(lines)
    except TooMuch as problem:
        if len(lines) == 1:
            error = {"index": 0, "code": "too_large", "field": None, "detail": str(problem)}
            yield lines, {"accepted": 0, "duplicates": 0, "rejected": 1, "errors": [error]}
        else:
            half = len(lines) // 2
            yield from outcomes(lines[:half])
            yield from outcomes(lines[half:])


def lines_of(arguments):
    """The file that is to be sent, and its lines."""
    if len(arguments) != 1:
        raise Stop("name one file: push.py events.ndjson")
    for name in ("CHISO_URL", "CHISO_KEY"):
        if not os.environ.get(name, "").strip():
            raise Stop(f"set {name}")
    if not os.environ["CHISO_URL"].strip().startswith(("http://", "https://")):
        raise Stop("CHISO_URL begins with http:// or https://")
    try:
        text = Path(arguments[0]).read_text("utf-8-sig")
    except OSError as error:
        raise Stop(f"{arguments[0]} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Stop(f"{arguments[0]} is not UTF-8: save it as UTF-8") from error
    return arguments[0], [line.strip() for line in text.split("\n") if line.strip()]


def main(arguments):
    """Send a file, and tell how it went."""
    counts = {"accepted": 0, "duplicates": 0, "rejected": 0}
    try:
        file, lines = lines_of(arguments)
    except Stop as stop:
        print("stopped:", stop, file=sys.stderr)
        return 2
    with Path(file + ".rejected").open("w", encoding="utf-8") as kept:
        try:
            for start in range(0, len(lines), BATCH):
                for sent, told in outcomes(lines[start : start + BATCH]):
                    for name in counts:
                        counts[name] += told[name]
                    for error in told["errors"]:  # the batch was 200, and these were NOT taken
                        row = {name: error[name] for name in ("code", "field", "detail")}
                        kept.write(json.dumps({**row, "event": sent[error["index"]]}, ensure_ascii=False) + "\n")
                    for warning in told.get("warnings", ()):
                        print("warning:", sent[warning["index"]], warning["detail"], file=sys.stderr)
        except Stop as stop:
            print("stopped:", stop, file=sys.stderr)
            return 2
        finally:
            print(", ".join(f"{name} {count}" for name, count in counts.items()))
    return 1 if counts["rejected"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
