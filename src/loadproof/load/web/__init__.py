"""Pages of ours in Locust's web interface.

They know nothing themselves: what they show is asked of the supervisor, over the wire, when somebody looks.
"""

from __future__ import annotations

from loadproof.load.web.asking import Asking
from loadproof.load.web.pages import Pages

__all__ = ["Asking", "Pages"]
