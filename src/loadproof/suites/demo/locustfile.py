"""People in a small shop: most look around, some buy."""

import random

from locust import HttpUser, between, task


class Browser(HttpUser):
    """Looks at the list and at single products."""

    weight = 3
    wait_time = between(0.05, 0.2)

    @task
    def open_shop(self) -> None:
        """Open the front page."""
        self.client.get("/", name="home")

    @task(3)
    def list_products(self) -> None:
        """Ask for the whole list."""
        self.client.get("/api/products", name="list products")

    @task(5)
    def view_product(self) -> None:
        """Look at one product."""
        self.client.get(f"/api/products/{random.randint(1, 20)}", name="view product")


class Buyer(HttpUser):
    """Puts things into the cart and pays."""

    weight = 1
    wait_time = between(0.05, 0.2)

    @task(2)
    def add_to_cart(self) -> None:
        """Put one product into the cart."""
        self.client.post("/api/cart", json={"product": random.randint(1, 20), "quantity": 1}, name="add to cart")

    @task
    def checkout(self) -> None:
        """Pay, and see that the order was really made."""
        order = {"product": random.randint(1, 20), "quantity": random.randint(1, 3)}
        with self.client.post("/api/checkout", json=order, name="checkout", catch_response=True) as response:
            # Statuses of 400 and more are failures by themselves; this is what no status tells.
            if response.status_code == 200 and response.json()["state"] != "confirmed":
                response.failure("the order was not confirmed")
