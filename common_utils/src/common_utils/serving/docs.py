"""`/docs` without the network: Swagger UI comes from an installed package, and the page forbids every other source."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from json import dumps
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from common_utils.serving.problems import ProblemError

__all__ = ["install_docs"]

_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}
# Swagger UI writes style attributes and embeds its icons as data: addresses.
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
_HEADERS = {
    "Content-Security-Policy": _POLICY + "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="icon" href="{root}/docs/favicon.png"><link rel="stylesheet" href="{root}/docs/swagger-ui.css"></head>
<body><div id="swagger-ui"></div>
<script src="{root}/docs/swagger-ui-bundle.js"></script><script src="{root}/docs/start.js"></script></body></html>
"""
_START = """SwaggerUIBundle({{
  url: {url}, dom_id: "#swagger-ui", validatorUrl: null, deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis], layout: "BaseLayout"
}});
"""


def install_docs(app: FastAPI) -> None:
    """Add `/openapi.json` and `/docs` to an app created without them.

    Of `fastapi-offline` only the files are used: its factory writes an inline script, which a content policy
    would have to allow, and adds a second viewer.

    Parameters
    ----------
    app : FastAPI
        Made with `openapi_url=None`; changed in place.

    Examples
    --------
    >>> app = FastAPI(openapi_url=None)
    >>> install_docs(app)
    >>> str(app.url_path_for("docs"))
    '/docs'
    """
    folder = Path(str(files("fastapi_offline"))) / "static"

    def prefix(request: Request) -> str:
        return str(request.scope.get("root_path") or getattr(app.state, "root_path", ""))

    async def openapi(request: Request) -> Response:
        before = prefix(request)
        document = {**app.openapi(), "servers": [{"url": before}]} if before else app.openapi()
        return JSONResponse(document, headers={"Cache-Control": "no-cache"})

    async def docs(request: Request) -> Response:
        page = _PAGE.format(title=escape(app.title), root=escape(prefix(request)))
        return HTMLResponse(page, headers=_HEADERS)

    async def docs_file(request: Request, name: str) -> Response:
        if name == "start.js":
            script = _START.format(url=dumps(f"{prefix(request)}/openapi.json"))
            return Response(script, media_type="text/javascript", headers=_HEADERS)
        if name not in _ASSETS:
            raise ProblemError(404, "http_404", "There is no such file.")
        return FileResponse(folder / name, media_type=_ASSETS[name], headers={"Cache-Control": "max-age=3600"})

    app.add_api_route("/openapi.json", openapi, include_in_schema=False, response_model=None)
    app.add_api_route("/docs", docs, name="docs", include_in_schema=False, response_model=None)
    app.add_api_route("/docs/{name}", docs_file, include_in_schema=False, response_model=None)
