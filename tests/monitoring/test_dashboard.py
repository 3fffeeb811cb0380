"""The dashboard is what Grafana 10 takes: unique ids, a place for each panel, known kinds and units, and told metrics.

What its queries answer is tried in test_prometheus.py.
"""

from __future__ import annotations

import re

import msgspec

from .rules import MONITORING, named, queries, told

DASHBOARD = msgspec.json.decode((MONITORING / "dashboard.json").read_bytes())
PANELS = DASHBOARD["panels"]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNITS = {"ops", "reqps", "s", "short", "bytes", "percentunit"}


def test_the_dashboard_is_of_a_schema_of_grafana_10_and_asks_for_its_datasource() -> None:
    assert 38 <= DASHBOARD["schemaVersion"] <= 41
    assert {"uid", "title", "tags", "time", "refresh", "templating", "annotations"} <= set(DASHBOARD)
    assert "id" not in DASHBOARD, "a number of somebody's own Grafana"
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    assert set(variables) == {"datasource", "job", "root"}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    for name in ("job", "root"):
        assert (variables[name]["type"], variables[name]["datasource"]) == ("query", DATASOURCE)
        [metric] = re.findall(r"^label_values\((chiso_\w+), (?:job|root)\)$", variables[name]["definition"])
        assert metric in told()


def test_rows_are_in_order_and_no_panel_lies_on_another() -> None:
    assert [each["title"] for each in PANELS if each["type"] == "row"] == [
        *("Tiếp nhận", "Số liệu", "Cơ sở dữ liệu", "Nguồn dữ liệu", "Tiến trình")
    ]
    assert len({each["id"] for each in PANELS}) == len(PANELS) > 20
    covered: set[tuple[int, int]] = set()
    for each in PANELS:
        grid = each["gridPos"]
        assert 0 <= grid["x"] < grid["x"] + grid["w"] <= 24
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & covered, each["title"]
        covered |= cells


def test_every_panel_says_in_english_what_it_shows_in_a_unit_that_fits() -> None:
    for panel in PANELS:
        if panel["type"] == "row":
            continue
        assert panel["type"] in ("timeseries", "stat")
        assert panel["datasource"] == DATASOURCE
        assert re.fullmatch(r"[ -~]{20,}\.", panel["description"]), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert [each["refId"] for each in panel["targets"]] == list("ABC"[: len(panel["targets"])])
        assert all(each["datasource"] == DATASOURCE for each in panel["targets"])
        [*expressions] = (each["expr"] for each in panel["targets"])
        unit = panel["fieldConfig"]["defaults"]["unit"]
        if unit in ("ops", "reqps"):
            assert all("rate(" in each for each in expressions)
        if unit == "bytes":
            assert all("_bytes" in each for each in expressions)
        if unit == "s":
            assert all("_seconds" in each for each in expressions)


def test_every_query_names_metrics_that_are_told_and_every_metric_of_ours_is_shown() -> None:
    shown = set().union(*(named(expression) for _, expression in queries()))
    assert shown - told() == set()
    ours = {re.sub("_(bucket|count|sum)$", "", each) for each in told() if each.startswith("chiso_")}
    hidden = ours - {re.sub("_(bucket|count|sum)$", "", each) for each in shown}
    assert hidden == {"chiso_refold_oldest_seconds"}
