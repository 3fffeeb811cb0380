"""Settings, all from the environment: CHISO_<GROUP>__<NAME>, e.g. CHISO_DATABASE__DSN. Every one is described and
bounded; a name that is none of them is refused, for a setting that is thought to hold and does not is worse than none.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError


class InvalidSettings(Exception):
    """Settings that cannot be meant: a line for each, with what to do."""


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _no_blank(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("it is empty: give it a value, or do not set it")
    return secret


def _of_postgres(dsn: SecretStr) -> SecretStr:
    scheme, found, _ = _no_blank(dsn).get_secret_value().partition("://")
    if not found or scheme not in ("postgresql", "postgres"):
        # Without "://" it may be anything, a password too.
        named = f", not {scheme}://" if found and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]{0,30}", scheme) else ""
        raise ValueError(f"it begins with postgresql://{named}, as in postgresql://user:password@host:5432/name")
    return dsn


def _some_folder(path: Path) -> Path:
    if path == Path():
        raise ValueError("it is empty: name a folder, or do not set it")
    return path


def _of_origin(text: str) -> str:
    """An origin as browsers write it: scheme, host and, where it is not the scheme's own, port."""
    parts = urlsplit(text.strip())
    port = {"http": ":80", "https": ":443"}.get(parts.scheme)
    bare = (parts.path in ("", "/"), not parts.query, not parts.fragment, "@" not in parts.netloc, "*" not in text)
    if port is None or not parts.hostname or not all(bare):
        raise ValueError("it is a scheme, a host and perhaps a port, as in https://ioc.example.vn")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(port)}"


def _of_origins(origins: list[str]) -> list[str]:
    return origins if origins == ["*"] else [_of_origin(each) for each in origins]


def _of_issuer(text: str) -> str:
    parts = urlsplit(text)
    near = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not parts.hostname or not (parts.scheme == "https" or near):
        raise ValueError("it begins with https://, as in https://sso.example.vn/realms/office")
    return text


Secret = Annotated[SecretStr, AfterValidator(_no_blank)]
Origin = Annotated[str, AfterValidator(_of_origin)]


class DatabaseSettings(_Group):
    """Where the events, facts and figures live."""

    dsn: Annotated[SecretStr, AfterValidator(_of_postgres)] | None = Field(
        None,
        description="postgresql:// address of a PostgreSQL 15-18; without one an embedded server runs in data_dir.",
    )
    write_connections: int = Field(8, ge=1, le=200, description="Connections for taking events in.")
    read_connections: int = Field(8, ge=1, le=200, description="Connections for figures and catalogues.")
    acquire_seconds: float = Field(5, gt=0, le=60, description="Seconds to wait for a free connection before 503.")
    read_seconds: float = Field(
        10, gt=0, le=86_400, description="Seconds in which a question is answered; what is not answered then is 503."
    )
    write_seconds: float = Field(
        30,
        gt=0,
        le=86_400,
        description="Seconds in which a push that is here whole is answered; else 503.",
    )


class HttpSettings(_Group):
    """What a connection may ask for and how long it may take, before anybody knows who it is."""

    max_head_bytes: int = Field(
        64 * 2**10,
        ge=2**10,
        le=2**20,
        description="Largest head of a request, bytes; beyond it 431.",
    )
    max_url_bytes: int = Field(8 * 2**10, ge=256, le=2**16, description="Longest URL, bytes; beyond it 414.")
    head_seconds: float = Field(10, gt=0, le=600, description="Seconds in which a head has to arrive; then 408.")
    upload_seconds: float = Field(
        30,
        gt=0,
        le=3600,
        description="Seconds a body may stand still, and every body has at least; then 408.",
    )
    upload_bytes_per_second: int = Field(
        64 * 2**10, ge=1, le=2**30, description="Slowest upload: a body has upload_seconds and its size by this."
    )
    download_seconds: float = Field(
        60, gt=0, le=3600, description="Seconds in which a client takes something of an answer that waits for it."
    )
    # Longer than the intervals in which walls poll: at five seconds a poll meets a connection that is just closing.
    idle_seconds: float = Field(75, gt=0, le=3600, description="Seconds a connection may be kept without a request.")
    max_connections: int = Field(
        10_000,
        ge=1,
        le=10**6,
        description="Most connections, and no more than open files allow; beyond them the longest idle is closed.",
    )
    public_url: Origin | None = Field(
        None,
        description="Address under which browsers reach the service; with https:// cookies are never sent without TLS.",
    )
    cors_origins: Annotated[list[str], AfterValidator(_of_origins)] = Field(
        [],
        max_length=100,
        description='Origins, a JSON list, whose pages may read the API in a browser; ["*"] is any, without cookies.',
    )


