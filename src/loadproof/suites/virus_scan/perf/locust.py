"""The same suite as ``locustfile.py``, under the name that the document's headless command has.

A file of this name hides the package of the same name from whoever has this folder first on its path, as
``python -m locust`` has when it is started here. Then this file is asked for in the package's place, and hands it over.
"""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def without_this_folder() -> list[str]:
    """The import path as it is where this file is in nobody's way."""
    return [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]


if __name__ == "__main__":
    sys.path[:] = without_this_folder()
    runpy.run_module("locust", run_name="__main__", alter_sys=True)
elif __name__ == "locust":
    whole = sys.path[:]
    sys.path[:] = without_this_folder()
    del sys.modules["locust"]
    importlib.import_module("locust")
    sys.path[:] = whole
else:
    # By its path: Locust has loaded this very file under the name "locustfile".
    spec = importlib.util.spec_from_file_location("scan_users", HERE / "locustfile.py")
    assert spec is not None
    assert spec.loader is not None
    scan_users = importlib.util.module_from_spec(spec)
    sys.modules["scan_users"] = scan_users
    spec.loader.exec_module(scan_users)
    CheckUser = scan_users.CheckUser
    ScanUser = scan_users.ScanUser
    UnauthorisedUser = scan_users.UnauthorisedUser
