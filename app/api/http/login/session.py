"""Sessions of people: a signed cookie that says who has logged in. It opens reading only.

It holds the id of a key, never the key, which is looked up at every request: a session ends with its key at once. Of
who came by an OpenID Connect provider it holds the unit and what the audit log calls the account, and ends by itself.
Nothing is kept here, so that any process knows the sessions of all.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.responses import Response

from app.settings import Settings

SECURE: Final = "__Host-"
"""What begins the name of a cookie that a browser takes and sends by TLS only, and of this very host only."""
_SESSION: Final = "chiso"
_STEPS: Final = "chiso-login"
_STEPS_SECONDS: Final = 600
"""The longest that somebody may be at the provider's before they come back."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who has logged in: by a key (`key_id`), else as somebody of `unit` (`account`, as the audit log has it). `until`:
    seconds since 1970."""

    key_id: str
    unit: str
    until: float
    account: str = ""


class Sessions:
    """Makes sessions and reads them."""

    def __init__(self, settings: Settings, pepper: bytes, *previous: bytes) -> None:
        self._public = settings.http.public_url
        self._issuer = settings.oidc.issuer
        self._key_seconds = settings.auth.session_hours * 3600
        self._unit_seconds = settings.oidc.session_hours * 3600
        how = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        # Signed by what is derived from the pepper: one secret to keep, and a cookie tells nothing of it.
        # Of several the last signs, and those signed by any are read: while a pepper is replaced nobody is logged out.
        secrets = [*previous, pepper]
        self._sessions = URLSafeTimedSerializer(secrets, salt=b"chiso session", signer_kwargs=how)
        self._steps = URLSafeTimedSerializer(secrets, salt=b"chiso login", signer_kwargs=how)

    def of(self, request: Request) -> Session | None:
        """The session of a request, when there is one that was made here and has not ended."""
        text = self._cookie(request, _SESSION)
        if text is None:
            return None
        try:
            held, made = self._sessions.loads(text, return_timestamp=True)
        except BadSignature:
            return None
        if "key" in held:
            session = Session(held["key"], "", made.timestamp() + self._key_seconds)
        elif held["issuer"] == self._issuer:
            ends = made.timestamp() + self._unit_seconds
            session = Session("", held["unit"], ends, held.get("account", ""))
        else:
            return None
        return session if time.time() < session.until else None

    def begin(
        self, request: Request, response: Response, *, key_id: str = "", unit: str = "", account: str = ""
    ) -> None:
        """Give a browser a session, of a key or of a unit and an account."""
        if key_id:
            held, seconds = {"key": key_id}, self._key_seconds
        else:
            held, seconds = {"unit": unit, "issuer": str(self._issuer), "account": account}, self._unit_seconds
        self._give(request, response, _SESSION, self._sessions.dumps(held), int(seconds))

    def end(self, response: Response) -> None:
        """Take the session from a browser."""
        self._take(response, _SESSION)

    def remember(self, request: Request, response: Response, step: dict[str, Any]) -> None:
        """Give a browser what is needed when it comes back from the provider."""
        self._give(request, response, _STEPS, self._steps.dumps(step), _STEPS_SECONDS)

    def remembered(self, request: Request) -> dict[str, Any] | None:
        """What was given it, when that is not too long ago."""
        try:
            step: dict[str, Any] = self._steps.loads(self._cookie(request, _STEPS) or "", max_age=_STEPS_SECONDS)
        except BadSignature:
            return None
        return step

    def forget(self, response: Response) -> None:
        """Take that from a browser."""
        self._take(response, _STEPS)

    def _cookie(self, request: Request, name: str) -> str | None:
        """A cookie of ours. Where TLS is known to be used, one that came without it may be anybody's."""
        cookies = request.cookies
        found = cookies.get(SECURE + name)
        return cookies.get(name) if found is None and not self._always_secure else found

    def _give(self, request: Request, response: Response, name: str, text: str, seconds: int) -> None:
        secure = self._always_secure or _by_tls(request)
        # Lax, so that a link in a message leads to the page, and the way back from a provider too; it opens no writing.
        response.set_cookie(
            SECURE + name if secure else name, text, seconds, path="/", secure=secure, httponly=True, samesite="lax"
        )

    def _take(self, response: Response, name: str) -> None:
        response.delete_cookie(SECURE + name, path="/", secure=True, httponly=True, samesite="lax")
        if not self._always_secure:
            response.delete_cookie(name, path="/", httponly=True, samesite="lax")

    @property
    def _always_secure(self) -> bool:
        return self._public is not None and self._public.startswith("https:")


def _by_tls(request: Request) -> bool:
    """Whether the browser asks by TLS. A proxy in front hides it, the origin of a form does not."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
