"""One session of Locust's and one of ours before the same server, and all that can be seen of what they do.

For programs that are run in a process of their own: Locust patches the standard library when it is imported.
"""

from __future__ import annotations

import json
import re
import sys
import time
import warnings

import locust
from locust.clients import HttpSession, ResponseContextManager
from locust.event import EventHook

from loadproof.http.fast import Session, fallbacks

import gevent  # isort: skip
import requests  # isort: skip
from gevent.server import StreamServer  # isort: skip
from requests.structures import CaseInsensitiveDict  # isort: skip

assert locust

LONGEST = 8.0
CASES = {}


def case(function):
    """Have the case done by both sessions; its name says which box of the checklist it is for."""
    CASES[function.__name__] = function
    return function


def calls(name, *asked):
    """A case of plain calls, each ``(method, url, options)``."""

    def run(stage):
        return [stage.told(getattr(stage.client, method), url, **options) for method, url, options in asked]

    CASES[name] = run


def answer(body=b"", *headers, status="200 OK"):
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


OK = answer(b'{"a": 1}', "Content-Type: application/json")


class Server:
    """Sends what was laid out for a path, else OK; remembers every request letter by letter."""

    def __init__(self, host="127.0.0.1"):
        self.server = StreamServer((host, 0), self.handle)
        self.server.start()
        self.port = self.server.server_port
        self.connections = 0
        self.replies = {}
        self.seen = []

    def lay(self, path, *pieces, then="keep"):
        """What a path is answered with: bytes, and seconds to wait between them."""
        self.replies[path] = (pieces, then)
        return path

    def moved(self, path, where, status="302 Found", *headers):
        return self.lay(path, answer(b"", f"Location: {where}", *headers, status=status))

    def handle(self, sock, _address):
        self.connections += 1
        stream = sock.makefile("rb")
        try:
            while self.serve(sock, stream):
                pass
        except (OSError, ValueError):
            return
        finally:
            sock.close()

    def serve(self, sock, stream):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return False
            head += line
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if fields.get("transfer-encoding") == "chunked":
            body = b""
            while size := stream.readline():
                body += size + stream.read(int(size, 16) + 2)
                if int(size, 16) == 0:
                    break
        else:
            body = stream.read(int(fields.get("content-length", 0)))
        self.seen.append(sent(first, lines, body.decode("latin-1")))
        method, target, _ = first.split(" ", 2)
        pieces, then = self.replies.get(target, self.replies.get(target.partition("?")[0], ((OK,), "keep")))
        for piece in pieces:
            if isinstance(piece, bytes):
                whole = piece.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else piece
                sock.sendall(whole)
            else:
                gevent.sleep(piece)
        return then == "keep" and fields.get("connection", "").lower() != "close"


def sent(first, lines, body):
    """A request without what is drawn by lot: boundaries and nonces."""
    text = "\n".join([*lines, "", body])
    for boundary in set(re.findall(r"boundary=(\S+)", text)):
        text = text.replace(boundary, "-" * len(boundary))
    text = re.sub(r'(nonce|timestamp|signature|response)="[^"]*"', r'\1="…"', text)
    first = re.sub(r"_=\d{13}", "_=…", first)
    *head, body = text.split("\n\n", 1)[0].split("\n"), text.split("\n\n", 1)[1]
    return [first, *head, body]


class Stage:
    """One session, its events and its server."""

    def __init__(self, session_class, server, base=""):
        self.session_class, self.server, self.events, self.hook = session_class, server, [], EventHook()
        self.times = []
        self.base = base or f"http://127.0.0.1:{server.port}"
        self.hook.add_listener(self.on_request)
        self.client = self.session()

    def session(self, base="", user=None, kind=None, **options):
        client = (kind or self.session_class)(base or self.base, self.hook, user, **options)
        client.trust_env = False
        return client

    def on_request(self, **fields):
        error, seconds, context = fields["exception"], fields["response_time"], fields["context"]
        self.times.append(seconds)
        self.events.append(
            {
                "fields": sorted(fields), "type": shown(fields["request_type"]), "name": shown(fields["name"]),
                "length": fields["response_length"], "url": re.sub(r"_=\d{13}", "_=…", str(shown(fields["url"]))),
                "context": dict(context) if isinstance(context, dict) else repr(context),
                "exception": None if error is None else [type(error).__name__, worded(error)],
                "time": isinstance(seconds, float) and seconds > 0,
                "started": abs(fields["start_time"] + seconds / 1000 - time.time()) < LONGEST,
                "response": type(fields["response"]).__mro__[-2].__name__,
            }
        )  # fmt: skip

    def told(self, call, *arguments, **options):
        """What can be seen of a call: its response, or the exception that came instead; its events; what was sent."""
        events, seen = len(self.events), len(self.server.seen)
        try:
            with gevent.Timeout(LONGEST):
                found = seen_of(call(*arguments, **options))
        except Exception as error:  # noqa: BLE001 - it is what is asked
            found = {"raised": raised(error)}
        except gevent.Timeout:
            found = {"raised": "hangs"}
        found |= {"events": self.events[events:], "sent": self.server.seen[seen:]}
        del self.events[events:], self.server.seen[seen:]
        return found

    def get(self, path="/json", **options):
        return self.told(self.client.get, path, **options)

    def post(self, path="/echo", **options):
        return self.told(self.client.post, path, **options)


