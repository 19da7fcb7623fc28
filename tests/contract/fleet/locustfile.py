"""A suite written from the contract alone, in the style of its time: plain Locust and requests, no framework.

It is an input of tests: the fleet API and the token broker must serve it as they serve our own suite.
"""

import base64
import json
import os
import random
import string
import time
from random import randrange

import requests
from locust import HttpUser, constant_pacing, task

BASE = os.environ.get("BASE_API_URL", "/api/managed-services-api/v1")
TOKEN_URL = os.environ["TOKEN_URL"]
GET_ONLY = os.environ.get("PERF_TEST_GET_ONLY", "TRUE") == "TRUE"
KAFKAS = int(os.environ.get("PERF_TEST_KAFKAS_PER_WORKER", "0"))

kafkas_list = []
service_acc_list = []


def expiry(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]


def random_name():
    return "".join(random.choice(string.ascii_lowercase) for _ in range(15))


class QuickstartUser(HttpUser):
    wait_time = constant_pacing(0.5)

    def on_start(self):
        time.sleep(random.uniform(0.1, 0.3))
        self.get_token()

    def get_token(self):
        token = requests.get(TOKEN_URL, timeout=10).text.strip()
        if expiry(token) > time.time():
            self.client.headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}

    @task
    def main_task(self):
        if not GET_ONLY and len(kafkas_list) < KAFKAS:
            self.create_kafka()
            self.create_service_account()
        draw = randrange(0, 99)
        if draw < 5:
            self.handle(self.client.get(f"{BASE}/serviceaccounts", catch_response=True, name="/serviceaccounts"))
        elif draw < 15:
            self.handle(self.client.get(f"{BASE}/cloud_providers", catch_response=True, name="/cloud_providers"))
        elif draw < 20:
            path = "/cloud_providers/aws/regions"
            self.handle(self.client.get(f"{BASE}{path}", catch_response=True, name=path))
        elif draw < 25:
            self.one_kafka()
        elif draw < 65:
            self.handle(self.client.get(f"{BASE}/kafkas", catch_response=True, name="/kafkas"))
        else:
            status = random.choice(["accepted", "preparing", "provisioning", "ready"])
            search = f"cloud_provider%20=%20aws%20and%20status%20=%20{status}%20and%20name%20%3C%3E%20{random_name()}"
            url = f"{BASE}/kafkas?search={search}"
            self.handle(self.client.get(url, catch_response=True, name="/kafkas?search"))
        if draw > 94 and not GET_ONLY:
            self.cleanup()

    def one_kafka(self):
        if not kafkas_list:
            return
        kafka = random.choice(kafkas_list)
        self.handle(self.client.get(f"{BASE}/kafkas/{kafka}", catch_response=True, name="/kafkas/[id]"))
        for path in ("/metrics/query", "/metrics/query_range?duration=5&interval=30"):
            name = f"/kafkas/[id]{path.split('?')[0]}"
            self.handle(self.client.get(f"{BASE}/kafkas/{kafka}{path}", catch_response=True, name=name))

    def create_kafka(self):
        body = {"cloud_provider": "aws", "region": "us-east-1", "name": random_name(), "multi_az": True}
        with self.client.post(
            f"{BASE}/kafkas?async=true", data=json.dumps(body), catch_response=True, name="/kafkas"
        ) as response:
            if response.status_code == 202 and "id" in response.json():
                kafkas_list.append(response.json()["id"])
                response.success()
            elif response.status_code == 409:
                response.success()
            else:
                self.renew_if_refused(response)

    def create_service_account(self):
        body = {
            "name": random_name(),
            "description": "Created by the performance test suite of the API",
            "id": "",
            "href": "",
            "clientID": "",
            "clientSecret": "",
        }
        with self.client.post(
            f"{BASE}/serviceaccounts", data=json.dumps(body), catch_response=True, name="/serviceaccounts"
        ) as response:
            if self.renew_if_refused(response):
                return
            account = response.json()["id"]
            assert response.json()["clientID"].startswith("srvc-acct-")
            service_acc_list.append(account)
        url = f"{BASE}/serviceaccounts/{account}/reset-credentials"
        self.handle(self.client.post(url, catch_response=True, name="/serviceaccounts/[id]/reset-credentials"))

    def cleanup(self):
        for ids, path, query in ((kafkas_list, "/kafkas", "?async=true"), (service_acc_list, "/serviceaccounts", "")):
            if ids:
                gone = ids.pop()
                with self.client.delete(
                    f"{BASE}{path}/{gone}{query}", catch_response=True, name=f"{path}/[id]"
                ) as response:
                    if self.renew_if_refused(response):
                        ids.append(gone)
                    elif response.status_code == 404 and "not found" in response.json()["reason"]:
                        response.success()

    def renew_if_refused(self, response):
        if response.status_code == 401:
            response.success()
            self.get_token()
        return response.status_code == 401

    def handle(self, block):
        with block as response:
            if not self.renew_if_refused(response) and response.status_code in (404, 409):
                response.success()
