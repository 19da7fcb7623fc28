"""Sessions, logins and uploads against Flask, as Werkzeug serves it. A program like ``checklist_cases.py``."""

from __future__ import annotations

import hashlib
import io
import threading

from checklist_stage import CASES, case, cookies_of, main

import flask  # isort: skip
from requests.auth import HTTPDigestAuth  # isort: skip
from werkzeug.serving import WSGIRequestHandler, make_server  # isort: skip

CASES.clear()


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


class FlaskServer:
    """A small site with members."""

    def __init__(self):
        self.app = flask.Flask("site")
        self.app.secret_key = "fixed"
        self.seen, self.connections = [], 0
        self.app.before_request(self.note)
        for rule, function in (
            ("/login", self.login), ("/logout", self.logout), ("/member", self.member), ("/basic", self.basic), ("/digest/<algorithm>", self.digest), ("/echo", self.echo), ("/item/<int:n>", self.item),
            ("/go/<int:code>", self.go), ("/stream", self.stream), ("/visits", self.visits),
        ):  # fmt: skip
            self.app.add_url_rule(rule, function.__name__, function, methods=["GET", "POST", "PUT", "DELETE"])
        self.server = make_server("127.0.0.1", 0, self.app, threaded=True, request_handler=Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def note(self):
        request = flask.request
        headers = sorted(
            f"{k}: {v}"
            for k, v in request.headers.items()
            if k not in ("Authorization", "Content-Type", "Content-Length", "Cookie")
        )
        self.seen.append(
            [request.method, request.full_path, headers, sorted(request.cookies), bool(request.authorization)]
        )

    def login(self):
        if flask.request.method == "GET":
            return "<form>"
        if flask.request.form.get("password") != "secret":
            return "no", 401
        flask.session["name"] = flask.request.form["name"]
        answer = flask.redirect(flask.url_for("member"))
        answer.set_cookie("seen", "1", max_age=60, path="/member")
        return answer

    def logout(self):
        flask.session.clear()
        answer = flask.redirect("/member", 303)
        answer.delete_cookie("seen", path="/member")
        return answer

    def member(self):
        return flask.jsonify(
            name=flask.session.get("name"), cookies=sorted(flask.request.cookies)
        ), 200 if flask.session.get("name") else 403

    def visits(self):
        flask.session["visits"] = flask.session.get("visits", 0) + 1
        return flask.jsonify(flask.session["visits"])

    def basic(self):
        login = flask.request.authorization
        if login is None or login.type != "basic":
            return "who?", 401, {"WWW-Authenticate": 'Basic realm="site"'}
        return flask.jsonify(login.username, login.password)

    def digest(self, algorithm):
        function = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

        def hashed(*parts):
            return function(":".join(parts).encode()).hexdigest()

        login = flask.request.authorization
        if login is not None and login.type == "digest":
            secret = hashed(login.username, "site", "p:ss")
            request = hashed(flask.request.method, login.uri)
            if login.response == hashed(secret, "nonce", login.nc, login.cnonce, login.qop, request):
                return flask.jsonify(login.username, login.uri, login.nc, flask.request.get_data(as_text=True))
        challenge = f'Digest realm="site", nonce="nonce", qop="auth", algorithm={algorithm}, opaque="o"'
        return "who?", 401, {"WWW-Authenticate": challenge, "Set-Cookie": "challenged=1"}

    def echo(self):
        request = flask.request
        files = [
            [name, file.filename, file.content_type, file.read().decode("latin-1")]
            for name, file in request.files.items(multi=True)
        ]
        return flask.jsonify(
            args=request.args.to_dict(flat=False), form=request.form.to_dict(flat=False), files=files, json=request.get_json(silent=True), type=request.content_type.partition(";")[0] if request.content_type else None,
            body=None if files or request.form else request.get_data(as_text=True),
        )  # fmt: skip

    def item(self, n):
        return flask.jsonify(item=n, name=f"Änderung {n}")

    def go(self, code):
        return flask.redirect("/echo?gone=1", code)

    def stream(self):
        return flask.Response((f"line {n}\n" for n in range(20)), mimetype="text/plain")


@case
def login_with_a_session_and_redirects(stage):
    found = [stage.get("/member"), stage.post("/login", data={"name": "joe", "password": "wrong"}), stage.get("/login")]
    found += [
        stage.post("/login", data={"name": "joe", "password": "secret"}),
        [row[0] for row in cookies_of(stage.client.cookies)],
        stage.get("/member"),
        stage.get("/echo"),
    ]
    found += [stage.get("/logout"), [row[0] for row in cookies_of(stage.client.cookies)], stage.get("/member")]
    stage.post("/login", data={"name": "ann", "password": "secret"}, allow_redirects=False)
    found.append(stage.get("/member")["json"])
    stage.client.cookies.clear()
    return [without_cookie(told) for told in [*found, stage.get("/member")]]


def without_cookie(told):
    """Signed cookies hold the time of their making."""
    if isinstance(told, dict) and "headers" in told:
        told = dict(told)
        for name in ("headers", "cookies", "request", "history"):
            told[name] = len(told[name])
    return told


@case
def visits_are_counted_in_the_session(stage):
    return [stage.client.get("/visits").json() for _ in range(4)]


@case
def basic_auth_is_understood(stage):
    found = [
        stage.get("/basic"),
        stage.get("/basic", auth=("joe", "päss")),
        stage.get("/basic", auth=("a:b", "c")),
        stage.get("/basic"),
    ]
    stage.client.auth = ("always", "1")
    return [*found, stage.get("/basic"), stage.get("/basic", auth=("call", "2"))]


@case
def digest_auth_answers_the_challenge(stage):
    found = []
    for algorithm in ("MD5", "SHA-256"):
        auth = HTTPDigestAuth("joe", "p:ss")
        for options in ({}, {"params": {"a": "ä"}}):
            response = stage.client.get(f"/digest/{algorithm}", auth=auth, **options)
            found.append([response.status_code, response.json(), len(response.history)])
        response = stage.client.post(f"/digest/{algorithm}", auth=auth, json={"a": 1})
        found.append([response.status_code, response.json(), len(response.history)])
        found.append(stage.get(f"/digest/{algorithm}", auth=HTTPDigestAuth("joe", "wrong"))["status_code"])
    stage.client.auth = HTTPDigestAuth("joe", "p:ss")
    for body in ({}, {"data": io.BytesIO(b"of a file")}):
        response = stage.client.post("/digest/MD5", **body)
        found.append([response.status_code, response.json()[0], response.json()[3]])
    return [found, stage.get("/digest/MD5", auth=("basic", "instead"))["status_code"]]


@case
def bodies_arrive_as_meant(stage):
    found = [
        stage.post("/echo", data={"a": ["1", "2"], "ä": "ö"}, params={"q": ["x", "y"]}), stage.post("/echo", json={"a": [None, "ä"]}), stage.post("/echo", data="täxt"), stage.post("/echo", data=b"\xff"),
        stage.post("/echo", files={"f": ("ä.txt", b"content", "text/plain")}), stage.post("/echo", files=[("f", ("1", b"a")), ("f", ("2", b"b"))], data={"field": "v"}), stage.post("/echo", data=iter([b"chunk", b"ed"])),
        stage.told(stage.client.put, "/echo", data=io.BytesIO(b"of a file")), stage.told(stage.client.delete, "/echo", json=[1]), stage.get("/item/5"), stage.told(stage.client.request, "PATCH", "/echo"),
    ]  # fmt: skip
    for told in found:
        told["request"] = None
    return found


@case
def redirects_of_flask(stage):
    return [
        stage.told(getattr(stage.client, verb), f"/go/{code}", data={"a": "1"})
        for verb in ("get", "post", "put")
        for code in (301, 302, 303, 307, 308)
    ]


@case
def answers_in_chunks(stage):
    found = [stage.get("/stream"), stage.get("/item/1"), stage.get("/stream", stream=True)]
    return [
        *found,
        [line.decode() for line in stage.client.get("/stream", stream=True).iter_lines()],
        stage.told(stage.client.head, "/stream"),
    ]


if __name__ == "__main__":
    main(FlaskServer)
