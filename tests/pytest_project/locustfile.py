"""What the project's load tests do to the shop."""

from __future__ import annotations

from locust import HttpUser, constant, task


class Buyer(HttpUser):
    """Every second order is refused."""

    wait_time = constant(0.01)

    @task
    def order(self):
        self.client.post("/every/2", name="/orders")


class Shopper(HttpUser):
    wait_time = constant(0.01)

    @task(5)
    def look_at_products(self):
        self.client.get("/ok", name="/products")

    @task
    def search(self):
        self.client.get("/slow/100", name="/search")
