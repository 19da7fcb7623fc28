"""A locustfile that Loadproof itself brings: it turns the service of the job into a user class.

Locust imports this file by path, like any locustfile; the job is read from ``loadproof.load.job``.
"""

from __future__ import annotations

import re
from typing import Any

from locust import HttpUser, SequentialTaskSet, constant

from loadproof.load.job import current_job


def _task(request: dict[str, Any], timeout: float) -> Any:
    method, path, headers = request["method"], request["path"], request["headers"] or None
    name = request["name"] or path
    document, data = request["json_body"], None if request["body"] is None else request["body"].encode()
    expected = frozenset(request["expect"])

    # Options by themselves instead of in a ``**``: what runs for every request of a service is here.
    def send_plainly(user: Any) -> None:
        user.client.request(method, path, name, data=data, json=document, headers=headers, timeout=timeout)

    def send(user: Any) -> None:
        with user.client.request(
            method, path, name, catch_response=True, data=data, json=document, headers=headers, timeout=timeout
        ) as response:
            status = response.status_code
            if status in expected:
                if status >= 400:
                    response.success()
                    response.request_meta["context"]["outcome"] = "expected"
            elif 0 < status < 400:
                response.failure(f"HTTP {status}, expected {sorted(expected)}")

    task = send if expected else send_plainly
    task.__name__ = re.sub(r"\W+", "_", f"{method}_{name}").strip("_") or "request"
    return task


class _Sequence(SequentialTaskSet):  # type: ignore[misc]  # Locust is not checked
    """The requests of a service in the listed order."""

    def execute_task(self, task: Any) -> None:
        """Give a task the user, as where they are mixed; none is a task set."""
        task(self.user)


def _user_class(service: dict[str, Any]) -> type[HttpUser]:
    """The user class of a service: its requests in the listed order, or a random mix where weights are given."""
    tasks = [_task(request, service["timeout"]) for request in service["requests"]]
    weights = [request["weight"] for request in service["requests"]]

    def on_start(self: Any) -> None:
        client = self.client
        client.headers.update(service["headers"])
        client.verify = (service["ca_file"] or True) if service["verify"] else False
        if service["client_cert"]:
            client.cert = service["client_cert"]
        if service["proxy"]:
            client.proxies = {"http": service["proxy"], "https": service["proxy"]}
        if service["auth"]:
            client.auth = tuple(service["auth"])

    wait_time = constant(service["wait"])
    body: dict[str, Any] = {
        "__module__": __name__,
        "host": service["base_url"],
        "wait_time": wait_time,
        "on_start": on_start,
    }
    if any(weight is not None for weight in weights):
        body["tasks"] = dict(zip(tasks, _whole(weights), strict=True))
    else:
        body["tasks"] = [type("InListedOrder", (_Sequence,), {"tasks": tasks, "wait_time": wait_time})]
    return type(_class_name(service["name"]), (HttpUser,), body)


def _whole(weights: list[float]) -> list[int]:
    """Weights as small whole numbers, as Locust repeats a task once per weight: 0.5 and 1.5 become 1 and 3."""
    for factor in (1, 2, 4, 5, 10, 20, 50, 100, 1000):
        scaled = [weight * factor for weight in weights]
        if all(abs(value - round(value)) < 1e-9 for value in scaled):
            break
    return [max(1, round(value)) for value in scaled]


def _class_name(service: str) -> str:
    words = re.split(r"\W+|_", service)
    return "".join(word[:1].upper() + word[1:] for word in words if word) + "User"


def _from_job() -> dict[str, type[HttpUser]]:
    service = current_job()["service"]
    assert service is not None, "the supervisor names this file only for a service"
    user_class = _user_class(service)
    return {user_class.__name__: user_class}


globals().update(_from_job())  # under its own name and no other: Locust takes each name for a class
