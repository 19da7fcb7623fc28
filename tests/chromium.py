"""A headless Chromium that a test drives over its own debugging protocol; mark such a test ``real("chromium")``."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import websocket

SECONDS = 60
_COMMAND = (
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0",
    "--remote-allow-origins=*", "--hide-scrollbars", "--force-device-scale-factor=1",
)  # fmt: skip


class Tab:
    """One page: ``open`` it, ``run`` a script in it, and look."""

    def __init__(self, address):
        self._socket = websocket.create_connection(address, timeout=SECONDS)
        self._number = 0
        self.errors = []
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def close(self):
        self._socket.close()

    def ask(self, method, **parameters):
        """Send a command of the protocol, and give its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        return self._until(lambda message: message.get("id") == self._number).get("result", {})

    def _until(self, is_wanted):
        while True:
            message = json.loads(self._socket.recv())
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(message["params"]["exceptionDetails"])
            if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.errors.append(message["params"]["entry"]["text"])
            if "error" in message:
                raise AssertionError(message["error"])
            if is_wanted(message):
                return message

    def open(self, url, *, width=1200, height=900, dark=False, scripts=True):
        """Load a page, and give the seconds until it was loaded."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
        began = time.monotonic()
        self.ask("Page.navigate", url=url)
        self._until(lambda message: message.get("method") == "Page.loadEventFired")
        return time.monotonic() - began

    def run(self, script):
        """The value of an expression, which may be a promise; works on pages without scripts too."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def move(self, x, y):
        """Put the pointer somewhere in what is seen."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key):
        """Press a key that makes no letter, and let it go."""
        codes = {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Escape": 27, "Tab": 9, "Enter": 13}
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key], **text)

    def screenshot(self, path, *, whole=False):
        """Write what is seen, or the whole page, as PNG."""
        answer = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(answer["data"]))

    def pdf(self):
        """The page as it is printed on A4."""
        answer = self.ask("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)
        return base64.b64decode(answer["data"])


@contextmanager
def chromium(profile):
    """A tab of a browser of its own, whose profile is the given folder."""
    process = subprocess.Popen(
        [*_COMMAND, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        tab = Tab(_address(Path(profile) / "DevToolsActivePort", process))
        try:
            yield tab
        finally:
            tab.close()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _address(file, process):
    until = time.monotonic() + SECONDS
    while not file.exists() or file.read_text().count("\n") < 1:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    port = file.read_text().split("\n")[0]
    with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=SECONDS) as answer:
        return next(page for page in json.load(answer) if page["type"] == "page")["webSocketDebuggerUrl"]
