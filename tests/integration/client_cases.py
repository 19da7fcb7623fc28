"""Each case once with Locust's own session and once with ours, against the same server; prints what was seen as JSON.

Run as a program: Locust patches the standard library.
"""

import io
import json
import sys
import zlib
from gzip import compress

import locust
from locust.clients import HttpSession, ResponseContextManager
from locust.event import EventHook
from locust.exception import CatchResponseError, InterruptTaskSet, ResponseError

from loadproof.http import session as ours
from loadproof.http.fast import Session, fallbacks

import gevent  # isort: skip
import requests  # isort: skip
from gevent.server import StreamServer  # isort: skip

assert locust


# A server that answers by the path, and remembers what it was asked


class Server:
    def __init__(self, **tls):
        self.server = StreamServer(("127.0.0.1", 0), self.handle, **tls)
        self.server.start()
        self.port = self.server.server_port
        self.connections = 0
        self.seen = []

    def handle(self, sock, _address):
        self.connections += 1
        stream = sock.makefile("rb")
        try:
            while True:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = stream.readline()
                    if not line:
                        return
                    head += line
                lines = head.decode("latin-1").split("\r\n")
                method, target, _ = lines[0].split(" ", 2)
                fields = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:] if ": " in line)}
                if fields.get("transfer-encoding") == "chunked":
                    body = b""
                    while size := int(stream.readline(), 16):
                        body += stream.read(size)
                        stream.readline()
                    stream.readline()
                else:
                    body = stream.read(int(fields.get("content-length", 0)))
                shown = sorted(
                    (k, v) for k, v in fields.items() if k not in ("host", "content-type") or "boundary" not in v
                )
                if "multipart" in fields.get("content-type", ""):
                    shown = [(k, v) for k, v in shown if k not in ("content-length", "content-type")]
                    body = b"multipart" if b"file-content" in body else b"?"
                self.seen.append([method, target, shown, body.decode("latin-1")])
                if self.answer(sock, method, target, fields, body) == "close":
                    return
        except OSError:
            return
        finally:
            sock.close()

    def answer(self, sock, method, target, fields, body):
        path = target.partition("?")[0]

        def say(status, headers=(), payload=b"", length=True):
            lines = [f"HTTP/1.1 {status}", *headers]
            if length:
                lines.append(f"Content-Length: {len(payload)}")
            sock.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (b"" if method == "HEAD" else payload))

        if path.startswith("/status/"):
            say(
                f"{path[8:]} As Asked",
                (),
                b"" if path[8:] in ("204", "304") else b'{"a": 1}',
                path[8:] not in ("204", "304"),
            )
        elif path.startswith("/redirect/"):
            _, _, code, rest = path.split("/", 3)
            say(f"{code} Moved", [f"Location: /{rest}"])
        elif path == "/loop":
            say("302 Found", ["Location: /loop"])
        elif path == "/relative":
            say("302 Found", ["Location: json?x=1"])
        elif path == "/set-cookie":
            say("200 OK", ["Set-Cookie: a=1; Path=/", "Set-Cookie: b=two; Path=/"], b"set")
        elif path == "/cookie-redirect":
            say("302 Found", ["Location: /cookies", "Set-Cookie: hop=yes; Path=/"])
        elif path == "/cookies":
            say("200 OK", [], fields.get("cookie", "none").encode())
        elif path == "/gzip":
            say(
                "200 OK",
                ["Content-Encoding: gzip", "Content-Type: text/plain; charset=utf-8"],
                compress(b"zipped \xc3\xa4"),
            )
        elif path == "/deflate":
            say("200 OK", ["Content-Encoding: deflate"], zlib.compress(b"deflated"))
        elif path == "/bad-gzip":
            say("200 OK", ["Content-Encoding: gzip"], b"this is not gzip")
        elif path == "/latin":
            say("200 OK", ["Content-Type: text/html; charset=iso-8859-1"], b"\xe4\xf6")
        elif path == "/no-charset":
            say("200 OK", ["Content-Type: text/html"], b"\xe4\xf6")
        elif path == "/double-headers":
            say("200 OK", ["X-Twice: 1", "X-Twice: 2", "Content-Type: application/json"], b"{}")
        elif path == "/huge-headers":
            say("200 OK", [f"X-{i}: {'y' * 500}" for i in range(80)], b"ok")
        elif path == "/big":
            say("200 OK", (), b"0123456789" * 100_000)
        elif path == "/chunked":
            sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for part in (b"first ", b"second ", b"third"):
                sock.sendall(b"%x\r\n%s\r\n" % (len(part), part))
                gevent.sleep(0.005)
            sock.sendall(b"0\r\n\r\n")
        elif path == "/continue":
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            say("200 OK", (), b"after")
        elif path == "/slow":
            gevent.sleep(0.4)
            say("200 OK", (), b"slow")
        elif path == "/drip":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            for _ in range(5):
                gevent.sleep(0.05)
                sock.sendall(b"x")
        elif path == "/one-point-zero":
            sock.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")
            return "close"
        elif path == "/says-close":
            say("200 OK", ["Connection: close"], b"bye")
            return "close"
        elif path == "/drops":
            return "close"
        elif path == "/torn":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
            return "close"
        elif path == "/torn-chunk":
            sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            return "close"
        elif path == "/closes-idle":
            say("200 OK", (), b"and gone")
            return "close"
        elif path == "/nonsense":
            sock.sendall(b"SMTP ready\r\n\r\n")
            return "close"
        elif path == "/echo":
            say("200 OK", [f"X-Method: {method}"], body)
        else:
            say("200 OK", ["Content-Type: application/json"], b'{"path": "' + target.encode() + b'"}')
        return None