class IntakeSettings(_Group):
    """What a push may be."""

    max_body_bytes: int = Field(32 * 2**20, ge=1024, le=2**30, description="Largest body, bytes, after decompression.")
    max_events: int = Field(10_000, ge=1, le=100_000, description="Most events in one request.")
    max_waiting_events: int = Field(
        20_000,
        ge=100,
        le=1_000_000,
        description="Events of small pushes that may wait for their transaction; beyond 503.",
    )
    max_bytes_in_flight: int = Field(
        64 * 2**20,
        ge=2**20,
        le=2**32,
        description="Bytes of bodies being worked on at once; beyond them 503 with Retry-After.",
    )
    max_bytes_in_flight_of_key: int = Field(
        40 * 2**20, ge=2**20, le=2**32, description="As much of them as the bodies of one key may take."
    )
    reserved_bytes_in_flight: int = Field(
        8 * 2**20, ge=0, le=2**32, description="Bytes beyond them that only bodies up to 256 KiB get."
    )


class CatalogueSettings(_Group):
    """What a process keeps of the catalogues of its roots."""

    max_rows: int = Field(
        8_000,
        ge=1,
        le=10**8,
        description="Rows of catalogues kept, of the roots asked for last; one root is kept however many it has.",
    )


class FigureSettings(_Group):
    """How figures are answered."""

    cache_bytes: int = Field(
        32 * 2**20,
        ge=0,
        le=2**34,
        description="Room for answers kept until something they were made of changes; 0 is none.",
    )


class StreamSettings(_Group):
    """How changed figures are told to those who watch them."""

    max_open: int = Field(
        1_000,
        ge=0,
        le=100_000,
        description="Most streams open at once in a process, one of several units counting as many; beyond them 503.",
    )
    poll_seconds: float = Field(
        0.25, ge=0.01, le=60, description="Seconds between two looks for changes while anybody watches."
    )
    comment_seconds: float = Field(
        15, ge=0.1, le=3600, description="Seconds after which a quiet stream gets a comment, so that no proxy ends it."
    )


class AuthSettings(_Group):
    """Who may do what."""

    pepper: Secret | None = Field(
        None,
        description="Secret that keys the HMAC of API keys. Without one, a file beside the embedded database is made.",
    )
    open_reading: bool = Field(
        False, description="Figures and catalogues may be read without a key by clients on the loopback interface."
    )
    session_hours: float = Field(
        720, gt=0, le=8760, description="Hours after which who logged in by a key must do so again."
    )


class OidcSettings(_Group):
    """Logging in by an OpenID Connect provider; off without an issuer."""

    issuer: Annotated[str, AfterValidator(_of_issuer)] | None = Field(
        None, description="The provider's issuer, an https:// address; the rest is found by its discovery document."
    )
    client_id: str | None = Field(None, min_length=1, description="What the provider calls this service.")
    client_secret: Secret | None = Field(
        None, description="The secret the provider gave for it; none for a public client, which PKCE alone protects."
    )
    scopes: str = Field("openid profile", pattern=r"^(.* )?openid( .*)?$", description="Scopes asked for, with blanks.")
    claim: str = Field(
        "unit", min_length=1, description="Claim with the code of the person's unit, or a list with several."
    )
    default_unit: str | None = Field(
        None, min_length=1, description="Unit that persons without the claim may read; without one they are refused."
    )
    session_hours: float = Field(
        12, gt=0, le=720, description="Hours after which the provider is asked again who somebody is."
    )
    seconds: float = Field(10, gt=0, le=60, description="Seconds the provider has for each step of a login.")


class LogSettings(_Group):
    """What is written to standard error."""

    level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe level that is written."
    )


class MetricsSettings(_Group):
    """What is told apart in the metrics, and to whom."""

    key: Secret | None = Field(
        None, description="Who asks for /metrics must send it: Authorization: Bearer <key>. Without one it is open."
    )
    sources: list[Annotated[str, Field(min_length=1, max_length=300)]] = Field(
        [], max_length=50, description="Sources, a JSON list, each of whose silence is measured; all others are one."
    )


class DocsSettings(_Group):
    """The description of the interface."""

    open: bool = Field(True, description="Whether /docs and /openapi.json are there; they need no key.")


class Settings(BaseSettings):
    """All settings of the service."""

    model_config = SettingsConfigDict(env_prefix="CHISO_", env_nested_delimiter="__", extra="ignore")

    data_dir: Annotated[Path, AfterValidator(_some_folder)] = Field(
        Path(".chiso"), description="Folder of the embedded database and of generated secrets."
    )
    database: DatabaseSettings = DatabaseSettings()
    http: HttpSettings = HttpSettings()
    intake: IntakeSettings = IntakeSettings()
    catalogues: CatalogueSettings = CatalogueSettings()
    figures: FigureSettings = FigureSettings()
    streams: StreamSettings = StreamSettings()
    auth: AuthSettings = AuthSettings()
    oidc: OidcSettings = OidcSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    docs: DocsSettings = DocsSettings()


