"""The providers of locustfiles, on a scripted session and a clock that only the test moves."""

from __future__ import annotations

import base64
import io
import json
import re
from email.message import Message
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError, URLError

import pytest
from pydantic import SecretStr

from loadproof.errors import UsageError
from loadproof.kit.servers.keeper import Backoff, Timing, fingerprint
from loadproof.kit.tokens import ApiKey, BasicAuth, BrokerTokens, JwtPair, StaticToken, TokenError, fetch_pair


class Clock:
    """Moves when somebody sleeps."""

    def __init__(self):
        self.seconds = 0.0
        self.slept = []

    def now(self):
        return 1_000_000 + self.seconds

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.seconds += seconds

    @property
    def timing(self):
        return Timing(Backoff(first=1.0, longest=8.0), lambda: self.seconds, self.now, self.sleep)


class Answer:
    """A response as Locust gives it with ``catch_response``."""

    def __init__(self, status, document=None):
        self.status_code = status
        self.document = document
        self.failed = None
        self.reported = self.closed = False

    def json(self):
        if self.document is None:
            raise ValueError("no JSON")
        return self.document

    def failure(self, text):
        self.failed = text

    def close(self):
        self.closed = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reported = True


class Client:
    """Notes what was sent; ``serve`` answers."""

    def __init__(self, serve=lambda _: Answer(200)):
        self.headers = {}
        self.sent = []
        self.serve = serve
        self.answers = []

    def request(self, method, url, **options):
        self.sent.append((method, url, self.headers.get("Authorization"), options))
        answer = self.serve(self.headers.get("Authorization"))
        self.answers.append(answer)
        return answer

    @property
    def shown(self):
        return [authorization for _, _, authorization, _ in self.sent]


def refuses_all(_shown):
    return Answer(401)


def refuses_the_first(shown):
    return Answer(401 if number_of(shown) == 1 else 200)


class Broker:
    """In the place of urllib's opener."""

    def __init__(self, clock, lifetime=100.0):
        self.clock = clock
        self.lifetime = lifetime
        self.requests = []
        self.script = []

    def open(self, request, timeout):  # noqa: ARG002 - urllib's
        self.requests.append(request)
        answer = self.script.pop(0) if self.script else None
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer or jwt(n=len(self.requests), exp=self.clock.now() + self.lifetime).encode())


def jwt(**claims):
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.sig"


def number_of(authorization):
    return json.loads(base64.urlsafe_b64decode(authorization.split(".")[1] + "=="))["n"]


def refusal(status, text="", retry_after=None):
    headers = Message()
    if retry_after:
        headers["Retry-After"] = retry_after
    return HTTPError("http://x", status, "", headers, io.BytesIO(text.encode()))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def broker(clock):
    return Broker(clock)


@pytest.fixture
def tokens(clock, broker):
    provider = BrokerTokens("http://127.0.0.1:8099", timing=clock.timing, attempts=3)
    provider._opener = broker
    return provider


def test_fixed_credentials_are_plain_headers_of_the_session():
    client = Client()
    StaticToken("abc").apply(client)
    assert client.headers == {"Authorization": "Bearer abc"}
    StaticToken(SecretStr("abc"), scheme="Token").apply(client)
    assert client.headers == {"Authorization": "Token abc"}
    BasicAuth("app1", "lätmein").apply(client)
    assert client.headers == {"Authorization": f"Basic {base64.b64encode('app1:lätmein'.encode()).decode()}"}
    ApiKey("X-API-Key", SecretStr("k")).apply(client)
    assert client.headers["X-API-Key"] == "k"


def test_a_header_that_is_set_already_is_left_alone_so_that_the_session_keeps_what_it_prepared():
    written = []

    class Headers(dict):
        def __setitem__(self, name, value):
            written.append(name)
            super().__setitem__(name, value)

    client = Client()
    client.headers = Headers()
    for _ in range(3):
        StaticToken("abc").apply(client)
    assert written == ["Authorization"]


