"""The OpenID Connect flow against a provider that runs: what is asked of it, what is believed, what is not."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from app.api.http.login.oidc import NotVouched, Provider, ProviderAway, Step
from app.settings import OidcSettings
from tests.api.http.providing import Providing, providing
from tests.faults.serving import free_port

DISCOVERY = "/.well-known/openid-configuration"
BACK = "https://chiso.example.vn/login/oidc/back"
USERS: dict[str, dict[str, object]] = {
    "thu": {"unit": "H44.07"},
    "nhieu": {"unit": ["H44.07", "staff", 7, "H44.13"]},
    "khong": {},
    "so": {"unit": 44},
}


@pytest.fixture(scope="module")
def running_provider() -> Iterator[Providing]:
    """A provider for all of these tests."""
    with providing(USERS) as made:
        yield made


@pytest.fixture
def office(running_provider: Providing) -> Providing:
    """It, as well as ever."""
    running_provider.asked.clear()
    running_provider.authorizations.clear()
    running_provider.slow_seconds, running_provider.broken, running_provider.failing = 0, {}, ()
    return running_provider


def client_of(office: Providing, **more: Any) -> Provider:
    """The service's side."""
    settings = {"issuer": office.issuer, "client_id": "chiso & co", "client_secret": "secret:%", "seconds": 5} | more
    return Provider(OidcSettings(**settings), BACK)


async def come_back(office: Providing, client: Provider, name: str, **changed: str) -> list[str]:
    """The units of somebody who logs in."""
    address, step = await client.begin("", "")
    came = await office.agree(address, name, **changed)
    return (await client.vouched(step, came["state"], came["code"])).units


async def refused(office: Providing, client: Provider, name: str = "thu", **changed: str) -> str:
    """Why somebody who logs in is not believed."""
    with pytest.raises(NotVouched) as caught:
        await come_back(office, client, name, **changed)
    return caught.value.kind


async def test_nothing_is_asked_of_the_provider_before_somebody_logs_in(office: Providing) -> None:
    client_of(office)
    assert office.asked == []


async def test_a_person_is_sent_there_with_a_challenge_state_and_nonce_of_this_login_only(
    office: Providing,
) -> None:
    client = client_of(office)
    told = []
    for _ in range(2):
        address, step = await client.begin("units/H44", "H44.07")
        assert address.startswith(f"{office.issuer}/oauth2/authorize?")
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        challenge = urlsafe_b64decode(query["code_challenge"] + "=")
        assert challenge == hashlib.sha256(step.verifier.encode()).digest()
        assert 43 <= len(step.verifier) <= 128
        assert query == {
            "response_type": "code",
            "client_id": "chiso & co",
            "redirect_uri": BACK,
            "scope": "openid profile",
            "state": step.state,
            "nonce": step.nonce,
            "code_challenge": query["code_challenge"],
            "code_challenge_method": "S256",
        }
        assert (step.next, step.unit) == ("units/H44", "H44.07")
        told += [step.state, step.nonce, step.verifier]
    assert len(set(told)) == 6
    # The discovery document is asked for once.
    assert [path for path, _ in office.asked] == [DISCOVERY]


async def test_who_comes_back_is_of_the_units_the_provider_names(office: Providing) -> None:
    client = client_of(office)
    assert await come_back(office, client, "thu") == ["H44.07"]
    assert await come_back(office, client, "nhieu") == ["H44.07", "staff", "H44.13"]
    assert await come_back(office, client, "khong") == []
    assert await come_back(office, client, "so") == []


async def test_the_code_is_exchanged_with_the_verifier_and_the_clients_secret(office: Providing) -> None:
    client = client_of(office)
    address, step = await client.begin("", "")
    came = await office.agree(address, "thu")
    await client.vouched(step, came["state"], came["code"])
    [(place, form)] = [(place, form) for place, (path, form) in enumerate(office.asked) if path == "/oauth2/token"]
    assert form == {
        "grant_type": ["authorization_code"],
        "code": [came["code"]],
        "redirect_uri": [BACK],
        "code_verifier": [step.verifier],
    }
    # RFC 6749, 2.3.1: each is encoded before the two are joined.
    kind, _, text = office.authorizations[place].partition(" ")
    assert (kind, b64decode(text)) == ("Basic", b"chiso%20%26%20co:secret%3A%25")


