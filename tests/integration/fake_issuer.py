"""An OAuth issuer on loopback whose every mood a test sets."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import OctKey

LONG_LIVED = "long-lived-s3cret"
_KEY = OctKey.import_key("0123456789abcdef0123456789abcdef")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        status, document = self.server.exchange({key: values[0] for key, values in form.items()})
        payload = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args):
        pass


class Issuer(ThreadingHTTPServer):
    """``forms`` are what was asked, ``tokens`` what was given out."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, lifetime=60.0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lifetime = lifetime
        self.valid = LONG_LIVED
        self.down = self.rotates = False
        self.without_exp = self.without_expires_in = False
        self.takes = 0.05
        self.forms, self.tokens = [], []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a client that does not trust its certificate

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/auth/token"

    def exchange(self, form):
        with self.lock:
            self.forms.append(form)
            number = len(self.forms)
        time.sleep(self.takes)
        if self.down:
            return 503, {"error": "temporarily_unavailable"}
        if form.get("refresh_token") != self.valid or form.get("grant_type") != "refresh_token":
            # Some issuers repeat what they were sent.
            return 400, {"error": "invalid_grant", "error_description": f"stale: {form.get('refresh_token')}"}
        now = time.time()
        claims = {"sub": "user", "n": number, "iat": int(now)} | (
            {} if self.without_exp else {"exp": now + self.lifetime}
        )
        token = jwt.encode({"alg": "HS256"}, claims, _KEY)
        self.tokens.append(token)
        answer = {"access_token": token, "token_type": "Bearer"}
        if not self.without_expires_in:
            answer["expires_in"] = int(self.lifetime)
        if self.rotates:
            self.valid = answer["refresh_token"] = f"rotated-s3cret-{number}"
        return 200, answer
