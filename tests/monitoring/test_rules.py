"""Every alert is explained in two languages and has a page; it names metrics that are there, and fitting units."""

from __future__ import annotations

import re

import pytest

from .rules import KUBERNETES, MONITORING, OF_EXPORTERS, alerts, jobs, named, told

RUNBOOK = MONITORING.parents[1] / "docs" / "runbook" / "alerts.md"
RULES = alerts()
ALL = RULES | jobs()
HUMAN = {"humanizeDuration", "humanizePercentage", "humanize1024", "humanize"}


def test_what_an_expression_names_is_found() -> None:
    found = named(
        'sum by (le) (rate(chiso_commit_seconds_bucket{pool="max_x"}[5m])) / max(up offset 1w) > 5e9 and on () x'
    )
    assert found == {"chiso_commit_seconds_bucket", "up", "x"}


@pytest.mark.parametrize("name", RULES)
def test_every_metric_of_a_rule_is_there(name: str) -> None:
    metrics = named(RULES[name]["expr"])
    assert metrics
    assert metrics - told() - OF_EXPORTERS == set()


def test_no_rules_are_elsewhere() -> None:
    here = KUBERNETES.parents[2]
    found = {
        path
        for folder in ("deploy", "k8s")
        for path in (here / folder).rglob("*")
        if path.is_file() and re.search(r"^\s*- alert:", path.read_text(), re.MULTILINE)
    }
    # rules.yaml is made of alerts.yaml.
    assert found == {MONITORING / "alerts.yaml", KUBERNETES / "rules.yaml", KUBERNETES / "jobs.yaml"}


@pytest.mark.parametrize("name", ALL)
def test_every_alert_says_in_two_languages_what_it_is_and_where_help_is(name: str) -> None:
    rule = ALL[name]
    assert rule["labels"]["severity"] in ("critical", "warning")
    texts = rule["annotations"]
    assert set(texts) == {"summary", "summary_vi", "description", "description_vi", "runbook_url"}
    for each in ("summary", "description"):
        assert 10 < len(texts[each]) < 200
        assert re.search("[ạảấầẩậắằặẹẻếềểễệỉịọỏốồổộớờởợụủứừửựỳỹýáàãâăđêôơưíìóòúù]", texts[f"{each}_vi"])
    # What stands for a number or a name stands in both.
    assert sorted(re.findall(r"\{\{.*?\}\}", texts["description"])) == sorted(
        re.findall(r"\{\{.*?\}\}", texts["description_vi"])
    )
    assert texts["runbook_url"] == f"docs/runbook/alerts.md#{name.lower()}"


def test_the_runbook_has_a_section_for_every_alert_and_no_others() -> None:
    sections = re.split(r"^## ", RUNBOOK.read_text(), flags=re.MULTILINE)[1:]
    assert [each.split("\n", 1)[0] for each in sections] == list(ALL)
    for each in sections:
        for part in ("**Means**", "**Look at**", "**Do**"):
            assert part in each, each


@pytest.mark.parametrize("name", RULES)
def test_a_value_is_told_in_its_unit(name: str) -> None:
    """Seconds are told as a duration, bytes as such, shares in percent; and thresholds are of the same size."""
    expression, text = RULES[name]["expr"], RULES[name]["annotations"]["description"]
    told_as = set(re.findall(r"\$value \| (\w+)", text))
    value = re.split(r"\sand on \(\) | and changes", expression)[0]
    if re.search(r"_bytes\b.*/.*_bytes|_total.*/.*_total", value, re.DOTALL):
        assert told_as == {"humanizePercentage"}
        assert all(0 < float(each) < 1 for each in re.findall(r"[<>] ([\d.]+)", value))
    elif "_bytes" in value:
        assert told_as == {"humanize1024"}
    elif re.search(r"_seconds|_expiry", value) and "changes" not in value:
        assert told_as == {"humanizeDuration"}
        [*seconds] = (eval(each) for each in re.findall(r"[<>] ([\d.]+(?: \* 86400)?)", value))
        assert seconds
        assert all(1 <= each <= 15 * 86_400 for each in seconds)
    else:
        assert told_as <= {"humanize"}
