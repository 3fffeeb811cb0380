"""The example for nginx before a served chiso: what passes, what it refuses, and that nothing is kept back."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ipaddress
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.api.listening import PATIENCE, Listener
from tests.conftest import _copy
from tests.deploy.image import HERE
from tests.faults.serving import CREATE, Serving, chiso, environment, free_port
from tests.running import PROCEDURES, UNITS

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed; .ci/test names it")
NAME = "chiso.example.vn"
BATCH = "application/cloudevents-batch+json"
SINGLE = "application/cloudevents+json"
MAIN = """\
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    gzip on; # as in Debian's own nginx.conf
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/chiso.conf;
}}
"""


@dataclass
class Office:
    """A served chiso behind nginx, both on ports of their own."""

    serving: Serving
    key: str
    plain: int
    secure: int
    trust: ssl.SSLContext
    folder: Path

    def client(self) -> httpx.AsyncClient:
        """A client by way of nginx, that checks its certificate."""
        transport = httpx.AsyncHTTPTransport(verify=self.trust)
        headers = {"Authorization": f"Bearer {self.key}", "Host": NAME}
        # The name has no address in a test; the certificate is of this address too.
        return httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{self.secure}", headers=headers, timeout=60, transport=transport
        )


def certificate(folder: Path) -> None:
    """One for the name, signed by itself, as fullchain.pem and privkey.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(names, critical=False)
    signed = made.sign(key, hashes.SHA256())
    (folder / "fullchain.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture(scope="module")
def office(postgres_dsn: str, postgres_template: str, reachable_dir: Path) -> Iterator[Office]:
    folder = reachable_dir / "nginx"
    folder.mkdir()
    certificate(folder)
    with contextlib.contextmanager(_copy)(postgres_dsn, postgres_template) as dsn:
        settings = environment(
            CHISO_DATABASE__DSN=dsn,
            CHISO_AUTH__PEPPER="a pepper for tests, as long as it is to be",
            CHISO_HTTP__PUBLIC_URL=f"https://{NAME}",
        )
        created = chiso(settings, *CREATE)
        assert created.returncode == 0, created.stderr
        with Serving(settings, folder / "log") as serving:
            plain, secure = free_port(), free_port()
            example = (HERE / "deploy/nginx.conf").read_text()
            for said, meant in (
                ("127.0.0.1:8000", f"127.0.0.1:{serving.port}"),
                ("/etc/ssl/chiso", str(folder)),
                ("/var/log/nginx", str(folder)),
                ("listen 80;", f"listen 127.0.0.1:{plain};"),
                ("listen 443 ", f"listen 127.0.0.1:{secure} "),
                ("    listen [::]:80;\n", ""),
                ("    listen [::]:443 ssl http2;\n", ""),
            ):
                assert said in example, said
                example = example.replace(said, meant)
            (folder / "chiso.conf").write_text(example)
            user = "user nobody nogroup;" if os.getuid() == 0 else ""
            (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
            with nginx(folder, secure):
                trust = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
                made = Office(serving, created.stdout.strip(), plain, secure, trust, folder)
                with serving.client(made.key) as loading:
                    for path, rows in (("units", UNITS), ("procedures", PROCEDURES)):
                        assert loading.put(f"/v1/{path}", json=rows).json()["errors"] == []
                yield made


@contextlib.contextmanager
def nginx(folder: Path, port: int) -> Iterator[None]:
    assert NGINX is not None
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0 and "[warn]" not in checked.stderr, checked.stderr
    with subprocess.Popen(command) as process:
        try:
            ends = time.monotonic() + PATIENCE
            while True:
                with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                    break
                assert process.poll() is None and time.monotonic() < ends, (folder / "error.log").read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)


def received(number: int) -> dict:
    return {
        "specversion": "1.0", "id": f"e{number}", "source": "/h44/thu", "type": "dossier.received", "unit": "H44.07",
        "subject": f"H44.07-260105-{number:04}", "time": "2026-01-05T08:00:00+07:00",
        "data": {"procedure": "1.004555", "channel": "online", "due_at": "2026-01-12T17:00:00+07:00"},
    }  # fmt: skip


@contextlib.asynccontextmanager
async def watching(client: httpx.AsyncClient, **query: str) -> AsyncIterator[Listener]:
    async with client.stream("GET", "/v1/stream", params=query) as answer:
        assert answer.status_code == 200
        yield Listener(answer, answer.aiter_lines())


async def test_an_event_pushed_through_it_is_on_a_stream_through_it_while_the_stream_goes_on(office: Office) -> None:
    async with office.client() as client, office.client() as walls:
        async with watching(walls, unit="H44.07", period="2026") as wall:
            _, before = await wall.event()
            pushed = await client.post("/v1/events", json=received(1), headers={"content-type": SINGLE})
            assert (pushed.status_code, pushed.json()["accepted"]) == (200, 1)
            began = time.monotonic()
            # Kept back, it would come with the end of the stream only, which is none.
            _, after = await wall.event()
            print(f"through nginx after {time.monotonic() - began:.2f} s")
            assert after["balance"]["received"] == before["balance"]["received"] + 1
        page = await client.get("/units/H44.07", headers={"accept": "text/html"})
        assert (page.status_code, page.headers.get_list("strict-transport-security")) == (200, ["max-age=31536000"])
        assert "Sở Công Thương" in page.text


async def test_bodies_pass_up_to_what_the_service_takes(office: Office) -> None:
    async with office.client() as client:
        packed = gzip.compress(json.dumps([received(10), received(11)]).encode())
        headers = {"content-type": BATCH, "content-encoding": "gzip"}
        assert (await client.post("/v1/events", content=packed, headers=headers)).json()["accepted"] == 2
        # JSON may have blanks: a body of 32 MiB to the byte, and one byte more.
        for size, status, code in ((32 * 2**20, 200, None), (32 * 2**20 + 1, 413, "too_large")):
            body = json.dumps([received(12)]).encode()
            body = body[:-1] + b" " * (size - len(body)) + b"]"
            assert len(body) == size
            answer = await client.post("/v1/events", content=body, headers={"content-type": BATCH})
            assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text[:300]


async def test_heads_and_urls_are_refused_by_the_service_and_in_its_words(office: Office) -> None:
    async with office.client() as client:
        long = await client.get("/v1/units", headers={"x-long": "x" * 60_000})
        assert long.status_code == 200
        too_long = await client.get("/v1/units", headers={f"x-long-{number}": "x" * 30_000 for number in range(3)})
        assert (too_long.status_code, too_long.json()["code"]) == (431, "headers_too_large")
        read = await client.get("/v1/units", params={"no-such": "x" * 8_000})
        assert (read.status_code, read.json()["code"]) == (422, "invalid_parameter")
        too_long = await client.get("/v1/units", params={"no-such": "x" * 9_000})
        assert (too_long.status_code, too_long.json()["code"]) == (414, "uri_too_long")


async def test_outside_it_is_tls_and_http_2_and_nothing_that_is_for_operators(office: Office) -> None:
    offered = ssl.create_default_context()
    offered.check_hostname, offered.verify_mode = False, ssl.CERT_NONE
    offered.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection("127.0.0.1", office.secure, ssl=offered)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    writer.close()
    async with office.client() as client:
        assert [(await client.get(path)).status_code for path in ("/metrics", "/readyz", "/livez")] == [404, 404, 200]
    async with httpx.AsyncClient(verify=False) as client:
        answer = await client.get(f"http://127.0.0.1:{office.plain}/units/H44?lang=en", headers={"host": NAME})
    assert (answer.status_code, answer.headers["location"]) == (308, f"https://{NAME}/units/H44?lang=en")


async def test_a_service_that_is_away_is_503_with_when_to_come_again(office: Office) -> None:
    """And a key in the path is in no log, neither while the service answers nor when it is away."""
    path = f"/dvcqg/{office.key}/DongBoHoSoMC"
    async with office.client() as client:
        answer = await client.post(path, json=[])
        assert (answer.status_code, answer.json()["error_code"]) == (200, "0")
        async with httpx.AsyncClient(verify=False) as plain:
            await plain.post(f"http://127.0.0.1:{office.plain}{path}", headers={"host": NAME}, json=[])
    office.serving.ask_to_end()
    await asyncio.to_thread(office.serving.wait, PATIENCE)
    async with office.client() as client:
        assert (await client.post(path, json=[])).status_code == 503
        answer = await client.post("/v1/events", json=received(20), headers={"content-type": SINGLE})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {"type": "about:blank", "title": "Service Unavailable", "status": 503}
    logged = {name: (office.folder / name).read_text() for name in ("access.log", "error.log")}
    assert "POST /v1/events" in logged["access.log"]
    assert "Connection refused" in logged["error.log"]
    assert not [name for name, text in logged.items() if office.key in text or "dvcqg" in text]
