"""``HttpUser.client``: Locust's session with its everyday calls on our own wire.

Whatever a call or the session's settings ask for beyond the everyday is prepared by requests, counted by reason, so
that nothing ever breaks; where our wire can send it, it does. A request is never sent twice.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import locust.clients
from gevent import GreenletExit
from requests.auth import HTTPBasicAuth
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, RequestException
from requests.models import REDIRECT_STATI

from loadproof.http.accounting import accounting
from loadproof.http.body import authorization, body_of, documents
from loadproof.http.cookies import WatchedJar, cookie_line
from loadproof.http.event import RequestEvent
from loadproof.http.fallback import LONGEST_TIMEOUT, fallbacks, is_timeout, what_wants_urllib3
from loadproof.http.response import Response, decode, prepared
from loadproof.http.settings import LeanSession
from loadproof.http.target import target_for, target_with
from loadproof.http.wire import WireError, keep, raise_as_requests

if TYPE_CHECKING:
    from loadproof.http.stamps import Stamps

_NUMBERS = frozenset({int, float})
_PLAIN_BODIES = frozenset({str, bytes, dict, list, tuple})
_OPTIONS = frozenset({"cookies", "files", "proxies", "hooks", "stream", "cert"})
"""Options that requests serves when they are given; empty ones mean nothing."""


class _BeyondUsError(Exception):
    """What a call asks for is for requests to do; the message is the reason."""


class CaughtResponse(locust.clients.ResponseContextManager):  # type: ignore[misc]  # Locust is not checked
    """A response of requests whose report is up to the ``with`` block."""

    def __exit__(self, exc: Any, value: Any, tb: Any) -> bool | None:  # noqa: PYI036 - Locust's
        """Locust's own, then the account."""
        return accounting.account(self, exc, super().__exit__(exc, value, tb))


