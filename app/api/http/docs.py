"""`GET /docs`: the description as a page to read and to try. Everything it loads comes from here: offices run closed
networks, and a reader's browser must ask nobody else.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

ASSETS: Final = "docs/assets"

# Addresses are relative, so that a proxy may put the service under a prefix. Swagger UI shows an answer when it has
# ended; of a stream, which does not end, it is given the first event.
_START: Final = """
async function ended(url, request) {
  const answer = await fetch(url, request);
  if (!(answer.headers.get("Content-Type") || "").startsWith("text/event-stream")) return answer;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let part; !/\\nid: .*\\n\\n/.test(text) && !(part = await reader.read()).done; ) text += part.value;
  reader.cancel();
  return new Response(text, { status: answer.status, headers: answer.headers });
}
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null, defaultModelsExpandDepth: 0,
  syntaxHighlight: false,
  presets: [SwaggerUIBundle.presets.apis], layout: "BaseLayout",
  requestInterceptor: (request) => Object.assign(request, { userFetch: ended })
})
"""
_PAGE: Final = f"""<!doctype html>
<html lang="vi">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>chiso766: tài liệu API</title>
<link rel="icon" href="{ASSETS}/favicon.png">
<link rel="stylesheet" href="{ASSETS}/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="{ASSETS}/swagger-ui-bundle.js"></script>
<script>{_START}</script>
</html>
"""
# The browser holds the page to it: nothing from elsewhere, no script but these two.
_POLICY: Final = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' "
    f"'sha256-{b64encode(hashlib.sha256(_START.encode()).digest()).decode()}'; base-uri 'none'; frame-ancestors 'none'"
)


def install(app: FastAPI) -> None:
    """Add the page and what it loads."""

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    async def docs() -> HTMLResponse:
        """The page."""
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})

    # Of the package only its copy of Swagger UI is used.
    folder = files("fastapi_offline").joinpath("static")
    app.mount(f"/{ASSETS}", StaticFiles(directory=str(folder)), name="docs-assets")
