"""The token server by itself: ``python test/performance/token_api/main.py``; ``--help`` lists its options.

It trades the long-living token of ``OCM_OFFLINE_TOKEN`` for the short-lived ones of all workers, which get theirs with
``GET :8099/ocm_token``. ``make test/performance`` starts one where none runs.
"""

from __future__ import annotations

import sys

from loadproof.kit.servers.broker import main

if __name__ == "__main__":
    sys.exit(main())