class Session(LeanSession):
    """Locust's ``HttpSession``; same arguments, same behaviour."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user_class = "" if self.user is None else type(self.user).__name__

    def get(
        self, url: str, *, data: Any = None, json: Any = None, headers: Any = None, name: str | None = None,
        catch_response: bool = False, **more: Any,
    ) -> Any:  # fmt: skip
        """Locust's own; everyday arguments are handed on by themselves, which takes half as long as in a ``**``."""
        if more or self._requests_otherwise or type(self).request is not _own_request:
            return super().get(url, data=data, json=json, **_given(headers, name, catch_response), **more)
        return self.request("GET", url, name, catch_response, data=data, json=json, headers=headers)

    def post(
        self, url: str, data: Any = None, json: Any = None, *, headers: Any = None, name: str | None = None,
        catch_response: bool = False, **more: Any,
    ) -> Any:  # fmt: skip
        """Locust's own; see ``get``."""
        if more or self._requests_otherwise or type(self).request is not _own_request:
            return super().post(url, data, json, **_given(headers, name, catch_response), **more)
        return self.request("POST", url, name, catch_response, data=data, json=json, headers=headers)

    def request(  # noqa: C901, PLR0912 - the hot path, in one piece: each call costs a hundredth of a request
        self,
        method: str,
        url: str,
        name: str | None = None,
        catch_response: bool = False,
        context: dict[str, Any] = {},  # noqa: B006 - Locust's own default; it is never written to
        *,
        data: Any = None,
        json: Any = None,
        params: Any = None,
        headers: Any = None,
        auth: Any = None,
        timeout: Any = None,
        allow_redirects: bool = True,
        verify: Any = None,
        **options: Any,
    ) -> Any:
        """Send a request, as Locust's own ``request`` would; see there."""
        if accounting.before_send is not None:
            accounting.before_send()
        began = time.perf_counter()
        given = auth
        if auth is None:
            auth = self.auth
        beyond = ""
        response: Any
        try:
            if (
                options
                or (auth is not None and type(auth) is not HTTPBasicAuth)
                or (timeout is not None and (type(timeout) not in _NUMBERS or not 0 < timeout <= LONGEST_TIMEOUT))
                or (data is not None and type(data) not in _PLAIN_BODIES)
                or type(method) is not str
                or type(url) is not str
                or self._looked_at
            ):
                self._leave_to_requests(method, url, data, auth, timeout, options)
            if wanted := what_wants_urllib3():
                raise _BeyondUsError(wanted)  # noqa: TRY301 - both ways on are below
            response = self._answer(method, url, data, json, params, headers, auth, timeout, allow_redirects, verify)
        except _BeyondUsError as reason:
            beyond = str(reason)
        except (MissingSchema, InvalidSchema, InvalidURL):
            raise
        except RequestException as error:
            response = locust.clients.ResponseContextManager(error)
        if beyond:  # not while the reason is handled: it would become the cause of whatever happens now
            fallbacks[beyond] += 1
            more = {
                "data": data, "json": json, "params": params, "headers": headers, "auth": given, "timeout": timeout,
                "allow_redirects": allow_redirects, "verify": verify, **options,
            }  # fmt: skip
            return accounted(super().request, method, url, name, catch_response, context, **more)

        if self.request_name and not name:
            name = self.request_name
        if self.user is not None and (own := self.user.context()):
            context = {**own, **context}
        if type(response) is not Response:
            seconds = time.perf_counter() - began
            return self._handed_on(response, seconds, method, url, name, context, catch=catch_response)
        response.user_class = self._user_class
        response._name = name or response._target.path_url  # noqa: SLF001
        response._context = context  # noqa: SLF001
        event = response._request_event = self.request_event  # noqa: SLF001
        if catch_response:
            response._catch_response = True  # noqa: SLF001
        elif response.status_code < 400 and type(event) is RequestEvent and event.unheard:
            event.sink.on_answer(response.measured())
        else:
            response.__exit__(None, None, None)
        return response

    def _leave_to_requests(  # noqa: PLR0917 - those of the call
        self, method: Any, url: Any, data: Any, auth: Any, timeout: Any, options: dict[str, Any]
    ) -> None:
        """Raise where requests must serve a call."""
        settings = self.what_settings_want()
        asked = next((name for name, value in options.items() if value or name not in _OPTIONS), None)
        for applies, reason in (
            (settings, settings),
            (asked, asked if asked in _OPTIONS else "unknown argument"),
            (data is not None and type(data) not in _PLAIN_BODIES, "body"),
            (timeout is not None and not is_timeout(timeout), "timeout"),
            (auth is not None and type(auth) is not HTTPBasicAuth and not _is_pair(auth), "auth"),
            (type(method) is not str or type(url) is not str, "method or url"),
        ):
            if applies:
                raise _BeyondUsError(reason)

    def _answer(  # noqa: C901, PLR0912, PLR0917 - the hot path, as above
        self, method: str, url: str, data: Any, json: Any, params: Any, headers: Any, auth: Any, timeout: Any,
        allow_redirects: bool, verify: Any,
    ) -> Any:  # fmt: skip
        """The answer, redirects followed; raises what requests would raise."""
        where = target_with(method, self.base_url, url, params) if params else target_for(method, self.base_url, url)
        try:
            head = self.head_lines(headers)
        except UnicodeEncodeError:
            raise _BeyondUsError("header encoding") from None
        if head.hard or where.odd:
            raise _BeyondUsError("headers" if head.hard else "method or url")
        extra = signed = b""
        jar = self._jar
        if jar is not None and (type(jar) is not WatchedJar or jar._cookies) and "cookie" not in head.names:  # type: ignore[attr-defined]  # noqa: SLF001
            extra = jar.line(where, head) if type(jar) is WatchedJar else cookie_line(jar, where, head)
        if auth is not None:
            if "authorization" in head.names:
                raise _BeyondUsError("two authorizations")
            signed = authorization(auth)
        if data or json is not None:
            try:
                if data:
                    body, described, shown = body_of(where.upper, data, head)
                else:
                    body, described, shown = documents.body_of(json, head)
            except ValueError:
                raise _BeyondUsError("body") from None  # requests says what is wrong with it
            extra += described + signed
            request = b"".join((where.start, head.lines, extra, b"\r\n", body))
            size = len(body)
        else:
            extra += where.empty + signed
            shown = None
            request = where.start + head.lines + extra + b"\r\n"
            size = 0
        if verify is None:
            verify = self.verify
        failure: WireError | None = None
        try:
            connection, stamps = self._wire.exchange(where, verify, request, timeout, size)
        except WireError as error:
            failure = error
        if failure is not None:
            raise_as_requests(failure, where, prepared(where, head, extra, shown), timeout)
        answer = connection.head
        response = Response(answer, connection.body, where, (head, extra, shown), stamps)
        if connection.reusable:
            keep(connection)
        if answer.sets_cookies:
            extract_cookies_to_jar(self.cookies, response.request, response.raw)  # type: ignore[no-untyped-call]
        if answer.encoded and response._raw_body:  # noqa: SLF001
            decode(response)
        if answer.status in REDIRECT_STATI:
            return self._redirected(response, timeout, verify, follow=allow_redirects)
        return response

    def _redirected(self, response: Response, timeout: Any, verify: Any, *, follow: bool) -> Any:
        """The end of a redirect chain, whose further hops requests works out."""
        settings = self.merge_environment_settings(response.url, {}, None, verify, None)
        further = {"timeout": timeout, **settings}
        if not follow:
            step = self.resolve_redirects(response, response.request, yield_requests=True, **further)
            response._next = next(step, None)  # noqa: SLF001
            return response
        history = [response, *self.resolve_redirects(response, response.request, **further)]
        if len(history) == 1:
            return response
        last = history.pop()
        last.history = history
        return last

    def _handed_on(  # noqa: PLR0917 - those of the call that it ends
        self, response: Any, seconds: float, method: str, url: str, name: str | None, context: Any, *, catch: bool
    ) -> Any:
        """Report an answer, or a failure, that requests has made: as Locust does, word by word."""
        stamps = _chain_of(response)
        if stamps is not None:
            response.stamps = stamps
            seconds = stamps.seconds
        if first := ((response.history and response.history[0]) or response).request:
            complete_url, path = str(first.url), first.path_url
        else:
            complete_url, path = self._build_url(url), str(url)
        response.__class__ = CaughtResponse
        response.user_class = self._user_class
        response._request_event = self.request_event  # noqa: SLF001
        response._entered = False  # noqa: SLF001
        response._manual_result = None  # noqa: SLF001
        response._catch_response = catch  # noqa: SLF001
        response.request_meta = {
            "request_type": method,
            "response_time": seconds * 1000,
            "name": name or path,
            "context": dict(context),
            "response": response,
            "exception": None,
            "start_time": time.time() - seconds,
            "url": complete_url,
            "response_length": len(response.content or b""),
        }
        if not catch:
            response.__exit__(None, None, None)
        return response