def test_sessions_of_fast_http_users_keep_their_headers_one_level_deeper():
    client = SimpleNamespace(client=SimpleNamespace(default_headers={}))
    StaticToken("abc").apply(client)
    assert client.client.default_headers == {"Authorization": "Bearer abc"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: StaticToken(""),
        lambda: StaticToken("s3cret\r\nX-Evil: 1"),
        lambda: ApiKey("X Key", "k"),
        lambda: ApiKey("X-Key", "s3cret k"),
        lambda: BasicAuth("a:b", "s3cret"),
        lambda: BrokerTokens("127.0.0.1:8099"),
        lambda: BrokerTokens("http://user:s3cret@host"),
        lambda: BrokerTokens("http://[::1"),
        lambda: BrokerTokens("http://host:8099", secret="s3cret s3cret"),
    ],
)
def test_what_cannot_be_right_is_said_when_it_is_made_and_never_repeated(make):
    with pytest.raises(UsageError) as raised:
        make()
    assert "s3cret" not in str(raised.value)
    assert raised.value.slug == "bad-value"


def test_no_provider_shows_its_secret_in_its_repr(tokens):
    shown = repr([StaticToken("s3cret"), BasicAuth("u", "s3cret"), ApiKey("X", "s3cret"), tokens])
    assert "s3cret" not in shown


def test_nothing_of_fixed_credentials_is_sent_again_after_a_401():
    client = Client(refuses_all)
    assert StaticToken("abc").request(client, "GET", "/", catch_response=True).status_code == 401
    assert len(client.sent) == 1
    assert not client.answers[0].reported


def test_a_broker_token_is_fetched_once_and_renewed_ahead_of_its_expiry(clock, broker, tokens):
    client = Client()
    for second in range(100):
        clock.seconds = float(second)
        tokens.request(client, "GET", "/kafkas", name="list")
    assert [number_of(shown) for shown in client.shown] == [1] * 70 + [2] * 30
    assert [request.full_url for request in broker.requests] == ["http://127.0.0.1:8099/ocm_token"] * 2
    assert client.sent[0][:2] == ("GET", "/kafkas")
    assert client.sent[0][3] == {"name": "list"}


def test_a_401_renews_the_token_once_and_the_request_is_sent_once_more(broker, tokens):
    client = Client(refuses_the_first)
    response = tokens.request(client, "POST", "/kafkas", json={"name": "x"}, name="create", catch_response=True)
    assert response.status_code == 200
    assert [number_of(shown) for shown in client.shown] == [1, 2]
    assert client.sent[0][3] == client.sent[1][3]
    first, second = client.answers
    assert first.reported
    assert first.failed == "HTTP 401: the token was refused; it was renewed and the request sent once more"
    assert not second.reported  # it is the script's to judge
    assert second.failed is None
    refused = broker.requests[1].get_header("X-loadproof-refused")
    assert refused == fingerprint(client.shown[0].removeprefix("Bearer "))


def test_a_second_401_stands(broker, tokens):
    client = Client(refuses_all)
    assert tokens.request(client, "GET", "/").status_code == 401
    assert len(client.sent) == 2
    assert len(broker.requests) == 2


def test_a_service_that_refuses_every_token_makes_no_storm_of_renewals(clock, broker, tokens):
    client = Client(refuses_all)
    for tick in range(100):  # 10 s
        clock.seconds = tick / 10
        tokens.request(client, "GET", "/")
    assert len(broker.requests) == 3
    assert len(client.sent) == 102


def test_without_catch_response_the_refused_request_is_left_to_locust_which_has_recorded_it(tokens):
    client = Client(refuses_the_first)
    assert tokens.request(client, "GET", "/").status_code == 200
    assert not client.answers[0].reported


def test_users_that_were_refused_with_the_same_token_share_one_renewal(broker, tokens):
    clients = [Client(refuses_the_first) for _ in range(20)]
    for client in clients:
        tokens.apply(client)
    shown = clients[0].headers["Authorization"]
    assert all(tokens.on_unauthorized(client, shown) for client in clients)
    assert {number_of(client.headers["Authorization"]) for client in clients} == {2}
    assert len(broker.requests) == 2


