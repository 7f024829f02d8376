"""What every test needs."""

from __future__ import annotations

import os
import tempfile

# Nothing is taken from, or left in, the cache of whoever runs the tests; processes that tests start inherit this.
os.environ["AIMET_GUIDELINES_CACHE_DIR"] = tempfile.mkdtemp(prefix="aimet-guidelines-tests-")