def discovery(office: Providing, **more: object) -> dict[str, bytes]:
    """A discovery document that says more, to break with."""
    document = {
        "issuer": office.issuer,
        "authorization_endpoint": f"{office.issuer}/oauth2/authorize",
        "token_endpoint": f"{office.issuer}/oauth2/token",
        "jwks_uri": f"{office.issuer}/jwks",
    }
    return {DISCOVERY: json.dumps(document | more).encode()}


async def test_a_client_proves_itself_as_the_provider_takes_it(office: Providing) -> None:
    # A public one says its name only; the provider of these tests takes none.
    assert await refused(office, client_of(office, client_secret=None)) == "code"
    office.broken = discovery(office, token_endpoint_auth_methods_supported=["private_key_jwt", "client_secret_post"])
    assert await come_back(office, client_of(office), "thu") == ["H44.07"]
    first, second = [form for path, form in office.asked if path == "/oauth2/token"]
    assert first["client_id"] == second["client_id"] == ["chiso & co"]
    assert (first.get("client_secret"), second["client_secret"]) == (None, ["secret:%"])
    assert not any(office.authorizations)


async def test_a_claim_that_only_userinfo_has_is_asked_for_there(office: Providing) -> None:
    document = {"email": "thu"}
    client = client_of(office, claim="department")
    office.broken = {"/userinfo": json.dumps({"sub": "thu", "department": "H44.13", **document}).encode()}
    assert await come_back(office, client, "thu") == ["H44.13"]
    # Of somebody else it is not taken.
    office.broken = {"/userinfo": json.dumps({"sub": "another", "department": "H44.13"}).encode()}
    assert await come_back(office, client, "thu") == []


async def test_another_browser_than_the_one_that_began_is_refused(office: Providing) -> None:
    client = client_of(office)
    address, step = await client.begin("", "")
    _, other = await client.begin("", "")
    came = await office.agree(address, "thu")
    asked = len(office.asked)
    for held in (None, other, Step("", "", "", "", "")):
        with pytest.raises(NotVouched) as caught:
            await client.vouched(held, came["state"], came["code"])
        assert caught.value.kind == "state"
    assert len(office.asked) == asked
    assert (await client.vouched(step, came["state"], came["code"])).units == ["H44.07"]


async def test_a_token_for_another_login_is_refused(office: Providing) -> None:
    client = client_of(office)
    assert await refused(office, client, nonce="of another login") == "nonce"


async def test_a_code_counts_once_and_a_made_up_one_never(office: Providing) -> None:
    client = client_of(office)
    address, step = await client.begin("", "")
    came = await office.agree(address, "thu")
    assert (await client.vouched(step, came["state"], came["code"])).units == ["H44.07"]
    for code in (came["code"], "made up", ""):
        with pytest.raises(NotVouched) as caught:
            await client.vouched(step, came["state"], code)
        assert caught.value.kind == "code"


async def test_a_token_that_has_expired_is_refused() -> None:
    with providing(USERS, token_seconds=-90) as late:
        assert await refused(late, client_of(late)) == "expired"
    # The clocks may differ by a minute.
    with providing(USERS, token_seconds=-20) as late:
        assert await come_back(late, client_of(late), "thu") == ["H44.07"]


def signed(claims: dict[str, Any], key: Any, algorithm: str) -> str:
    """A token; nothing signs by none."""
    if algorithm != "none":
        return jwt.encode({"alg": algorithm}, claims, key, algorithms=[algorithm])
    parts = ({"alg": "none"}, claims)
    return ".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


async def test_a_token_that_the_provider_has_not_made_for_us_is_refused(office: Providing) -> None:
    ours, secret = RSAKey.generate_key(2048), OctKey.import_key("secret:%" * 8)
    right = {"iss": office.issuer, "aud": "chiso & co", "sub": "thu", "exp": int(time.time()) + 600, "unit": "H44"}
    client = client_of(office)
    jwks = json.dumps({"keys": [ours.as_dict(private=False)]}).encode()

    async def outcome(key: Any, algorithm: str, **changed: object) -> str:
        _, step = await client.begin("", "")
        claims = {name: value for name, value in (right | {"nonce": step.nonce} | changed).items() if value is not None}
        token = signed(claims, key, algorithm)
        office.broken = {"/jwks": jwks, "/oauth2/token": json.dumps({"id_token": token}).encode()}
        try:
            return ",".join((await client.vouched(step, step.state, "code")).units)
        except NotVouched as error:
            return error.kind

    assert await outcome(ours, "RS256") == "H44"
    assert await outcome(ours, "RS256", aud=["chiso & co", "other"], azp="chiso & co") == "H44"
    for changed in (
        {"iss": "http://localhost"}, {"iss": None}, {"aud": "other"}, {"aud": None}, {"aud": ["other"]}, {"sub": None},
        {"exp": None}, {"nonce": None}, {"aud": ["chiso & co", "other"], "azp": "other"},
    ):  # fmt: skip
        assert await outcome(ours, "RS256", **changed) == "token", changed
    assert await outcome(ours, "RS256", nonce="other") == "nonce"
    assert await outcome(ours, "RS256", exp=int(time.time()) - 61) == "expired"
    assert await outcome(RSAKey.generate_key(2048), "RS256") == "token"
    # Not what the provider says it signs by, nor what anybody can make.
    for key, algorithm in ((ours, "RS384"), (secret, "HS256"), (ours, "none")):
        assert await outcome(key, algorithm) == "token", algorithm


