"""Which answers of the scanning service are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadproof.kit import Expectation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CLOSED = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)  # not: refused, which is nobody there

UNAUTHORISED = Expectation(ok={401})
"""A wrong password must be refused."""


def versions(threshold: int) -> Expectation:
    """What ``/check_version`` must answer: outdated definitions are a 500, and fine while they lag no further.

    Args:
        threshold: Versions that the definitions may be behind.
    """

    def wrong(response: Any) -> str | None:
        answer = _decoded(response)
        try:
            actual, required = int(answer["clamd-actual"]), int(answer["clamd-required"])
        except (KeyError, TypeError, ValueError):
            return f"HTTP {response.status_code} without versions"
        return f"more than {threshold} versions behind" if actual < required - threshold else None

    return Expectation(ok={200, 500}, check=wrong)


def verdict(*, malware: bool, threshold: float) -> Expectation:
    """What a scan must answer.

    Args:
        malware: Whether something must be found.
        threshold: Seconds that clamd may take, by the answer's ``time``.
    """
    return Expectation(ok={200}, check=_check_of_scan(malware=malware, threshold=threshold))


def _check_of_scan(*, malware: bool, threshold: float) -> Callable[[Any], str | None]:
    def wrong(response: Any) -> str | None:
        answer = _decoded(response)
        if answer is None:
            return "Failed to decode response"
        if bool(answer.get("malware")) is not malware:
            return "malware was not found" if malware else "malware was found in a clean file"
        seconds = answer.get("time")
        if not isinstance(seconds, int | float) or isinstance(seconds, bool):
            return "the answer has no time"
        return f"clamd took longer than {threshold:g} s" if seconds > threshold else None

    return wrong


def _decoded(response: Any) -> dict[str, Any] | None:
    """The answer as an object; None where it is none."""
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def was_reset(response: Any) -> bool:
    """Whether the server closed the connection instead of an answer, as it may before it has read a body."""
    error = getattr(response, "error", None)
    return not response.status_code and any(isinstance(cause, _CLOSED) for cause in _causes(error))


def _causes(error: Any) -> Iterator[BaseException]:
    """An exception and all that it was made of: requests wraps urllib3's, which wraps the one of the socket."""
    seen: set[int] = set()
    left = [error]
    while left:
        this = left.pop()
        if isinstance(this, BaseException) and id(this) not in seen:
            seen.add(id(this))
            yield this
            left += [this.__cause__, this.__context__, getattr(this, "reason", None), *this.args]
