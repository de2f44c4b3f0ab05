"""How a page is made: one template environment, the headers of every page, and the assets.

No page loads anything from another host, runs a script that is not a file of ours, or may be
framed. What a script needs to know stands in the page as JSON, in a block that is never run.
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

STATIC: Final = Path(str(files("app.pages"))) / "static"
EXPLORER: Final = (
    Path(str(files("graphene_django_graphiql_static"))) / "static/graphene_django_graphiql_static"
)
POLICY: Final[Mapping[str, str]] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS: Final[Mapping[str, str]] = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
TEMPLATES: Final = Environment(
    loader=PackageLoader("app.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    template: str, *, status: int = 200, leads_to: str | None = None, **facts: Any
) -> Response:
    """A page from a template of `app/pages/templates`; a fact that it lacks is a bug.

    `leads_to` is an origin (or a scheme with its colon) that its forms may end at, besides here:
    browsers hold what a form redirects to against the policy too (CSP 3 §6.3.1).
    """
    policy = {**POLICY, "form-action": f"'self' {leads_to}"} if leads_to else POLICY
    text = "; ".join(f"{what} {whence}" for what, whence in policy.items())
    headers = {**HEADERS, "Content-Security-Policy": text}
    html = TEMPLATES.get_template(template).render(facts)
    return HTMLResponse(html, status, headers=headers)


class Assets(StaticFiles):
    """Files that a browser may keep, and asks about again."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """The file, or that it has not changed."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response


def assets() -> Mount:
    """`/assets`: our own files, and those of the explorer's wheel under `/assets/explorer`."""
    return Mount(
        "/assets",
        routes=[
            Mount("/explorer", Assets(directory=EXPLORER)),
            Mount("/", Assets(directory=STATIC)),
        ],
        middleware=[Middleware(GZipMiddleware)],
    )
