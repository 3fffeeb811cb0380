"""`chiso reconcile`: the portal's published figures beside those of a running service."""

from __future__ import annotations

import csv
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Final

import typer

from app import reconcile
from app.cli.running import console, fail, note, say
from app.intake import published, tables
from app.intake.lines import Refused
from app.intake.tables import Unreadable
from app.messages import Message, of_error, spoken, verbatim

_PARTS: Final = ("numerator", "denominator", "ratio", "score", "value")
_LISTED: Final = ("unit_code", "metric_code", "dossier_code")
_COLUMNS: Final = (
    "unit", "period", "code", *(f"{side}_{part}" for part in _PARTS for side in ("ours", "theirs", "difference")),
    "equal", "only_here", "only_there", "dossiers",
)  # fmt: skip


def reconcile_command(
    file: Annotated[Path, typer.Argument(help="A table or a JSON answer of the portal.")],
    period: Annotated[str, typer.Option(help="The period, where the file names none, or another.")] = "",
    url: Annotated[str, typer.Option(help="Where the service is.")] = "http://127.0.0.1:8000",
    key: Annotated[
        str, typer.Option(help="Of the scope read; better CHISO_KEY or --key-file.", envvar="CHISO_KEY")
    ] = "",
    key_file: Annotated[Path | None, typer.Option("--key-file", help="A file with the key.")] = None,
    dossiers: Annotated[
        Path | None,
        typer.Option(help="Dossiers that the portal lists: a table of unit_code, metric_code, dossier_code and side."),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print all figures as a table.")] = False,
) -> None:
    """Show per unit and indicator ours, theirs, the difference, and where the dossiers behind it are listed. Ends with
    0: all are equal. 1: some differ, or are of units or indicators that the service does not know. 2: the file or the
    service cannot be read.
    """
    import httpx

    unmatched: list[reconcile.Unmatched] = []
    read = file
    try:
        figures = published.parse(file)
        listed = None
        if dossiers is not None:
            read = dossiers
            listed = _listed(dossiers)
            read = file
        token = key if key_file is None else key_file.read_text("utf-8").strip()
        with httpx.Client(
            base_url=url,
            headers={"Accept-Language": spoken(os.environ)} | ({"Authorization": f"Bearer {token}"} if token else {}),
            timeout=60,
        ) as client:
            found = list(reconcile.compared(client, figures, period, listed, unmatched.append))
    except (Refused, Unreadable) as error:
        fail(Message("{file}: {why}", "{file}: {why}", file=str(read), why=of_error(error)), 2)
    except OSError as error:
        fail(verbatim(f"{error.filename}: {error.strerror}"), 2)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        fail(Message("{url} does not answer: {why}", "{url} không trả lời: {why}", url=url, why=str(error)), 2)
    different = [each for each in found if not each.told["equal"] or each.only_here or each.only_there]
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(_COLUMNS)
        writer.writerows(_row(each) for each in found)
    else:
        for each in different:
            _show(each, url)
        say(
            Message(
                "{all:,} figures compared, {different:,} differ",
                "đã so {all:,} số liệu, {different:,} số khác nhau",
                all=len(found),
                different=len(different),
            )
        )
    for each_unknown in unmatched:
        note(Message("not compared: {why}", "không so được: {why}", why=of_error(each_unknown)))
    if different or unmatched:
        raise SystemExit(1)


def _row(each: reconcile.Apart) -> list[object]:
    told = each.told
    parts = [told[side].get(part) for part in _PARTS for side in ("ours", "theirs", "difference")]
    lists = (" ".join(some) for some in (each.only_here, each.only_there, told["dossiers"]))
    return [each.unit, each.period, told["code"], *parts, str(told["equal"]).lower(), *lists]


def _show(each: reconcile.Apart, url: str) -> None:
    told = each.told
    vietnamese = spoken(os.environ) == "vi"
    print(f"{each.unit} {each.period} {told['code']}")
    for side, called in (("ours", "ở đây"), ("theirs", "công bố"), ("difference", "chênh lệch")):
        part = told[side]
        value = f" {part['value']}" if part.get("value") is not None else ""
        counts = "/".join("–" if part[name] is None else f"{part[name]}" for name in ("numerator", "denominator"))
        numbers = " ".join("–" if part[name] is None else f"{part[name]}" for name in ("ratio", "score"))
        print(f"  {called if vietnamese else side:<11} {counts} {numbers}{value}")
    for some, english, called in (
        (each.only_here, "only here", "chỉ có ở đây"), (each.only_there, "only there", "chỉ có ở Cổng"),
    ):  # fmt: skip
        if some:
            print(f"  {called if vietnamese else english}: {', '.join(some)}")
    for path in told["dossiers"]:
        console.print(f"  {url}{path}", highlight=False, soft_wrap=True, markup=False)


def _listed(file: Path) -> reconcile.Listed:
    """The dossiers of a list; `side` is numerator (which are of the denominator too) or denominator."""
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    names, _, rows = tables.headed(tables.opened(file, _naming), _naming)
    for number, cells in rows:
        row = dict(zip(names, map(tables.said, cells), strict=False))
        if not any(row.values()):
            continue
        for name in _LISTED:
            if not row.get(name):
                raise Refused(
                    Message(
                        "row {row}, column {name}: empty", "dòng {row}, cột {name}: để trống", row=number, name=name
                    )
                )
        unit, code, dossier = (row[name] for name in _LISTED)
        side = row.get("side") or "numerator"
        if side not in ("numerator", "denominator"):
            raise Refused(
                Message(
                    "row {row}, column `side`: `numerator` or `denominator`",
                    "dòng {row}, cột `side`: `numerator` hoặc `denominator`",
                    row=number,
                )
            )
        found[unit, code, side].add(dossier)
    return {key: frozenset(codes) for key, codes in found.items()}


def _naming(header: str) -> str | None:
    return header if header in (*_LISTED, "side") else None
