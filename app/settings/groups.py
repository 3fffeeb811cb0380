"""The settings, a class a group: each described and bounded."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from app.settings.kinds import Origin, Secret, of_issuer, of_origins, of_postgres


class Group(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DatabaseSettings(Group):
    """Where the events, facts and figures live."""

    dsn: Annotated[SecretStr, AfterValidator(of_postgres)] | None = Field(
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


class HttpSettings(Group):
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
    cors_origins: Annotated[list[str], AfterValidator(of_origins)] = Field(
        [],
        max_length=100,
        description='Origins, a JSON list, whose pages may read the API in a browser; ["*"] is any, without cookies.',
    )


class IntakeSettings(Group):
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


class EventSettings(Group):
    """How long the log keeps events, and when it compresses them; figures and duplicates do not need it."""

    keep_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="Days that the log keeps an event at least; older months are dropped. Without it nothing is.",
    )
    compress_after_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="Days after which the log is compressed, by TimescaleDB's community edition; without it never.",
    )


class AuditSettings(Group):
    """How long the audit log keeps its entries."""

    keep_days: int | None = Field(
        None,
        ge=30,
        le=36_500,
        description="Days that the audit log keeps an entry at least; older ones are dropped. Without it none is.",
    )


class CatalogueSettings(Group):
    """What a process keeps of the catalogues of its roots."""

    max_rows: int = Field(
        70_000,
        ge=1,
        le=10**8,
        description="Rows of catalogues kept, of the roots asked for last; one root is kept however many it has.",
    )


class FigureSettings(Group):
    """How figures are answered."""

    cache_bytes: int = Field(
        32 * 2**20,
        ge=0,
        le=2**34,
        description="Room for answers kept until something they were made of changes; 0 is none.",
    )


class StreamSettings(Group):
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


class AuthSettings(Group):
    """Who may do what."""

    pepper: Secret | None = Field(
        None,
        description="Secret that keys the HMAC of API keys. Without one, a file beside the embedded database is made.",
    )
    previous_pepper: Secret | None = Field(
        None,
        description="Another pepper in force while it is replaced: keys made with it are known, and go under `pepper`.",
    )
    open_reading: bool = Field(
        False, description="Figures and catalogues may be read without a key by clients on the loopback interface."
    )
    session_hours: float = Field(
        720, gt=0, le=8760, description="Hours after which who logged in by a key must do so again."
    )


class LimitSettings(Group):
    """How often somebody may ask or push, each process counting for itself."""

    reads_per_minute: int = Field(
        0, ge=0, le=10**9, description="Questions a minute with one key or session; beyond them 429. 0 is no limit."
    )
    events_per_minute: int = Field(
        0, ge=0, le=10**9, description="Events a minute pushed with one key; beyond them 429. 0 is no limit."
    )
    failures_per_minute: int = Field(
        600,
        ge=0,
        le=10**9,
        description="Wrong keys and failed logins a minute from one address; beyond them 429. 0 is no limit.",
    )


class OidcSettings(Group):
    """Logging in by an OpenID Connect provider; off without an issuer."""

    issuer: Annotated[str, AfterValidator(of_issuer)] | None = Field(
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


class LogSettings(Group):
    """What is written to standard error."""

    level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe level that is written."
    )


class MetricsSettings(Group):
    """What is told apart in the metrics, and to whom."""

    key: Secret | None = Field(
        None, description="Who asks for /metrics must send it: Authorization: Bearer <key>. Without one it is open."
    )
    sources: list[Annotated[str, Field(min_length=1, max_length=300)]] = Field(
        [], max_length=50, description="Sources, a JSON list, each of whose silence is measured; all others are one."
    )


class DocsSettings(Group):
    """The description of the interface."""

    open: bool = Field(True, description="Whether /docs and /openapi.json are there; they need no key.")
