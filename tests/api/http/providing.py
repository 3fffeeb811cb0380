"""An OpenID Connect provider on loopback that is watched, and told how to misbehave."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import httpx

with warnings.catch_warnings():
    # It still uses parts of its library that have moved; the library has a filter of its own put up first.
    import_module("authlib.deprecate")
    warnings.simplefilter("ignore")
    from oidc_provider_mock import User, run_server_in_thread

Environ = dict[str, Any]


@dataclass
class Providing:
    """A provider. `users`: claims by name."""

    issuer: str
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    """Path and form of each request."""
    authorizations: list[str] = field(default_factory=list)
    slow_seconds: float = 0
    broken: Mapping[str, bytes] = field(default_factory=dict)
    """What some paths answer instead, with 200."""
    failing: tuple[str, ...] = ()
    """Paths that answer 500."""

    def watched(self, app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """The provider's application, watched."""

        def around(environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
            path = environ["PATH_INFO"]
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            self.asked.append((path, parse_qs(body.decode())))
            self.authorizations.append(environ.get("HTTP_AUTHORIZATION", ""))
            time.sleep(self.slow_seconds)
            if path in self.broken:
                start("200 OK", [("Content-Type", "application/json")])
                return [self.broken[path]]
            if path in self.failing:
                start("500 Broken", [("Content-Type", "text/plain")])
                return [b"broken"]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return list(app(environ, start))

        return around

    async def agree(self, address: str, name: str, **changed: str) -> dict[str, str]:
        """What a person `name` who agrees at `address` comes back with; parameters of the address may be `changed`."""
        parts = urlsplit(address)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changed
        async with httpx.AsyncClient() as client:
            bare = urlunsplit(parts._replace(query=""))
            answer = await client.post(bare, params=query, data={"sub": name})
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["location"])
        return {name: values[0] for name, values in parse_qs(back.query).items()}


@contextmanager
def providing(users: Mapping[str, dict[str, object]], token_seconds: float = 3600) -> Iterator[Providing]:
    """A provider that runs."""
    known = [User(sub=name, claims=claims) for name, claims in users.items()]
    with run_server_in_thread(user_claims=known, access_token_max_age=timedelta(seconds=token_seconds)) as server:
        made = Providing(f"http://localhost:{server.server_port}")
        server.app = made.watched(server.app)
        yield made
