"""A shape decides how many users there are, and when it ends."""

from locust import HttpUser, LoadTestShape, constant, task


class Looker(HttpUser):
    wait_time = constant(0.05)

    @task
    def look(self):
        self.client.get("/item/1", name="look")


class Steps(LoadTestShape):
    def tick(self):
        ran = self.get_run_time()
        return (1, 10) if ran < 1 else (3, 10) if ran < 2 else None
