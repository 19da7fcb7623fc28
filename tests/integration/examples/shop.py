"""Weighted tasks, a login on start, checks of answers."""

from locust import HttpUser, constant, events, task
from locust.exception import StopUser

heard = {"requests": 0, "failures": 0, "bytes": 0}


@events.request.add_listener
def count(exception, response_length, **_):
    heard["requests"] += 1
    heard["failures"] += exception is not None
    heard["bytes"] += response_length or 0


@events.quitting.add_listener
def tell(environment, **_):
    print("heard", heard["requests"], heard["failures"], heard["bytes"])  # noqa: T201 - what the test reads


class Customer(HttpUser):
    weight = 3
    wait_time = constant(0.001)
    rounds = 0

    def on_start(self):
        self.client.post("/login", data={"name": "joe", "password": "secret"})
        self.client.headers["X-Customer"] = "1"

    def on_stop(self):
        self.client.get("/logout", name="leave")

    @task
    def shop(self):
        self.rounds += 1
        if self.rounds > 4:
            raise StopUser
        for item in (1, 2):
            self.client.get(f"/item/{item}", name="/item/[n]")
        self.client.get("/member")
        self.client.post("/echo", json={"item": 1}, params={"round": str(self.rounds)})
        with self.client.get("/basic", catch_response=True) as response:
            if response.status_code == 401:
                response.success()
        with self.client.rename_request("grouped"):
            self.client.get(f"/item/{self.rounds}")


class Guest(HttpUser):
    fixed_count = 1
    wait_time = constant(0.001)

    @task
    def look(self):
        self.client.get("/member", name="refused")
        with self.client.get("/item/3", name="too dear", catch_response=True) as response:
            if response.json()["item"] > 2:
                response.failure("too dear")
        self.client.get("/go/302")
        self.client.post("/echo", files={"f": ("n.txt", b"content")}, name="upload")
        raise StopUser
