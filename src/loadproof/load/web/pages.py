"""Our page in Locust's web interface, two tables in its own page, and the files of runs.

Everything goes through what Locust offers for it: routes of its Flask application, which ask for a login where
``--web-login`` is on, and ``template_args``. Two views of Locust's are wrapped, by their names: that of its page, for a
link to ours, and that of its statistics, for the rows of the tables. Where a new Locust calls them otherwise, link and
rows are missing, and nothing else.
"""

from __future__ import annotations

import json
import logging
from functools import cache, partial, wraps
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loadproof.load.web.asking import Asking

_log = logging.getLogger(__name__)

_CHUNK = 64 * 1024

_ASSETS = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads allow-popups; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:"
)
"""A report is looked at where it can do nothing here: it is as if it came from another place."""

_TABS = (("Rules", "loadproof-rules"), ("Percentiles", "loadproof-percentiles"))
_TABLES = (
    {
        "key": "loadproof-rules",
        "structure": [
            {"key": "name", "title": "Rule"},
            {"key": "outcome", "title": "Outcome now"},
            {"key": "value", "title": "Value"},
            {"key": "limit", "title": "Limit"},
            {"key": "note", "title": "Note"},
        ],
    },
    {
        "key": "loadproof-percentiles",
        "structure": [
            {"key": "name", "title": "Endpoint"},
            {"key": "requests", "title": "Requests"},
            {"key": "responseP50", "title": "p50"},
            {"key": "responseP90", "title": "p90"},
            {"key": "responseP95", "title": "p95"},
            {"key": "responseP99", "title": "p99"},
            {"key": "responseP999", "title": "p99.9"},
            {"key": "serviceP50", "title": "Service p50"},
            {"key": "serviceP95", "title": "Service p95"},
            {"key": "serviceP99", "title": "Service p99"},
        ],
    },
)

_LINK = b"""<a id="loadproof-link" href="loadproof" style="position:fixed;left:16px;bottom:10px;z-index:1200;\
padding:6px 14px;border-radius:16px;background:#15803d;color:#fff;font:600 14px system-ui,sans-serif;\
text-decoration:none">Loadproof: rules, percentiles, report</a>"""


class Pages:
    """Adds them to the web interface of an environment.

    Args:
        web_ui: Locust's ``WebUI``, before it begins to listen.
        base: ``--web-base-path``; empty for none.
        asking: Where figures come from.
    """

    def __init__(self, web_ui: Any, base: str, asking: Asking) -> None:
        self._web_ui = web_ui
        self._app = web_ui.app
        self._asking = asking
        base = base.rstrip("/")
        for rule, view in (
            ("/loadproof", self._page),
            ("/loadproof/view", self._view),
            ("/loadproof/<any('page.css', 'page.js'):name>", self._asset),
            ("/loadproof/runs/<run>/<name>", self._file),
        ):
            endpoint = f"loadproof_{view.__name__.strip('_')}"
            self._app.add_url_rule(base + rule, endpoint, web_ui.auth_required_if_enabled(partial(self._kept, view)))
        arguments = web_ui.template_args
        arguments["extended_tabs"] = [*arguments.get("extended_tabs", ()), *({"title": t, "key": k} for t, k in _TABS)]
        arguments["extended_tables"] = [*arguments.get("extended_tables", ()), *_TABLES]
        self._wrap("locust.index", self._with_link)
        self._wrap("locust.request_stats", self._with_rows)

    # Our own views

    def _kept(self, view: Callable[..., Any], **arguments: str) -> Any:
        """A view whose answer other sites cannot read: Locust lets all of them read its own."""
        response = self._app.make_response(view(**arguments))
        for name, value in {
            # flask-cors leaves an answer alone that says who may read it; nobody has this origin.
            "Access-Control-Allow-Origin": "https://loadproof.invalid",
            "Cache-Control": "no-store",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }.items():
            response.headers[name] = value
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        return response

    def _page(self) -> Any:
        return _resource("page.html"), 200, {"Content-Type": "text/html; charset=utf-8"}

    def _asset(self, name: str) -> Any:
        return _resource(name), 200, {"Content-Type": _ASSETS[name]}

    def _view(self) -> Any:
        view = self._asking.view()
        if view is None:
            return json.dumps({"why": "Loadproof does not answer now"}), 503, _JSON
        return view["view"], 200, _JSON

    def _file(self, run: str, name: str) -> Any:
        found = self._asking.file(run, name)
        if found is None or "why" in found:
            why = "Loadproof does not answer" if found is None else found["why"]
            return why, 503 if found is None else 404, {"Content-Type": "text/plain; charset=utf-8"}
        headers = {"Content-Type": found["type"], "Content-Length": str(found["size"])}
        if name == "report.html":
            headers["Content-Security-Policy"] = _REPORT_POLICY
        else:
            headers["Content-Disposition"] = f'attachment; filename="{run}-{name}"'
        return _parts(Path(found["path"]), found["size"]), 200, headers

    # Locust's views

    def _wrap(self, endpoint: str, extend: Callable[[Any], None]) -> None:
        """Have a view's answer extended; one that is missing or unlike what was expected stays as it is."""
        view = self._app.view_functions.get(endpoint)
        if view is None:
            _log.warning("This Locust has no %s: its page lacks what Loadproof adds to it", endpoint)
            return

        @wraps(view)
        def extended(*args: Any, **kwargs: Any) -> Any:
            response = self._app.make_response(view(*args, **kwargs))
            if response.status_code == 200:  # not a way to the login
                extend(response)
            return response

        self._app.view_functions[endpoint] = extended

    def _with_link(self, response: Any) -> None:
        response.set_data(response.get_data().replace(b"</body>", _LINK + b"</body>", 1))

    def _with_rows(self, response: Any) -> None:
        """Add the rows without reading the rest, which may be long: this is the loop that makes the load."""
        view = self._asking.view()
        body = response.get_data().rstrip()  # only now: it is one answer for all who ask within two seconds
        if view is None or not body.endswith(b"}") or b'"extended_stats"' in body:
            return
        response.set_data(body[:-1] + b',"extended_stats":' + view["tables"].encode() + b"}")


_JSON = {"Content-Type": "application/json"}


def _parts(path: Path, size: int) -> Iterator[bytes]:
    """The first bytes of a file, a little at a time: users go on in between."""
    with path.open("rb") as file:
        while size > 0 and (part := file.read(min(_CHUNK, size))):
            size -= len(part)
            yield part
            gevent.sleep(0)


@cache
def _resource(name: str) -> bytes:
    return resources.files("loadproof.load.web").joinpath(name).read_bytes()