async def test_a_provider_that_offers_no_signature_is_not_believed(office: Providing) -> None:
    client = client_of(office)
    _, step = await client.begin("", "")
    claims = {"iss": office.issuer, "aud": "chiso & co", "sub": "thu", "exp": int(time.time()) + 600, "unit": "H44"}
    secret = OctKey.import_key("secret:%" * 8)
    for algorithm in ("HS256", "none"):
        token = signed(claims | {"nonce": step.nonce}, secret, algorithm)
        office.broken = discovery(office, id_token_signing_alg_values_supported=["none", "HS256"]) | {
            "/jwks": json.dumps({"keys": [secret.as_dict(private=True)]}).encode(),
            "/oauth2/token": json.dumps({"id_token": token}).encode(),
        }
        with pytest.raises(NotVouched):
            await client_of(office).vouched(step, step.state, "code")


async def test_a_provider_that_is_away_or_answers_nonsense_is_told(office: Providing) -> None:
    with pytest.raises(ProviderAway):
        await Provider(OidcSettings(issuer=f"http://127.0.0.1:{free_port()}", client_id="chiso"), BACK).begin("", "")
    for answer in (b"", b"<html>", b"[]", b"{}", b'{"issuer": "https://other.example"}', b'{"issuer": 7}', b"\xff"):
        office.broken = {DISCOVERY: answer}
        with pytest.raises(ProviderAway):
            await client_of(office).begin("", "")
    office.broken, office.failing = {}, (DISCOVERY,)
    with pytest.raises(ProviderAway):
        await client_of(office).begin("", "")
    for failing in ("/oauth2/token", "/jwks"):
        office.failing = ()
        client = client_of(office)
        address, step = await client.begin("", "")
        came = await office.agree(address, "thu")
        office.failing = (failing,)
        with pytest.raises(ProviderAway):
            await client.vouched(step, came["state"], came["code"])
    # Once it is back, so are logins.
    office.failing = ()
    assert await come_back(office, client_of(office), "thu") == ["H44.07"]


@pytest.fixture
async def dripping() -> AsyncIterator[str]:
    """A server that answers a byte at a time and never ends."""

    at_work = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_work.add(asyncio.current_task())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for task in at_work:
        if task is not None:
            task.cancel()
    await asyncio.sleep(0.1)


async def test_a_provider_that_is_slow_is_not_waited_for(office: Providing, dripping: str) -> None:
    office.slow_seconds = 1
    for client in (client_of(office, seconds=0.3), client_of(office, issuer=dripping, seconds=0.3)):
        began = time.perf_counter()
        with pytest.raises(ProviderAway):
            await client.begin("", "")
        assert 0.25 < time.perf_counter() - began < 0.9


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
async def test_a_provider_by_tls_leads_nowhere_without_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = "https://sso.example.vn"
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
    document = {"issuer": issuer} | {each: f"{issuer}/{each}" for each in names}

    async def discovered(*_: object, **__: object) -> dict[str, Any]:
        return document

    monkeypatch.setattr("app.api.http.login.oidc._json", discovered)
    client = Provider(OidcSettings(issuer=issuer, client_id="chiso"), BACK)
    address, _ = await client.begin("", "")
    assert address.startswith(f"{issuer}/authorization_endpoint?")
    document[name] = "http://127.0.0.1:6379/"
    again = Provider(OidcSettings(issuer=issuer, client_id="chiso"), BACK)
    with pytest.raises(ProviderAway, match=f"its {name} does not begin with https:"):
        await again.begin("", "")