@pytest.mark.parametrize(
    "options", [{"data": iter([b"x"])}, {"data": io.BytesIO(b"x")}, {"files": {"f": io.BytesIO(b"x")}}]
)
def test_a_body_that_can_be_read_only_once_is_not_sent_again(tokens, options):
    client = Client(refuses_all)
    assert tokens.request(client, "POST", "/", **options).status_code == 401
    assert len(client.sent) == 1


def test_a_streamed_answer_that_nobody_reads_is_closed(tokens):
    client = Client(refuses_the_first)
    tokens.request(client, "GET", "/", stream=True)
    assert [answer.closed for answer in client.answers] == [True, False]


def test_a_broker_that_is_down_is_asked_a_bounded_number_of_times_with_growing_pauses(clock, broker, tokens):
    broker.script = [URLError(ConnectionRefusedError(111, "Connection refused")) for _ in range(9)]
    with pytest.raises(TokenError) as raised:
        tokens.value()
    assert len(broker.requests) == 3
    first, second, last = clock.slept
    assert 0.5 <= first <= 1
    assert 1 <= second <= 2
    assert last == 1.0  # before the error: the task may come back at once
    assert str(raised.value) == (
        "the token broker at http://127.0.0.1:8099/ocm_token does not answer: Connection refused (is the broker "
        "running? curl http://127.0.0.1:8099/health shows its state) [no-token]"
    )
    assert (raised.value.slug, raised.value.final, raised.value.exit_code) == ("no-token", False, 3)


def test_a_valid_token_is_used_while_the_broker_is_down_and_nobody_is_kept_waiting(clock, broker, tokens):
    client = Client()
    tokens.apply(client)
    broker.script = [refusal(503, "No token: the issuer is down.\n", "2") for _ in range(50)]
    for tick in range(250):
        clock.seconds = 75 + tick / 10
        tokens.request(client, "GET", "/")
    assert {number_of(shown) for shown in client.shown} == {1}
    assert clock.slept == []
    assert len(broker.requests) <= 1 + 8  # pauses of 2 s at first, as it said, and of 4 to 8 s later


def test_what_the_broker_says_is_passed_on_and_its_wait_is_kept_to(clock, broker, tokens):
    broker.script = [refusal(503, "No token: the issuer is down.\nmore", "4")]
    assert number_of(tokens.value()) == 2
    assert clock.slept == [4.0]
    clock.seconds = 1000.0
    broker.script = [refusal(500, "broken") for _ in range(3)]
    with pytest.raises(TokenError, match=r"answered 500: broken \("):
        tokens.value()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusal(401), "answered 401: its shared secret belongs into LOADPROOF_BROKER_SECRET"),
        (refusal(404), "answered 404: is this its /ocm_token?"),
        (refusal(302), "answered 302: is this its /ocm_token?"),
        (b"<html>no token</html>", "is no token"),
        (b"a\r\nX-Evil: 1", "is no token"),
    ],
)
def test_what_asking_again_would_not_cure_is_not_asked_again(broker, tokens, answer, said):
    broker.script = [answer] * 3
    with pytest.raises(TokenError, match=said.replace("?", r"\?")) as raised:
        tokens.value()
    assert len(broker.requests) == 1
    assert raised.value.final


def test_an_expired_token_is_never_used_and_never_asked_for_in_a_loop(clock, broker, tokens):
    broker.lifetime = -1.0
    with pytest.raises(TokenError, match="had expired on arrival: compare this machine's clock with the issuer's"):
        tokens.value()
    assert len(broker.requests) == 3
    assert len(clock.slept) == 3


def test_a_token_that_is_no_jwt_is_used_until_the_service_refuses_it(clock, broker, tokens):
    broker.script = [b"opaque-1\n", b"opaque-2"]
    client = Client(lambda shown: Answer(401 if shown == "Bearer opaque-1" and clock.seconds > 1e6 else 200))
    tokens.request(client, "GET", "/")
    clock.seconds = 2e6
    assert tokens.request(client, "GET", "/").status_code == 200
    assert client.shown == ["Bearer opaque-1", "Bearer opaque-1", "Bearer opaque-2"]


