"""How programs of the OAuth dialect get their token, and send files before the dossier that names them.

The token is the key again, which came as the client's secret: there is nothing to keep.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from hashlib import blake2b
from typing import Final
from urllib.parse import parse_qsl
from uuid import uuid4

from fastapi import Request, Response

from app.api.dvcqg import answers
from app.api.http.problems import Problem
from app.intake.dvcqg.values import Fields
from app.messages import Message

FILES: Final = frozenset({"taiteptin", "taitep", "uploadfile", "upload", "teptin"})
"""Names of the service that takes a file."""
_LONGEST_FORM: Final = 16 * 1024
_TOO_LARGE: Final = Message("the body is too large", "nội dung quá lớn")


async def secret(request: Request) -> str:
    """The client's secret as a form, JSON or the header of Basic tells it; "" where none does."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            return b64decode(text, validate=True).decode().partition(":")[2].strip()
        except (binascii.Error, UnicodeDecodeError):
            return ""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            raise Problem("too_large", _TOO_LARGE)
    try:
        given = json.loads(body) if body.lstrip()[:1] == b"{" else dict(parse_qsl(body.decode()))
    except (ValueError, RecursionError):
        return ""
    fields = Fields(given, [])
    return fields.text("client_secret") or fields.text("clientSecret") or fields.text("password") or ""


async def file(request: Request, most: int) -> Response:
    """A file's id and digest; of the file its length is looked at, and nothing kept.

    Raises:
        Problem: it is longer than `most` bytes.
    """
    length = 0
    async for part in request.stream():
        length += len(part)
        if length > most:
            raise Problem("too_large", _TOO_LARGE)
    name = str(uuid4())
    digest = blake2b(f"{name} {length}".encode(), digest_size=32).hexdigest()
    return answers.of_oauth(200, {"IdTepTin": name, "HashTepTin": digest})