# What can be seen


def seen_of(response):
    found = {
        "type": isinstance(response, requests.Response) and isinstance(response, ResponseContextManager),
        "status": response.status_code,
        "reason": response.reason,
        "url": response.url,
        "encoding": response.encoding,
        "headers": sorted(response.headers.items()),
        "cookies": dict(response.cookies),
        "history": [(r.status_code, r.url) for r in response.history],
        "error": shape(response.error),
        "is_redirect": response.is_redirect,
        "next": getattr(response.next, "url", None),
    }
    try:
        found |= {
            "content": (response.content or b"").decode("latin-1")[:200],
            "text": response.text[:200],
            "length": len(response.content or b""),
        }
    except Exception as error:  # noqa: BLE001
        found["content"] = shape(error)
    try:
        found["ok"] = bool(response)
    except Exception as error:  # noqa: BLE001
        found["ok"] = shape(error)
    try:
        found["json"] = response.json()
    except Exception as error:  # noqa: BLE001
        found["json"] = type(error).__name__
    request = response.request
    if request is not None:
        body = request.body if isinstance(request.body, bytes | str | None) else "stream"
        found["request"] = [
            request.method, request.url, request.path_url,
            sorted((k.lower(), str(v)) for k, v in request.headers.items() if "boundary" not in str(v) and k.lower() != "content-length"),
            body.decode("latin-1") if isinstance(body, bytes) else body,
        ]  # fmt: skip
        if found["request"][4] and "file-content" in found["request"][4]:
            found["request"][4] = "multipart"
    return found


def shape(error):
    if error is None:
        return None
    deepest = error
    while deepest.__context__ is not None and isinstance(deepest, requests.ConnectionError):
        deepest = deepest.__context__
    return [type(error).__name__, type(deepest).__name__, getattr(deepest, "errno", None)]


class Stage:
    """One session, its events, and the server."""

    def __init__(self, session_class, server, base=""):
        self.server, self.events, self.hook = server, [], EventHook()
        self.hook.add_listener(self.on_request)
        self.client = session_class(base or f"http://127.0.0.1:{server.port}", self.hook, None)
        self.client.trust_env = False
        server.seen.clear()
        server.connections = 0

    def on_request(
        self, request_type, name, response_time, response_length, exception, context, url, start_time, response
    ):
        self.events.append(
            {
                "type": request_type, "name": name, "length": response_length, "url": url, "context": dict(context),
                "exception": None if exception is None else [type(exception).__name__, str(exception)[:80] if isinstance(exception, CatchResponseError | requests.HTTPError) else ""],
                "timed": response_time is not None and response_time > 0, "stamped": start_time > 1e9,
                "response": isinstance(response, requests.Response),
            }
        )  # fmt: skip


CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def simple(name, *calls):
    """A case of plain calls: (method, url, options)."""

    def run(stage):
        return [seen_of(getattr(stage.client, method)(url, **options)) for method, url, options in calls]

    CASES[name] = run


simple("get", ("get", "/json", {}))
simple("get_without_slash", ("get", "json", {}))
simple("get_with_params", ("get", "/json", {"params": {"a": 1, "b": ["x", "y"], "c": None}}))
simple("get_with_params_in_both", ("get", "/json?z=0", {"params": [("a", "ä b"), ("a", "2")]}))
simple("get_with_text_params", ("get", "/json", {"params": "q=1&r=%20"}))
simple(
    "odd_paths", ("get", "/a b/ä?q=ö&r=%zz#frag", {}), ("get", "//double//slash", {}), ("get", "/semi;colon=1,2", {})
)
simple("names", ("get", "/json?x=1", {"name": "named"}), ("get", "/json", {"context": {"k": "v"}}))
simple(
    "own_headers",
    ("get", "/json", {"headers": {"X-A": "1", "User-Agent": "me", "Accept": None, "accept-encoding": "identity"}}),
)
simple("bytes_header", ("get", "/json", {"headers": {"X-B": b"bytes"}}))
simple("bad_headers", ("get", "/json", {"headers": {"X-A": "a\r\nb"}}), ("get", "/json", {"headers": {"X A": "1"}}))
simple("unicode_header", ("get", "/json", {"headers": {"X-U": "café"}}))
simple(
    "post_form",
    ("post", "/echo", {"data": {"a": "1", "b": ["x", "ä"]}}),
    ("post", "/echo", {"data": [("a", 1), ("a", 2)]}),
)
simple(
    "post_bytes_and_text",
    ("post", "/echo", {"data": b"raw"}),
    ("post", "/echo", {"data": "text"}),
    ("post", "/echo", {"data": "täxt"}),
)
simple(
    "post_json",
    ("post", "/echo", {"json": {"a": [1, None, "ä"]}}),
    ("post", "/echo", {"json": []}),
    ("post", "/echo", {"json": 0}),
)
simple(
    "post_json_with_type",
    ("post", "/echo", {"json": {"a": 1}, "headers": {"content-type": "application/vnd.api+json"}}),
)
simple("post_empty", ("post", "/echo", {}), ("post", "/echo", {"data": {}}), ("post", "/echo", {"data": ""}))
simple(
    "other_methods",
    ("put", "/echo", {"json": {"a": 1}}),
    ("patch", "/echo", {"data": "x"}),
    ("delete", "/echo", {}),
    ("options", "/echo", {}),
)
simple("head", ("head", "/json", {}), ("head", "/redirect/302/json", {}), ("get", "/json", {}), ("head", "/gzip", {}))
simple("statuses", *(("get", f"/status/{code}", {}) for code in (201, 204, 304, 400, 404, 500, 503)))
simple("redirects", *(("get", f"/redirect/{code}/json", {}) for code in (301, 302, 303, 307, 308)))
simple("post_redirects", *(("post", f"/redirect/{code}/echo", {"data": "body"}) for code in (301, 302, 303, 307, 308)))
simple("redirect_chain", ("get", "/redirect/302/redirect/301/json", {}), ("get", "/relative", {}))
simple("redirect_to_failure", ("get", "/redirect/302/status/404", {}), ("get", "/redirect/302/drops", {}))
simple("redirect_not_followed", ("get", "/redirect/302/json", {"allow_redirects": False}))
simple("redirect_loop", ("get", "/loop", {}))
simple("cookies", ("get", "/set-cookie", {}), ("get", "/cookies", {}))
simple("cookies_across_redirect", ("get", "/cookie-redirect", {}), ("get", "/cookies", {}))
simple("own_cookies", ("get", "/cookies", {"cookies": {"mine": "1"}}), ("get", "/cookies", {}))
simple("auth", ("get", "/json", {"auth": ("joe", "pass wörd")}), ("get", "/json", {}))
simple("gzip", ("get", "/gzip", {}), ("get", "/deflate", {}), ("get", "/json", {}))
simple("bad_gzip", ("get", "/bad-gzip", {}))
simple("encodings", ("get", "/latin", {}), ("get", "/no-charset", {}), ("get", "/double-headers", {}))
simple("huge_headers", ("get", "/huge-headers", {}))
simple("big_body", ("get", "/big", {}))
simple("chunked", ("get", "/chunked", {}), ("get", "/json", {}))
simple("interim_answers", ("get", "/continue", {}), ("get", "/json", {}))
simple("http_1_0", ("get", "/one-point-zero", {}), ("get", "/json", {}))
simple(
    "connection_close",
    ("get", "/says-close", {}),
    ("get", "/json", {}),
    ("get", "/json", {"headers": {"Connection": "close"}}),
)
simple(
    "timeouts",
    ("get", "/slow", {"timeout": 0.1}),
    ("get", "/slow", {"timeout": (1, 0.1)}),
    ("get", "/slow", {"timeout": 2}),
)
simple("timeout_is_per_part", ("get", "/drip", {"timeout": 0.15}))
simple("dropped", ("get", "/drops", {}), ("get", "/json", {}))
simple("torn", ("get", "/torn", {}), ("get", "/torn-chunk", {}), ("get", "/json", {}))
simple("nonsense", ("get", "/nonsense", {}), ("get", "/json", {}))
simple("refused", ("get", "http://127.0.0.1:9/", {}))
simple("unknown_host", ("get", "http://no-such-host.invalid/", {}))