def test_the_secret_of_the_broker_comes_from_the_environment(monkeypatch, clock, broker):
    monkeypatch.setenv("LOADPROOF_BROKER_SECRET", "s3cret")
    provider = BrokerTokens("http://broker:8099/ocm_token", timing=clock.timing)
    provider._opener = broker
    provider.value()
    assert broker.requests[0].get_header("X-loadproof-broker-secret") == "s3cret"


def test_the_refused_request_is_reported_when_no_other_token_is_to_be_had(broker, tokens):
    client = Client(refuses_all)
    tokens.apply(client)
    broker.script = [refusal(503) for _ in range(3)]
    with pytest.raises(TokenError, match="answered 503"):
        tokens.request(client, "GET", "/", catch_response=True)
    assert len(client.sent) == 1
    assert client.answers[0].reported
    assert client.answers[0].failed.startswith("HTTP 401: the token was refused")


class Service:
    """Gives out pairs that rotate; the last of each is valid."""

    def __init__(self, clock, lifetime=100.0):
        self.clock = clock
        self.lifetime = lifetime
        self.pairs = 0
        self.log = []
        self.valid_refresh = None
        self.rotates = True
        self.statuses = []

    def _pair(self):
        self.pairs += 1
        pair = {"access": jwt(n=self.pairs, exp=self.clock.now() + self.lifetime)}
        if self.rotates or self.valid_refresh is None:
            pair["refresh"] = self.valid_refresh = f"refresh-{self.pairs}"
        return pair

    def _fail(self):
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            raise TokenError(f"answered {status}", hint="x", final=status < 500)

    def login(self):
        self.log.append("login")
        self._fail()
        self.valid_refresh = None
        return self._pair()

    def refresh(self, token):
        self.log.append(token)
        self._fail()
        if token != self.valid_refresh:
            raise TokenError("answered 401", hint="x", final=True)
        return self._pair()


@pytest.fixture
def service(clock):
    return Service(clock)


@pytest.fixture
def pair(clock, service):
    return JwtPair(service.login, service.refresh, timing=clock.timing)


def test_a_session_goes_on_by_refreshing_with_the_token_that_came_last(clock, service, pair):
    client = Client()
    for second in range(0, 3600, 10):
        clock.seconds = float(second)
        pair.request(client, "GET", "/dashboard")
    assert service.log[:3] == ["login", "refresh-1", "refresh-2"]
    assert service.log.count("login") == 1
    assert len(service.log) == 1 + 3590 // 70


def test_a_refresh_token_that_does_not_rotate_is_used_again(clock, service, pair):
    service.rotates = False
    for second in (0, 70, 140):
        clock.seconds = float(second)
        pair.value()
    assert service.log == ["login", "refresh-1", "refresh-1"]


def test_a_refused_refresh_token_leads_to_a_login_and_not_to_the_end(clock, service, pair):
    pair.value()
    service.valid_refresh = "somebody else's"
    clock.seconds = 70.0
    assert number_of(pair.value()) == 2
    assert service.log == ["login", "refresh-1", "login"]
    clock.seconds = 140.0
    pair.value()
    assert service.log[-1] == "refresh-2"


def test_a_service_that_is_down_keeps_its_refresh_token_for_the_next_try(clock, service, pair):
    pair.value()
    service.statuses = [503]
    clock.seconds = 70.0
    assert number_of(pair.value()) == 1  # still valid
    clock.seconds = 80.0
    assert number_of(pair.value()) == 2
    assert service.log == ["login", "refresh-1", "refresh-1"]


def test_a_refused_login_is_tried_once_and_then_left_alone_for_a_while(clock, service, pair):
    service.statuses = [401] * 99
    for _ in range(5):
        with pytest.raises(TokenError) as raised:
            pair.value()
    assert service.log == ["login"]
    assert clock.slept == [1.0] * 5
    assert raised.value.final
    assert str(raised.value) == (
        "answered 401 (is the account there, active and verified, and is its password right?) [no-token]"
    )


def test_a_login_that_nobody_answers_is_tried_a_bounded_number_of_times(clock, service, pair):
    service.statuses = [503] * 99
    with pytest.raises(TokenError, match="answered 503"):
        pair.value()
    assert service.log == ["login"] * 3


