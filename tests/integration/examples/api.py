"""REST calls of both kinds of users; FastHttpUser as it is."""

from locust import FastHttpUser, HttpUser, constant, task
from locust.exception import StopUser


class Rest(HttpUser):
    fixed_count = 1
    wait_time = constant(0.001)

    @task
    def calls(self):
        for n in range(3):
            with self.rest("GET", f"/item/{n}", name="rest") as response:
                if response.js["item"] == 1:
                    response.failure("one is wrong")
        with self.rest("GET", "/login", name="no json"):
            pass
        with self.rest("POST", "/echo", json={"a": 1}) as response:
            assert response.js["json"] == {"a": 2}, "not two"
        raise StopUser


class Fast(FastHttpUser):
    fixed_count = 1
    wait_time = constant(0.001)

    @task
    def calls(self):
        for n in range(3):
            with self.rest("GET", f"/item/{n}", name="fast rest") as response:
                if response.js["item"] == 1:
                    response.failure("one is wrong")
        self.client.post("/login", data={"name": "joe", "password": "secret"}, name="fast login")
        self.client.get("/member", name="fast member")
        with self.client.get("/basic", catch_response=True, name="fast basic") as response:
            response.success()
        self.client.get("/basic", name="fast refused")
        raise StopUser
