"""OpenID Connect: the authorization code flow with PKCE, state and nonce, at any provider that can be discovered.

Nothing is asked of the provider before somebody logs in, and it has so many seconds for each step.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import secrets
import ssl
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import httpx
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from app.settings import OidcSettings

_log = logging.getLogger(__name__)

# Signatures only the provider can make: none is none, and HS256 needs a secret that is not worth a signature.
_ALGORITHMS: Final = frozenset(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)) | {
    "EdDSA",
    "Ed25519",
}
_KEPT_SECONDS: Final = 600
"""How long the discovery document is taken for true."""
_ENDPOINTS: Final = frozenset(("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"))
_AT_ONCE: Final = 16
"""Most logins that are asked about at once."""
_LEEWAY_SECONDS: Final = 60
"""How far the provider's clock may be from ours."""


class ProviderAway(Exception):
    """The provider could not be asked, or did not answer as one."""


class NotVouched(Exception):
    """The provider does not vouch for who came back; `kind` says why: state, code, expired, nonce or token."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class Vouched(NamedTuple):
    """For whom the provider vouches: what it calls the account, and the units it names, as it spells them."""

    subject: str
    units: list[str]


class Step(NamedTuple):
    """What the browser keeps while its person is at the provider's."""

    state: str
    nonce: str
    verifier: str
    next: str
    unit: str


class Provider:
    """The provider of the settings. `back`: the address people come back to."""

    def __init__(self, settings: OidcSettings, back: str) -> None:
        self._settings = settings
        self._back = back
        self._known: dict[str, Any] = {}
        self._known_until = 0.0
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def begin(self, next_: str, unit: str) -> tuple[str, Step]:
        """Where to send somebody who wants to log in, and what their browser is to keep.

        Raises:
            ProviderAway: it was asked for and did not answer.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        step = Step(state, nonce, verifier, next_, unit)
        async with self._asking() as client:
            address = _text(await self._discovered(client), "authorization_endpoint")
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._back,
            "scope": self._settings.scopes,
            "state": step.state,
            "nonce": step.nonce,
            "code_challenge": _encoded(hashlib.sha256(step.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}", step

    async def vouched(self, step: Step | None, state: str, code: str) -> Vouched:
        """Who came back.

        Raises:
            NotVouched: this is no answer to what was asked, or not for this browser.
            ProviderAway: it could not be asked.
        """
        if step is None or not hmac.compare_digest(step.state.encode(), state.encode()):
            raise NotVouched("state", "the browser that came back did not begin here, or too long ago")
        async with self._asking() as client:
            known = await self._discovered(client)
            tokens = await self._tokens(client, known, code, step.verifier)
            told = self._proven(_text(tokens, "id_token"), known, await _json(client, known, "jwks_uri"), step.nonce)
            if self._settings.claim not in told and "userinfo_endpoint" in known and "access_token" in tokens:
                bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
                more = await _json(client, known, "userinfo_endpoint", bearer)
                told = {**more, **told} if more.get("sub") == told["sub"] else told
        named = told.get(self._settings.claim)
        units = [each for each in (named if isinstance(named, list) else [named]) if isinstance(each, str)]
        return Vouched(str(told["sub"]), units)

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[httpx.AsyncClient]:
        seconds = self._settings.seconds
        try:
            async with (
                asyncio.timeout(seconds),
                self._turns,
                httpx.AsyncClient(timeout=seconds, verify=self._trusted) as client,
            ):
                yield client
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            _log.warning("the OpenID Connect provider cannot be asked: %s %s", type(error).__name__, error)
            raise ProviderAway(str(error) or type(error).__name__) from error

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        """What the system trusts, an office's own authority too."""
        return ssl.create_default_context()

    async def _discovered(self, client: httpx.AsyncClient) -> dict[str, Any]:
        """The discovery document."""
        if time.monotonic() >= self._known_until:
            issuer = str(self._settings.issuer).rstrip("/")
            known = await _json(client, {"at": f"{issuer}/.well-known/openid-configuration"}, "at")
            if _text(known, "issuer").rstrip("/") != issuer:
                raise ValueError(f"it calls itself {known['issuer']}")
            # What is asked of it in turn is asked as safely: its word does not lead to what listens without TLS here.
            for name in _ENDPOINTS & known.keys():
                if issuer.startswith("https:") and not _text(known, name).startswith("https:"):
                    raise ValueError(f"its {name} does not begin with https:")
            self._known, self._known_until = known, time.monotonic() + _KEPT_SECONDS
        return self._known

    async def _tokens(
        self, client: httpx.AsyncClient, known: dict[str, Any], code: str, verifier: str
    ) -> dict[str, Any]:
        """What the provider gives for a code."""
        name, secret = str(self._settings.client_id), self._settings.client_secret
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._back, "code_verifier": verifier}
        auth: httpx.Auth = httpx.Auth()
        if secret is None:
            form["client_id"] = name
        elif "client_secret_basic" in known.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            auth = httpx.BasicAuth(quote(name, safe=""), quote(secret.get_secret_value(), safe=""))
        else:
            form |= {"client_id": name, "client_secret": secret.get_secret_value()}
        accepted = {"Accept": "application/json"}
        answer = await client.post(_text(known, "token_endpoint"), data=form, auth=auth, headers=accepted)
        if answer.status_code in (400, 401):
            told = _object(answer.content)
            # invalid_client is the operator's to mend, and only the log says so.
            _log.warning("the OpenID Connect provider refuses a code: %s", str(told.get("error"))[:100])
            raise NotVouched("code", f"the provider refuses the code: {str(told.get('error'))[:100]}")
        return _object(answer.raise_for_status().content)

    def _proven(self, text: str, known: dict[str, Any], keys: dict[str, Any], nonce: str) -> dict[str, Any]:
        """The claims of an ID token that was made by the provider, for us, for this login, and holds."""
        offered = _ALGORITHMS & set(known.get("id_token_signing_alg_values_supported", ["RS256"]))
        if not offered:
            # The library takes an empty list for its own choice.
            raise NotVouched("token", "the provider signs by nothing that is believed")
        name = str(self._settings.client_id)
        asked = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": known["issuer"]},
            aud={"essential": True, "value": name},
            sub={"essential": True},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
            azp={"value": name},
        )
        try:
            registry = JWSRegistry(algorithms=sorted(offered), strict_check_header=False)
            claims = jwt.decode(text, KeySet.import_key_set(keys), registry=registry).claims  # type: ignore[arg-type]
            asked.validate(claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            _log.warning("an ID token does not hold: %s", error)
            kind = "expired" if isinstance(error, ExpiredTokenError) else "token"
            if isinstance(error, InvalidClaimError) and error.claim == "nonce":
                kind = "nonce"
            raise NotVouched(kind, str(error)) from error
        return claims


def _encoded(digest: bytes) -> str:
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _object(content: bytes) -> dict[str, Any]:
    told = json.loads(content)
    if not isinstance(told, dict):
        raise ValueError("its answer is no JSON object")
    return told


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str):
        raise ValueError(f"its answer has no {name}")
    return value


async def _json(
    client: httpx.AsyncClient, known: dict[str, Any], name: str, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    answer = await client.get(_text(known, name), headers=headers)
    return _object(answer.raise_for_status().content)