def test_without_a_refresh_call_each_renewal_is_a_login(clock, service):
    pair = JwtPair(service.login, timing=clock.timing)
    for second in (0, 70, 140):
        clock.seconds = float(second)
        pair.value()
    assert service.log == ["login"] * 3


def test_a_401_refreshes_the_pair_and_sends_once_more(service, pair):
    client = Client(refuses_the_first)
    assert pair.request(client, "GET", "/").status_code == 200
    assert service.log == ["login", "refresh-1"]


@pytest.mark.parametrize(
    ("given", "renewed_at"),
    [
        ({"access": "opaque", "expires_in": 100}, 70.0),
        ({"access": "opaque"}, None),
        ({"access": "opaque", "expires_in": "soon"}, None),
        ({"access": jwt(exp=5)}, None),  # long over by this machine's clock: the service decides
    ],
)
def test_the_life_of_an_access_token_is_read_from_it_or_from_beside_it(clock, given, renewed_at):
    logins = []

    def login():
        logins.append(clock.seconds)
        return given

    pair = JwtPair(login, timing=clock.timing)
    for second in range(200):
        clock.seconds = float(second)
        pair.value()
    assert logins[1:2] == ([] if renewed_at is None else [renewed_at])


def test_an_answer_without_an_access_token_names_the_key(clock):
    pair = JwtPair(lambda: {"access_token": "x"}, timing=clock.timing)
    with pytest.raises(TokenError, match="the service gave no access token under 'access'"):
        pair.value()
    assert JwtPair(lambda: {"access_token": "x"}, access_key="access_token").value() == "Bearer x"


def test_fetching_a_pair_is_a_request_with_a_name_and_without_the_stale_token():
    client = Client(lambda _: Answer(200, {"access": "a"}))
    client.headers["Authorization"] = "Bearer stale"
    assert fetch_pair(client, "/auth/token/refresh", json={"refresh": "r"}, name="refresh") == {"access": "a"}
    method, url, shown, options = client.sent[0]
    assert (method, url, shown) == ("POST", "/auth/token/refresh", None)
    assert options == {"json": {"refresh": "r"}, "name": "refresh", "catch_response": True}
    assert client.headers == {"Authorization": "Bearer stale"}
    assert client.answers[0].reported
    assert client.answers[0].failed is None


@pytest.mark.parametrize(
    ("answer", "said", "final", "failed"),
    [
        (Answer(401, {"detail": "no"}), "POST login answered 401", True, None),
        (Answer(429), "POST login answered 429", False, None),
        (Answer(503), "POST login answered 503", False, None),
        (Answer(0), "POST login does not answer", False, None),
        (Answer(200), "POST login answered 200, but no JSON object", True, "the answer is no JSON object"),
        (Answer(200, ["a"]), "POST login answered 200, but no JSON object", True, "the answer is no JSON object"),
    ],
)
def test_a_pair_that_is_not_given_is_an_error_of_that_user_alone(answer, said, final, failed):
    client = Client(lambda _: answer)
    with pytest.raises(TokenError) as raised:
        fetch_pair(client, "/login", json={}, name="login")
    assert (raised.value.what, raised.value.final) == (said, final)
    assert not isinstance(raised.value, SystemExit)
    assert (answer.reported, answer.failed) == (True, failed)


def test_every_problem_of_tokens_mails_and_their_servers_has_an_entry_in_the_manual():
    root = Path(__file__).parents[3]
    kit = root / "src/loadproof/kit"
    sources = [kit / "tokens.py", kit / "inbox.py", *(kit / "servers").glob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    raised = set(re.findall(r'(?:slug(?:: str)? ?= ?|Problem\(|refused_start\()"([a-z-]+)"', code))
    headings = re.findall(r"^## ([a-z-]+)$", (root / "docs/messages.md").read_text(encoding="utf-8"), re.MULTILINE)
    known = {"no-token", "bad-value", "inbox", "no-token-in-mail", "broker-start", "broker-secret", "server-port"}
    assert raised == known | {"missing-extra"}
    assert raised <= set(headings)