_OTHERS: Final = ("CHISO_PG_BIN", "CHISO_KEY")
"""Variables of ours that are no settings: of the embedded server, of `chiso simulate`."""

# Of the tests; and what Kubernetes and Docker tell every container of a service that is called chiso or chiso-….
_NOT_OURS: Final = re.compile(
    r"CHISO_TEST[A-Z_]*|CHISO_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_[A-Z]+)?)"
)
_SECRET: Final = ("__DSN", "__PEPPER", "__KEY", "__CLIENT_SECRET")
_LINKED: Final = re.compile(r"CHISO_([A-Z0-9_]+_)?PORT")


def names(model: type[BaseModel] = Settings, prefix: str = "CHISO_") -> Iterator[str]:
    """The variables that are settings; of a group also its own, which may be given whole as JSON."""
    for name, field in model.model_fields.items():
        yield prefix + name.upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from names(field.annotation, f"{prefix}{name.upper()}__")


def _no_setting(name: str) -> str:
    suggested = {each.removeprefix("CHISO_"): each for each in (*names(), *_OTHERS)}
    meant = name.upper().removeprefix("CHISO_")
    nearest = [each for each in suggested if each.rpartition("__")[2] == meant]
    nearest = nearest or get_close_matches(meant, suggested, 1, 0.6)
    advice = f"did you mean {suggested[nearest[0]]}?" if nearest else "see docs/settings.md, or do not set it"
    return f"{name} is not a setting: {advice}"


def _unknown(environment: Mapping[str, str]) -> Iterator[str]:
    known = set(names())
    for name, value in sorted(environment.items()):
        upper = name.upper()
        if not upper.startswith("CHISO_") or upper in known or upper in _OTHERS or _NOT_OURS.fullmatch(upper):
            continue
        if _LINKED.fullmatch(upper) and "://" in value:
            continue
        yield _no_setting(name)


def _variable(place: tuple[int | str, ...]) -> str:
    """The variable of a place in the settings. A list's index is no part of it."""
    return "CHISO_" + "__".join(part.upper() for part in place[:2] if isinstance(part, str))


def _wrong(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False, include_context=False):
        name, given = _variable(each["loc"]), {each.upper() for each in os.environ}
        if each["type"] == "extra_forbidden" and name not in given:
            yield _no_setting(name)  # in a group's JSON
        if each["type"] == "extra_forbidden" or not {name, name.partition("__")[0]} & given:
            continue  # told by its own name already
        says = each["msg"].removeprefix("Value error, ")
        shown = f"={each['input'][:60]}" if isinstance(each["input"], str) and not name.endswith(_SECRET) else ""
        yield f"{name}{shown}: {says[:1].lower()}{says[1:]}"


def _no_json(environment: Mapping[str, str]) -> Iterator[str]:
    """The groups and lists given as something that is no JSON."""
    groups = {name for name, field in Settings.model_fields.items() if isinstance(field.default, BaseModel)}
    whole = {f"CHISO_{name.upper()}" for name in groups} | {"CHISO_METRICS__SOURCES", "CHISO_HTTP__CORS_ORIGINS"}
    for name, value in environment.items():
        if name.upper() in whole:
            try:
                json.loads(value)
            except ValueError:
                yield name


def _incomplete(settings: Settings) -> Iterator[str]:
    """What a setting that is there needs beside it."""
    if settings.oidc.issuer is not None:
        if settings.oidc.client_id is None:
            yield "CHISO_OIDC__CLIENT_ID is not set: the provider of CHISO_OIDC__ISSUER gives it"
        if settings.http.public_url is None:
            yield "CHISO_HTTP__PUBLIC_URL is not set: the provider of CHISO_OIDC__ISSUER sends people back to it"


def of_environment() -> Settings:
    """The settings that the environment holds.

    Raises:
        InvalidSettings: naming every variable at fault, none of them a secret's value.
    """
    faults = list(_unknown(os.environ))
    try:
        settings = Settings()
        faults += _incomplete(settings)
    except ValidationError as error:
        faults += _wrong(error)
    except SettingsError as error:
        at_fault = sorted(_no_json(os.environ)) or [str(error)]
        faults += [f"{each}: not the JSON it is to be; see docs/settings.md" for each in at_fault]
    if faults:
        raise InvalidSettings("\n".join(faults))
    return settings
