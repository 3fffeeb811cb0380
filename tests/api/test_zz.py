import pytest, psycopg, json, collections
from tests.api.asking import *
@pytest.fixture
def database(stocked_database): return stocked_database
async def test_b(served, database):
    import structlog, logging
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(60))
    event = reception(served)
    seen = collections.Counter()
    with psycopg.connect(database, autocommit=True) as connection:
        for n in range(150):
            connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()")
            for _ in range(5):
                r = await served.post(json.dumps(event).encode(), "application/cloudevents+json")
                seen[r.status_code, r.json().get("code")] += 1
            assert r.status_code == 200
    print(seen)
