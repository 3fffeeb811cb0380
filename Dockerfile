# The service, to run against a PostgreSQL 15-18 of your own: CHISO_DATABASE__DSN, and the secret behind the API keys:
# CHISO_AUTH__PEPPER, the same for every container (without it each would make one of its own, and none would know the
# other's keys). Put both into a file of your own, keep a copy of it, then:
#   docker build -t chiso:0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" .
#   docker run --rm --env-file chiso.env chiso:0.1.0 migrate
#   docker run --rm --env-file chiso.env chiso:0.1.0 keys create --scope admin --unit H44 --new-root
#   docker run --read-only --tmpfs /tmp -p 8000:8000 --env-file chiso.env chiso:0.1.0
# .ci/image does what is written here without Docker, and tries what comes of it.

# A mirror of the office's own, a digest, an image that trusts the office's own certificates: --build-arg BASE=…
ARG BASE=debian:bookworm-slim

# Python as Debian keeps it, which is what all tests run on, without pip.
FROM ${BASE} AS python
# Debian's own builds of it are not pinned: they change for security only, and older ones are gone from its mirrors.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends 'python3=3.11.*' \
 && rm -rf /var/lib/apt/lists/*

FROM python AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends 'ca-certificates=20*' 'python3-venv=3.11.*' \
 && rm -rf /var/lib/apt/lists/*
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt UV_SYSTEM_CERTS=1
RUN --mount=type=cache,target=/root/.cache \
    python3 -m venv /opt/uv \
 && /opt/uv/bin/pip install --quiet uv==0.13.9
ENV PATH=/opt/uv/bin:$PATH UV_PROJECT_ENVIRONMENT=/opt/chiso UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1
WORKDIR /build
# Dependencies, at the locked versions, change less often than code: a layer of their own.
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache \
    uv sync --frozen --no-dev --no-install-project
COPY hatch_build.py README.md LICENSE ./
COPY app app
COPY migrations migrations
RUN --mount=type=cache,target=/root/.cache \
    uv build --quiet --wheel --out-dir dist \
 && uv pip install --python /opt/chiso --no-deps dist/*.whl \
 && rm /opt/chiso/.lock

FROM python
# A number, so that Kubernetes can see without looking names up that it is not root; named, because the embedded
# PostgreSQL's initdb looks its user up.
RUN groupadd --gid 10001 chiso \
 && useradd --uid 10001 --gid chiso --home-dir /var/lib/chiso --create-home --shell /usr/sbin/nologin chiso \
 && install -d -o chiso -g chiso -m 700 /var/lib/chiso/data
COPY --from=build /opt/chiso /opt/chiso
ENV PATH=/opt/chiso/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 CHISO_DATA_DIR=/var/lib/chiso/data
WORKDIR /var/lib/chiso
USER 10001:10001
EXPOSE 8000
# That the process answers, not that its database does: starting it again would not bring that back.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8000, timeout=4); c.request('GET', '/livez'); raise SystemExit(c.getresponse().status != 200)"]
STOPSIGNAL SIGTERM
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="chiso" \
      org.opencontainers.image.description="Exact Decision 766/QĐ-TTg indicators from one-stop-shop events" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["chiso"]
CMD ["serve", "--host", "0.0.0.0"]
