"""What a newcomer does first: `make run`, the page /docs, *Try it out*, *Execute*."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.conftest import _copy
from tests.faults.serving import Serving, environment


@pytest.fixture(scope="module")
def demo(postgres_dsn: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """`chiso serve --demo`."""
    folder = tmp_path_factory.mktemp("demo")
    for dsn in _copy(postgres_dsn, postgres_template):
        settings = environment(CHISO_DATABASE__DSN=dsn, CHISO_DATA_DIR=str(folder), CHISO_AUTH__PEPPER="a pepper")
        with Serving(settings, folder / "log", "--demo", "--no-live") as serving:
            yield serving


def prefilled(parameter: dict[str, Any]) -> Any:
    """What Swagger UI writes into a parameter's field by itself, None where it stays empty."""
    schema = parameter["schema"]
    for example in parameter.get("examples", {}).values():
        return example["value"]
    for found in (parameter.get("example"), schema.get("example"), schema.get("default")):
        if found is not None:
            return found
    return schema["enum"][0] if parameter["required"] and "enum" in schema else None


def asked(path: str, operation: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Path, query and headers of an operation with nothing but what is filled in."""
    query: dict[str, Any] = {}
    headers: dict[str, str] = {}
    for parameter in operation.get("parameters", ()):
        value = prefilled(parameter)
        assert value is not None or not parameter["required"], f"{path}: {parameter['name']} has to be filled in"
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(str(value), safe=""))
        elif isinstance(value, list):
            query[parameter["name"]] = value
        elif value is not None:
            (query if parameter["in"] == "query" else headers)[parameter["name"]] = str(value)
    return path, query, headers


def test_every_reading_call_is_answered_as_it_is_filled_in(demo: Serving) -> None:
    with demo.client() as client:
        described = client.get("/openapi.json").json()
        calls = {path: methods["get"] for path, methods in described["paths"].items() if "get" in methods}
        assert len(calls) >= 20
        answers = {}
        for path, operation in calls.items():
            place, query, headers = asked(path, operation)
            with client.stream("GET", place, params=query, headers=headers) as answer:
                first = next(answer.iter_text(), "")
                answers[path] = (answer.status_code, query, first if answer.status_code != 200 else "")
        # Reading is open, but for what only an administrator reads.
        kept = {path for path, each in calls.items() if each.get("security") == [{"key": ["admin"]}]}
        assert kept == {"/v1/audit"}
        assert {path: told for path, told in answers.items() if told[0] != (401 if path in kept else 200)} == {}


def test_what_is_filled_in_shows_something(demo: Serving) -> None:
    """200 is little, where every list is empty."""
    rows = {"/v1/ranking": "rows", "/v1/series": "points", "/v1/breakdown": "rows", "/v1/dossiers": "items"}
    with demo.client() as client:
        described = client.get("/openapi.json").json()
        for path, name in rows.items():
            place, query, headers = asked(path, described["paths"][path]["get"])
            assert client.get(place, params=query, headers=headers).json()[name], path


def test_every_form_that_can_be_chosen_has_a_name(demo: Serving) -> None:
    described = httpx.get(f"{demo.url}/openapi.json").json()
    schemas = described["components"]["schemas"]
    seen = 0

    def look(schema: Any, where: str) -> None:
        nonlocal seen
        if isinstance(schema, dict):
            for word in ("oneOf", "anyOf", "allOf"):
                forms = [each for each in schema.get(word, ()) if each != {"type": "null"}]
                for form in forms if len(forms) > 1 else ():
                    form = schemas[form["$ref"].rpartition("/")[2]] if "$ref" in form else form
                    assert form.get("title") or "status" in form.get("properties", {}), where
                    seen += 1
            for name, each in schema.items():
                look(each, f"{where}/{name}")
        if isinstance(schema, list):
            for number, each in enumerate(schema):
                look(each, f"{where}/{number}")

    look(described, "")
    assert seen > 100


def test_events_are_told_apart_by_their_type(demo: Serving) -> None:
    schemas = httpx.get(f"{demo.url}/openapi.json").json()["components"]["schemas"]
    by_type = schemas["Event"]["discriminator"]
    assert by_type["propertyName"] == "type"
    assert [{"$ref": each} for each in by_type["mapping"].values()] == schemas["Event"]["oneOf"]
    for name, each in by_type["mapping"].items():
        assert schemas[each.rpartition("/")[2]]["title"] == name


if shutil.which("node"):  # .ci/test names it where it is missing; in CI that is a failure

    def test_the_page_shows_the_first_event_of_a_stream_and_other_answers_as_they_are(demo: Serving) -> None:
        """Swagger UI waits for the end of an answer; the page's script gives it an end."""
        page = httpx.get(f"{demo.url}/docs").text
        script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)[-1]
        asked = "scorecard?unit=H44&period=2026"
        run = f"""
        let config;
        globalThis.SwaggerUIBundle = Object.assign((given) => {{ config = given; }}, {{ presets: {{}} }});
        {script};
        (async () => {{
          for (const path of ["stream?{asked.partition("?")[2]}", "{asked}", "stream?unit=H99&period=2026"]) {{
            const request = config.requestInterceptor({{ url: "{demo.url}/v1/" + path }});
            const answer = await request.userFetch(request.url, {{}});
            console.log(JSON.stringify([answer.status, answer.headers.get("Content-Type"), await answer.text()]));
          }}
        }})();
        """
        done = subprocess.run(["node", "-e", run], capture_output=True, text=True, timeout=60, check=True)
        stream, card, refused = map(json.loads, done.stdout.splitlines())
        assert (stream[0], stream[1].partition(";")[0]) == (200, "text/event-stream")
        event = re.fullmatch(r'retry: 2000\n\nevent: scorecard\ndata: (.*)\nid: W/"[0-9a-f]+"\n\n', stream[2])
        assert event is not None, stream[2]
        assert card[:2] == [200, "application/json"]
        moments = {"as_of", "period"}
        shown, other = ({k: v for k, v in json.loads(each).items() if k not in moments} for each in (event[1], card[2]))
        assert shown == other
        assert (refused[0], json.loads(refused[2])["code"]) == (404, "unknown_unit")