def raised(error):
    return [type(error).__name__, worded(error)]


def worded(error):
    """An error's text without what differs from object to object; which of urllib3's it names has a case of its own."""
    text = re.sub(r"0x[0-9a-f]+|<\w[^>]* object[^>]*>|\w*Session\.\w+\(\)", "…", str(error))
    text = re.sub(r"timeout=0\.\d+", "timeout=…", text)
    return text.replace("ConnectionPool(host=", "Connection(host=")[:300]


def tried(call, *arguments, **options):
    """What a call hands back, as text, or the exception that came instead."""
    try:
        return shown(call(*arguments, **options))
    except Exception as error:  # noqa: BLE001 - it is what is asked
        return raised(error)


def shown(value):
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, list | tuple | set):
        return [shown(item) for item in value]
    if isinstance(value, dict | CaseInsensitiveDict):
        return {str(key): shown(item) for key, item in value.items()}
    if isinstance(value, str | int | float | bool | None) and value == value:  # noqa: PLR0124 - NaN is not JSON
        return value
    return raised(value) if isinstance(value, Exception) else re.sub("0x[0-9a-f]+", "…", repr(value))


def seen_of(response):
    """What a script sees of a response, in the order in which scripts ask."""
    found = {"is": isinstance(response, requests.Response) and isinstance(response, ResponseContextManager)}
    for name in (
        "status_code", "reason", "url", "encoding", "text", "content", "ok", "is_redirect",
        "is_permanent_redirect", "links", "error",
    ):  # fmt: skip
        found[name] = tried(getattr, response, name)
    found["json"] = tried(response.json)
    found["headers"] = [[name, value] for name, value in response.headers.items() if name != "Date"]
    found["headers class"] = type(response.headers).__name__
    found["cookies"] = cookies_of(response.cookies)
    found["next"] = getattr(response.next, "url", None)
    found["raised for status"] = tried(response.raise_for_status)
    found["history"] = [
        [
            hop.status_code,
            hop.url,
            shown(hop.content),
            len(hop.history),
            request_of(hop.request),
            type(hop).__name__ != "",
        ]
        for hop in response.history
    ]
    found["request"] = request_of(response.request)
    return found


def request_of(request):
    if request is None:
        return None
    body = request.body if isinstance(request.body, bytes | str | None) else "stream"
    lines = [f"{shown(name)}: {shown(value)}" for name, value in request.headers.items()]
    found = sent(f"{request.method} {request.url} {request.path_url}", lines, shown(body) or "")
    return [*found, type(body).__name__, type(request).__name__]


def cookies_of(jar):
    return sorted([c.name, c.value, c.domain, c.path, c.secure, c.expires is None, c.discard] for c in jar)


def neutral(value, *ports):
    """Observations without ports, which differ from server to server."""
    text = json.dumps(value)
    for port in ports:
        text = text.replace(str(port), "PORT")
    return json.loads(text)


def both(function, make_server=Server, base=""):
    """What a case finds with Locust's session and with ours, each with a server of its own."""
    sides = []
    for session_class in (HttpSession, Session):
        server = make_server()
        stage = Stage(session_class, server, base)
        try:
            with gevent.Timeout(LONGEST):
                found = function(stage)
        except Exception as error:  # noqa: BLE001 - it is what is compared
            found = ["escaped", *raised(error)]
        except gevent.Timeout:
            found = "hangs"
        seen = {"found": shown(found), "events": stage.events, "sent": server.seen}
        sides.append(neutral(seen, server.port))
    return sides


def main(make_server=Server, base=""):
    """Do all cases, or those that are named, and print what was found as JSON."""
    warnings.simplefilter("ignore")
    wanted = [name for name in sys.argv[1:] if name in CASES] or CASES
    result, seconds = {}, {}
    for name in wanted:
        began = time.monotonic()
        result[name] = both(CASES[name], make_server, base)
        seconds[name] = round(time.monotonic() - began, 1)
    json.dump({"cases": result, "fallbacks": dict(fallbacks), "seconds": seconds}, sys.stdout)
