#!/bin/sh
# Once, when the data directory is made: the database, its owner and the role of the service, with the rights without which
# there is no migration and no service. The rest is `chiso roles --sql` (k8s/README.md).
set -eu
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
\getenv owner CHISO_OWNER_PASSWORD
\getenv writer CHISO_WRITER_PASSWORD
CREATE ROLE chiso_owner LOGIN PASSWORD :'owner';
CREATE ROLE chiso_writer LOGIN PASSWORD :'writer';
CREATE DATABASE chiso OWNER chiso_owner;
\connect chiso
CREATE EXTENSION IF NOT EXISTS timescaledb;
REVOKE ALL ON DATABASE chiso FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE chiso TO chiso_writer;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO chiso_owner;
GRANT USAGE ON SCHEMA public TO chiso_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE chiso_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO chiso_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE chiso_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO chiso_writer;
SQL