@case
def files(stage):
    return seen_of(stage.client.post("/echo", files={"f": ("name.txt", io.BytesIO(b"file-content"))}))


@case
def streamed_upload(stage):
    post = stage.client.post
    return [seen_of(post("/echo", data=iter([b"one", b"two"]))), seen_of(post("/echo", data=io.BytesIO(b"a file")))]


@case
def raises_before_anything_is_sent(stage):
    found = []
    for call in (
        lambda c: c.get("/json", nonsense=1),
        lambda c: c.post("/echo", json={"a": object()}),
        lambda c: c.post("/echo", json=float("nan")),
        lambda c: c.get("/json", timeout="soon"),
        lambda c: c.get("/json", params=object()),
        lambda c: c.get("/json", verify="/no/such/file") if False else c.get("http://"),
        lambda c: c.get("ftp://x/"),
    ):
        try:
            found.append(seen_of(call(stage.client))["error"])
        except Exception as error:  # noqa: BLE001
            found.append(type(error).__name__)
    return found


@case
def keeps_one_connection(stage):
    for _ in range(5):
        stage.client.get("/json")
    stage.client.close()
    stage.client.get("/json")
    return stage.server.connections


@case
def reuses_no_connection_that_was_closed_meanwhile(stage):
    found = [seen_of(stage.client.get("/closes-idle"))["status"]]
    gevent.sleep(0.2)
    return [*found, seen_of(stage.client.get("/json"))["status"]]


@case
def caught_responses(stage):
    client = stage.client
    with client.get("/status/404", catch_response=True) as response:
        response.success()
    with client.get("/json", catch_response=True) as response:
        response.failure("wrong")
    with client.get("/json", catch_response=True) as response:
        response.failure(ValueError("own"))
    with client.get("/status/500", catch_response=True):
        pass
    with client.get("/json", catch_response=True) as response:
        raise ResponseError("swallowed")
    for error in (KeyError("k"), InterruptTaskSet()):
        try:
            with client.get("/json", catch_response=True) as response:
                raise error
        except Exception as raised:  # noqa: BLE001
            stage.events.append(type(raised).__name__)
    with client.get("/drops", catch_response=True) as response:
        stage.events.append([response.status_code, shape(response.error)])
    with client.get("/json", catch_response=True, name="first") as response:
        response.request_meta["name"] = "edited"
        response.request_meta["response_time"] = 4321.0
    with client.get("/redirect/302/json", catch_response=True) as response:
        stage.events.append(response.url)
    client.get("/json", catch_response=True)


@case
def misuse_is_explained(stage):
    found = []
    for call in (lambda r: r.success(), lambda r: r.failure("x"), lambda r: r.__enter__()):
        try:
            call(stage.client.get("/json"))
        except Exception as error:  # noqa: BLE001
            found.append([type(error).__name__, str(error)[:60]])
    return found


@case
def renamed(stage):
    with stage.client.rename_request("group"):
        stage.client.get("/json")
        stage.client.get("/json", name="own")
    stage.client.get("/json")
    stage.client.request_name = "set"
    stage.client.get("/json")
    stage.client.request("get", "/json")


