"""`/docs`: whoever presses a button gets an answer."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx

from app.domain.lives.events import TYPES
from tests.browser.looking import Look
from tests.faults.serving import Serving

# In the page, since each step of a driver outside waits for pictures that nobody looks at: a minute for all of them.
PRESS = """
async ([method, paths]) => {
  const until = async (found) => {
    for (let got; ; await new Promise(requestAnimationFrame)) if ((got = found())) return got;
  };
  const answers = {};
  for (const operation of document.querySelectorAll(`.opblock-${method}`)) {
    const path = operation.querySelector(".opblock-summary-path").dataset.path;
    if (!paths.includes(path)) continue;
    const press = async (what) => (await until(() => operation.querySelector(what))).click();
    await press(".opblock-summary-control");
    await press(".try-out__btn");
    await press("button.execute");
    const answer = await until(() => operation.querySelector(".live-responses-table tbody pre")?.closest("tbody"));
    const status = answer.querySelector(".response-col_status").innerText.split("\\n")[0];
    answers[`${method} ${path}`] = [status, answer.querySelector("pre").textContent];
    await press(".opblock-summary-control");
  }
  return answers;
}
"""


def test_every_execute_succeeds_on_the_demo_as_it_stands(
    demo: Serving, demo_key: str, look: Callable[..., Look]
) -> None:
    page = (window := look(demo.url)).page
    window.goto("/docs")
    page.locator(".opblock").first.wait_for()
    answers: dict[str, list[str]] = {}
    described = httpx.get(f"{demo.url}/openapi.json").json()["paths"]
    of_method = {
        method: [path for path, methods in described.items() if method in methods] for method in ("get", "post", "put")
    }
    kept = [path for path in of_method["get"] if described[path]["get"].get("security") == [{"key": ["admin"]}]]
    reading = [path for path in of_method["get"] if path not in kept]
    for method, paths in (("get", reading), ("get", kept), ("post", of_method["post"]), ("put", of_method["put"])):
        if paths is kept:  # reading is open; the audit log and writing ask for the key that the demo has told
            page.locator(".auth-wrapper .authorize").first.click()
            page.locator(".auth-container input").fill(demo_key)
            page.locator(".auth-container button.authorize").click()
            page.locator(".auth-container .btn-done").click()
        answers |= page.evaluate(PRESS, [method, paths])
    assert answers.keys() == {f"{method} {path}" for path, methods in described.items() for method in methods}
    assert {name: told for name, told in answers.items() if told[0] != "200"} == {}
    written = {name: json.loads(body) for name, (_, body) in answers.items() if not name.startswith("get")}
    assert len(written) == 6
    for name, told in written.items():
        assert (told["rejected"], told["errors"]) == (0, []), name
        assert told["accepted"] + told["duplicates"] == 1, name
    assert answers["get /v1/stream"][1].startswith("retry: 2000\n\nevent: scorecard\ndata: {")
    assert json.loads(answers["get /v1/scorecard"][1])["unit"]["code"] == "H44"


def test_events_have_names_and_are_told_apart_by_their_type(demo: Serving) -> None:
    schemas = httpx.get(f"{demo.url}/openapi.json").json()["components"]["schemas"]
    names = {kind.type: "".join(part.title() for part in kind.type.replace(".", "_").split("_")) for kind in TYPES}
    assert len(names) == 33
    event = schemas["Event"]
    assert event["discriminator"] == {
        "propertyName": "type",
        "mapping": {type_: f"#/components/schemas/{name}" for type_, name in names.items()},
    }
    assert [each["$ref"] for each in event["oneOf"]] == list(event["discriminator"]["mapping"].values())
    for type_, name in names.items():
        assert schemas[name]["title"] == type_
        assert schemas[f"{name}Data"]["title"] == f"{name}Data"
        assert f'"#/components/schemas/{name}Data"' in json.dumps(schemas[name]["allOf"][1]["properties"]["data"])


def test_a_long_answer_is_shown_at_once(demo: Serving, look: Callable[..., Look]) -> None:
    page = (window := look(demo.url)).page
    window.goto("/docs#/catalogues/list_procedures")
    operation = page.locator(".opblock.is-open")
    operation.locator(".try-out__btn").click()
    operation.locator("button.execute").click()
    answer = operation.locator(".live-responses-table tbody pre").first
    answer.wait_for(timeout=5_000)  # with its letters coloured it took nine seconds, in which nothing moved
    assert len(answer.text_content() or "") > 500_000
