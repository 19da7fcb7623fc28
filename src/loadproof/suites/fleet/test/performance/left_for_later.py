"""What is left for those who come after the run: ids and addresses, in files that the token server keeps."""

from __future__ import annotations

import json
import logging
import os
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import ProxyHandler, Request, build_opener

_log = logging.getLogger(__name__)
_opener = build_opener(ProxyHandler({}))

_TIMEOUT = 5.0


class LeftForLater:
    """Hands what was created to the token server: ``kafkas.txt``, ``service_accounts.txt``, ``config.txt``.

    A token server without a folder keeps none; that is said once, and not asked again.

    Args:
        token_url: Of the token server.
    """

    def __init__(self, token_url: str) -> None:
        self._url = token_url
        self._keeps = True

    def kafka(self, identity: str) -> None:
        """One more line of ``kafkas.txt``."""
        self._leave("write_kafka_id", {"kafkaId": identity})

    def service_account(self, identity: str) -> None:
        """One more line of ``service_accounts.txt``."""
        self._leave("write_svc_acc_id", {"serviceAccountId": identity})

    def config(self, bootstrap: str, username: str, password: str) -> None:
        """One more document of ``config.txt``: how to reach a kafka that is ready."""
        self._leave("write_kafka_config", {"bootstrapURL": bootstrap, "username": username, "password": password})

    def _leave(self, path: str, said: dict[str, str]) -> None:
        if not self._keeps:
            return
        headers = {"Content-Type": "application/json"}
        secret = os.environ.get("LOADPROOF_BROKER_SECRET", "")
        if secret:
            headers["X-Loadproof-Broker-Secret"] = secret
        request = Request(urljoin(self._url, f"/{path}"), json.dumps(said).encode(), headers)  # noqa: S310 - the setting's scheme was checked
        try:
            with _opener.open(request, timeout=_TIMEOUT):
                pass
        except HTTPError as error:
            with error:
                self._keeps = False
                _log.warning("the token server keeps no files (it answered %s to /%s)", error.code, path)
        except (OSError, HTTPException) as error:
            _log.warning("the token server did not take what belongs into a file: %s", type(error).__name__)
