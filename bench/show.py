"""A report as tables on a terminal and as a section of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.results import Report, Storage, Timing

_Rows = list[list[str]]


class _Sheet:
    """A table: its title, the heads of its columns, its rows."""

    def __init__(self, title: str, heads: Sequence[str], rows: _Rows) -> None:
        self.title, self.heads, self.rows = title, heads, rows


def printed(report: Report, console: Console) -> None:
    """The report on a terminal."""
    for sheet in _sheets(report):
        table = Table(title=sheet.title, title_justify="left")
        for number, head in enumerate(sheet.heads):
            table.add_column(head, justify="left" if number < 2 else "right", no_wrap=number < 2)
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)
    for line in _lines(report):
        console.print(line, highlight=False)


def appended(report: Report, file: Path) -> None:
    """The report as a new section at the end of a file."""
    parts = [f"\n## {report.at}: {report.size}", f"`{report.command}`", *(f"- {line}" for line in _lines(report))]
    for sheet in _sheets(report):
        parts.append(f"\n**{sheet.title}**\n")
        parts.append(_row(sheet.heads))
        parts.append(_row(["---" if number < 2 else "---:" for number, _ in enumerate(sheet.heads)]))
        parts += [_row(row) for row in sheet.rows]
    text = "\n".join(parts).replace("`\n- ", "`\n\n- ", 1)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(text + "\n")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _sheets(report: Report) -> list[_Sheet]:
    made = [_writes(report, shape) for shape in dict.fromkeys(each.shape for each in report.writes)]
    made += [_storage(report), _reads(report), _equal(report), _queries(report)]
    made += [_trial(report, table) for table in dict.fromkeys(each.table for each in report.rows)]
    made.append(_limits(report))
    return [sheet for sheet in made if sheet.rows]


def _writes(report: Report, shape: str) -> _Sheet:
    rows: _Rows = []
    last = ""
    for each in report.writes:
        if each.shape != shape:
            continue
        rows.append(
            [
                each.case if each.case != last else "",
                each.target,
                f"{each.rate:,.0f}",
                f"{min(each.rates):,.0f}-{max(each.rates):,.0f}",
                "" if each.target == "chiso" or each.ratio is None else f"{each.ratio:.2f}",
                *_times(each.timing),
                f"{each.rss_peak / 2**20:,.0f}" if each.rss_peak else "",
                f"{each.client_cpu:.2f}",
                f"{each.acknowledged:,}",
                "all" if each.kept == each.acknowledged else f"{each.kept:,}",
                str(each.refused or ""),
                str(len(each.failed) or ""),
            ]
        )
        last = each.case
    heads = ["events × clients", "target", "events/s", "rounds", "chiso ÷ it", "p50 ms", "p99 ms", "RSS MiB"]
    heads += ["client cores", "acknowledged", "kept", "503", "failed"]
    return _Sheet(f"Writing, shape {shape}", heads, rows)


def _storage(report: Report) -> _Sheet:
    rows: _Rows = []
    for check in report.checks:
        rows += _tables(check.shape, "chiso", check.events, check.storage)
        for size in report.sizes:
            if size.shape == check.shape:
                rows += _tables("", size.target, size.events, size.storage)
    return _Sheet("Bytes of database per event, after VACUUM", ["shape", "table", "all", "heap", "indexes"], rows)


def _tables(shape: str, target: str, events: int, storage: Sequence[Storage]) -> _Rows:
    """Bytes an event of a target: the whole, and each table that takes any."""
    count = max(events, 1)
    whole = sum(each.heap + each.index for each in storage)
    rows = [[shape, f"{target}, all", f"{whole / count:,.0f}", "", ""]]
    for each in storage:
        its = (each.heap + each.index) / count
        if its >= 0.5:
            rows.append(["", each.table, f"{its:,.0f}", f"{each.heap / count:,.0f}", f"{each.index / count:,.0f}"])
    return rows


def _reads(report: Report) -> _Sheet:
    rows: _Rows = []
    last = ""
    for each in report.reads:
        first = each.question if each.question != last else ""
        last = each.question
        if each.timing is None:
            rows.append([first, each.way, f"missing: {each.missing}", "", "", "", "", "", "", ""])
            continue
        status = ", ".join(f"{number} × {code}" for code, number in each.status.items())
        rate = f"{each.events_per_s:,.0f}" if each.events_per_s else ""
        rows.append(
            [
                first,
                each.way,
                str(each.timing.n),
                *_times(each.timing),
                _ms(each.timing.most),
                f"{each.bytes:,}",
                rate,
                f"{each.ratio:,.1f}" if each.ratio is not None else "",
                status,
            ]
        )
    heads = ["question", "asked", "n", "p50 ms", "p99 ms", "longest", "bytes", "events/s beside", "it ÷ chiso"]
    heads.append("answers")
    return _Sheet("Reading, at the HTTP answer, one at a time", heads, rows)


def _equal(report: Report) -> _Sheet:
    rows = [
        [each.what, "equal" if each.equal else "DIFFERENT", *(f"{name} {n:,}" for name, n in each.counts.items())]
        for each in report.equal
    ]
    most = max((len(row) for row in rows), default=2)
    heads = ["count", "verdict", *("" for _ in range(most - 2))]
    return _Sheet("Counts compared before anything was timed", heads, [row + [""] * (most - len(row)) for row in rows])


def _queries(report: Report) -> _Sheet:
    rows: _Rows = []
    for each in report.queries:
        if each.timing is None:
            rows.append([each.query, each.port, f"missing: {each.missing}", "", "", "", "", ""])
            continue
        ratio = f"{each.ratio:,.1f}" if each.ratio is not None else ""
        rows.append(
            [each.query, each.port, str(each.timing.n), *_times(each.timing), f"{each.rows:,}", each.compared_to, ratio]
        )
    heads = ["query", "port", "n", "p50 ms", "p99 ms", "rows", "asked of chiso", "it ÷ chiso"]
    return _Sheet("Current-state tables: Q1-Q6 as today's software counts", heads, rows)


def _trial(report: Report, table: str) -> _Sheet:
    rows = [each for each in report.rows if each.table == table]
    heads = list(dict.fromkeys(head for each in rows for head in each.values))
    return _Sheet(
        table, ["", *heads], [[each.name, *(_told(each.values.get(head)) for head in heads)] for each in rows]
    )


def _told(value: str | float | None) -> str:
    if isinstance(value, float):
        return _ms(value)
    return f"{value:,}" if isinstance(value, int) else value or ""


def _limits(report: Report) -> _Sheet:
    """Aims, reached or not, and checks that failed: those that held are many and say nothing."""
    rows = []
    for each in report.limits:
        if each.aim or not each.held:
            verdict = ("reached" if each.held else "missed") if each.aim else "CHECK FAILED"
            rows.append([each.what, verdict, each.found, each.wanted])
    return _Sheet("Aims, and checks that failed", ["", "verdict", "found", "wanted"], rows)


def _times(timing: Timing) -> list[str]:
    return [_ms(timing.p50), _ms(timing.p99)]


def _ms(ms: float) -> str:
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:.1f}" if ms >= 10 else f"{ms:.2f}"


def _lines(report: Report) -> list[str]:
    """What is said in words: the machine, the checks, what is missing."""
    its = report.machine
    settings = ", ".join(f"{name}={value}" for name, value in its.settings.items())
    lines = [
        f"{its.cores} cores, {its.memory / 2**30:.0f} GiB, {its.cpu}; {its.filesystem}; Python {its.python}; shared by"
        f" clients, service, peers and database; load before: {its.load}",
        f"PostgreSQL {its.postgresql}: {settings}",
    ]
    if its.ours:
        lines.append("settings: " + ", ".join(f"{name}={value}" for name, value in its.ours.items()))
    if report.idle_rss:
        lines.append(f"the service when idle: {report.idle_rss / 2**20:.0f} MiB")
    for check in report.checks:
        kept = "as acknowledged" if check.events == check.expected else f"BUT {check.expected:,} ACKNOWLEDGED"
        clean = "verify clean" if check.verified else "VERIFY NOT CLEAN"
        lines.append(
            f"{check.shape} ({check.meaning}): {check.events:,} events in the log, {kept}; {check.duplicates:,}"
            f" duplicates, {check.rejected:,} rejected; {clean}: {check.verify}"
        )
        lines += [f"{check.shape}: {error}" for error in check.errors]
    held = sum(each.held and not each.aim for each in report.limits)
    if held:
        lines.append(f"{held} checks held")
    lines += [f"missing: {each}" for each in report.missing]
    return lines + report.notes
