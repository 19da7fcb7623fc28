"""Nested and sequential task sets, tags, a custom timed event."""

from locust import HttpUser, SequentialTaskSet, TaskSet, constant, tag, task
from locust.exception import StopUser


class Browse(TaskSet):
    def on_start(self):
        self.pages = 0

    @task
    class Album(SequentialTaskSet):
        @task
        def first(self):
            self.client.get("/item/1", name="first")

        @task
        def second(self):
            self.parent.pages += 1
            self.client.get("/item/2", name="second")

        @task
        def leave(self):
            if self.parent.pages >= 3:
                raise StopUser
            self.interrupt(reschedule=False)


class Reader(HttpUser):
    fixed_count = 2
    wait_time = constant(0.001)
    tasks = [Browse]  # noqa: RUF012 - as Locust's users write it


class Tagged(HttpUser):
    fixed_count = 1
    wait_time = constant(0.001)

    @tag("slow")
    @task(50)
    def never(self):
        self.client.get("/item/99", name="excluded")

    @tag("quick", "both")
    @task
    def once(self):
        self.client.get("/visits", name="tagged")
        with self.environment.events.request.measure("STEP", "measured") as meta:
            self.client.get("/visits", name="measured from inside")
            meta["response_length"] = 5
        raise StopUser
