"""A suite of the scanning service as teams have it: plain Locust, nothing of Loadproof.

It keeps what such suites do, mistakes included: success is declared before anything is looked at, versions are read
from any 500, the user's file goes out a kilobyte at a time, and ``REQUESTS_LOGGING=false`` switches logging on.
"""

import json
import logging
import os
from http.client import HTTPConnection
from pathlib import Path

from locust import HttpUser, task

AUTH = (os.environ.get("PERF_USER", "app1"), os.environ.get("PERF_PWD", "letmein"))
USER_FILE = os.environ.get("USER_FILE", "client-examples/5MiB.bin")
RESPONSE_THRESHOLD = float(os.environ.get("CLAMD_RESPONSE_THRESHOLD", "0.01"))
VERSION_THRESHOLD = int(os.environ.get("CLAMD_VERSION_THRESHOLD", "3"))
EICAR = (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$", b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*")
LOREM = (b"Lorem ipsum dolor sit amet, ", b"consectetur adipiscing elit, ", b"sed do eiusmod ", b"tempor.")

if bool(os.environ.get("REQUESTS_LOGGING")):
    HTTPConnection.debuglevel = 1
    logging.getLogger("urllib3").setLevel(logging.DEBUG)


class CheckUser(HttpUser):
    host = "http://localhost"

    @task
    def check_service(self):
        self.client.get("/check", name="CHECK")

    @task
    def check_version(self):
        with self.client.get("/check_version", name="CHECK_VERSION", catch_response=True) as response:
            response.success()
            if response.status_code == 500:
                versions = response.json()
                if int(versions["clamd-actual"]) < int(versions["clamd-required"]) - VERSION_THRESHOLD:
                    response.failure("clamd is out of date")


class ClamPostUser(HttpUser):
    abstract = True
    host = "http://localhost"

    def post(self, name, chunks, auth=AUTH):
        return self.client.post("/v2/scan-chunked", data=chunks, auth=auth, name=name, stream=True, catch_response=True)

    def check(self, response, malware, threshold):
        response.success()
        try:
            body = response.json()
        except json.JSONDecodeError:
            response.failure("Failed to decode response")
            return
        if bool(body["malware"]) is not malware:
            response.failure("wrong verdict")
        elif body.get("time") is None or body["time"] > threshold:
            response.failure("slow scan")


class ScanUser(ClamPostUser):
    @task
    def check_malware(self):
        with self.post("MALWARE", iter(EICAR)) as response:
            self.check(response, malware=True, threshold=RESPONSE_THRESHOLD)

    @task
    def check_clean(self):
        with self.post("CLEAN", iter(LOREM)) as response:
            self.check(response, malware=False, threshold=RESPONSE_THRESHOLD)

    @task
    def check_user_defined_file(self):
        with self.post("USER_DEFINED", self.chunks_of_file()) as response:
            self.check(response, malware=False, threshold=1.0)

    def chunks_of_file(self):
        try:
            with Path(USER_FILE).open("rb") as file:
                while chunk := file.read(1024):
                    yield chunk
        except FileNotFoundError:
            logging.getLogger(__name__).warning("no file %s", USER_FILE)


class UnauthorisedUser(ClamPostUser):
    @task
    def scan_with_a_wrong_password(self):
        with self.post("UNAUTHORISED", iter(EICAR), auth=("app1", "wrong")) as response:
            if response.status_code == 401:
                response.success()
            else:
                response.failure(f"status {response.status_code}")