@case
def settings_of_the_session(stage):
    client = stage.client
    client.headers.update({"X-Session": "1", "User-Agent": "other"})
    found = [seen_of(client.get("/json"))]
    client.headers["X-Session"] = "2"
    client.auth = ("a", "b")
    found.append(seen_of(client.get("/json")))
    client.cookies.set("jar", "full")
    found.append(seen_of(client.get("/cookies")))
    client.cookies.clear()
    client.params = {"always": "1"}
    found.append(seen_of(client.get("/json")))
    return found


@case
def hooks_and_auth_callables_and_adapters(stage):
    calls = []

    def sign(request):
        request.headers["X-Signed"] = "yes"
        return request

    found = [seen_of(stage.client.get("/json", hooks={"response": lambda r, **_: calls.append(r.status_code)}))]
    found.append(seen_of(stage.client.get("/json", auth=sign)))

    class Adapter(requests.adapters.HTTPAdapter):
        def send(self, request, **kwargs):
            calls.append("adapter")
            return super().send(request, **kwargs)

    stage.client.mount("http://", Adapter())
    found.append(seen_of(stage.client.get("/json")))
    return [found, calls]


@case
def streams(stage):
    with stage.client.get("/big", stream=True, catch_response=True) as response:
        first = next(response.iter_content(10))
        response.close()
    lines = list(stage.client.get("/json", stream=True).iter_lines())
    return [first.decode(), [line.decode() for line in lines]]


@case
def basic_auth_in_the_base_url(stage):
    stage.client = type(stage.client)(f"http://joe:p%40ss@127.0.0.1:{stage.server.port}/base", stage.hook, None)
    stage.client.trust_env = False
    return [stage.client.base_url.rpartition(":")[0], seen_of(stage.client.get("/x"))["json"]]


@case
def a_listener_may_stop_the_user(stage):
    def stop(**_):
        raise InterruptTaskSet

    stage.hook.add_listener(stop)
    try:
        stage.client.get("/json")
    except InterruptTaskSet:
        return "propagated"
    return "lost"


@case
def killed_in_flight_leaves_nothing_behind(stage):
    greenlet = gevent.spawn(stage.client.get, "/slow")
    gevent.sleep(0.1)
    greenlet.kill()
    return [len(stage.events), seen_of(stage.client.get("/json"))["text"]]


@case
def iterates_and_pickles(stage):
    import pickle

    response = stage.client.get("/json")
    again = pickle.loads(pickle.dumps(requests.Response.__new__(requests.Response))) if False else response
    return [
        [c.decode() for c in response.iter_content(4)],
        [x.decode() for x in response.iter_lines()],
        again.links,
        response.apparent_encoding,
    ]


@case
def tls(stage):
    return stage.tls_found


def run_tls(session_class, folder):
    server = Server(certfile=f"{folder}/cert.pem", keyfile=f"{folder}/key.pem")
    stage = Stage(session_class, server, f"https://localhost:{server.port}")
    found = [seen_of(stage.client.get("/json"))["error"]]
    found.append(seen_of(stage.client.get("/json", verify=f"{folder}/cert.pem"))["json"])
    stage.client.verify = False
    found.append(seen_of(stage.client.get("/big"))["length"])
    for _ in range(3):
        found.append(seen_of(stage.client.post("/echo", json={"a": 1}))["json"])
    return neutral([found, [event["exception"] for event in stage.events]], server.port)


def neutral(value, port):
    """Observations without the port, which differs from server to server."""
    return json.loads(json.dumps(value).replace(str(port), "PORT"))


def main(folder):
    import warnings

    warnings.simplefilter("ignore")
    assert ours
    result = {}
    for name, function in CASES.items():
        sides = []
        for session_class in (HttpSession, Session):
            server = Server()
            stage = Stage(session_class, server)
            if name == "tls":
                stage.tls_found = run_tls(session_class, folder)
            try:
                found = function(stage)
            except Exception as error:  # noqa: BLE001
                found = f"escaped: {type(error).__name__}: {error}"
            sides.append(neutral({"found": found, "events": stage.events, "sent": server.seen}, server.port))
        result[name] = sides
    json.dump({"cases": result, "fallbacks": dict(fallbacks)}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
