# The service, to run against a PostgreSQL 15-18 of your own: CHISO_DATABASE__DSN, and the secret behind the API keys:
# CHISO_AUTH__PEPPER, the same for every container (without it each would make one of its own, and none would know the
# other's keys). Put both into a file of your own, keep a copy of it, then:
#   docker build -t chiso .
#   docker run --rm --env-file chiso.env chiso chiso migrate
#   docker run --rm --env-file chiso.env chiso chiso keys create --scope admin --unit H44 --new-root
#   docker run -p 8000:8000 --env-file chiso.env chiso
FROM python:3.11-slim-bookworm AS build
ENV UV_PROJECT_ENVIRONMENT=/srv/chiso/.venv UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /srv/chiso
# Dependencies change less often than code: a layer of their own.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-dev --no-install-project
COPY app app
COPY migrations migrations
COPY alembic.ini hatch_build.py ./
RUN uv sync --frozen --no-dev

FROM python:3.11-slim-bookworm
# A number, so that Kubernetes can see without looking names up that it is not root; named, because the embedded
# PostgreSQL's initdb looks its user up.
RUN groupadd --gid 10001 chiso \
 && useradd --uid 10001 --gid chiso --home-dir /var/lib/chiso --create-home --shell /usr/sbin/nologin chiso \
 && install -d -o chiso -g chiso -m 700 /var/lib/chiso/data
COPY --from=build /srv/chiso /srv/chiso
ENV PATH=/srv/chiso/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 CHISO_DATA_DIR=/var/lib/chiso/data
WORKDIR /srv/chiso
USER 10001:10001
EXPOSE 8000
CMD ["chiso", "serve", "--host", "0.0.0.0"]
