"""A suite of the request API as teams have it: plain Locust, nothing of Loadproof.

It keeps what such suites do, mistakes included: no wait_time, one poll a second, and neither FAILED nor a timeout is
reported.
"""

import time

from locust import HttpUser, task

CHECK_FILE = {
    "params": {
        "type": "check_file",
        "collection": "article_4_direction",
        "dataset": "article_4_direction_area",
        "original_filename": "a-field.jpg",
        "uploaded_filename": "B1E16917-449C-4FC5-96D1-EE4255A79FB1",
    }
}


class RequestUser(HttpUser):
    @task
    def create_and_poll(self):
        request_id = self.client.post("/requests", json=CHECK_FILE).json()["id"]
        seconds_waited = 0
        while seconds_waited <= 30:
            status = self.client.get(f"/requests/{request_id}", name="/requests/{id}").json()["status"]
            print(f"request {request_id}: {status}")  # noqa: T201 - as such suites do
            if status == "COMPLETE":
                break
            time.sleep(1)
            seconds_waited += 1
