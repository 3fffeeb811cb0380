"""What a build makes beside the packages: the script bundle of the charts, from vl-convert-python, which no running
service needs. `make install` (an editable build) writes it into the tree, a wheel carries it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from vl_convert import javascript_bundle

BUNDLE = Path("app", "pages", "static", "charts.js")
VEGA_LITE = "6.4"


class CustomBuildHook(BuildHookInterface):
    """Writes Vega, Vega-Lite and Vega-Embed as one ES module, which app/pages/static/draw.js imports."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before what goes into the wheel is looked for."""
        bundle = Path(self.root, BUNDLE)
        text = javascript_bundle("export { vegaEmbed };", vl_version=VEGA_LITE)
        # A file that is right already stays as it is: its time is part of what uv remembers a build by.
        if not bundle.exists() or bundle.read_text("utf-8") != text:
            bundle.parent.mkdir(parents=True, exist_ok=True)
            bundle.write_text(text, "utf-8")