_own_request = Session.request


def _given(headers: Any, name: str | None, catch_response: bool) -> dict[str, Any]:
    """What a script gave: a ``request`` of its own is to find what Locust would hand it, and no more."""
    given: dict[str, Any] = {}
    if headers is not None:
        given["headers"] = headers
    if name is not None:
        given["name"] = name
    if catch_response is not False:
        given["catch_response"] = catch_response
    return given


def _is_pair(auth: Any) -> bool:
    return type(auth) is tuple and len(auth) == 2


def _chain_of(response: Any) -> Stamps | None:
    """From the first send to the last byte of a redirect chain; None where a hop was not ours."""
    hops = [*response.history, response]
    stamps = [getattr(hop, "stamps", None) for hop in hops]
    first, last = stamps[0], stamps[-1]
    if len(hops) == 1 or first is None or last is None or None in stamps:
        return None
    chain: Stamps = first._replace(
        ended_ns=first.sent_ns + (last.began_ns - first.began_ns) + (last.ended_ns - last.sent_ns),
        first_byte_ns=None,
        kernel=last.kernel,
    )
    return chain


def accounted(request: Any, *args: Any, **kwargs: Any) -> Any:
    """Call Locust's own ``request``, and count what it would lose."""
    try:
        response = request(*args, **kwargs)
    except GreenletExit as error:
        accounting.killed(error)
        raise
    if response._catch_response and type(response) is locust.clients.ResponseContextManager:  # noqa: SLF001
        response.__class__ = CaughtResponse
    return response
