"""``python -m surelabel.stages <URI of STAGE.json>``."""

import logging
import os
import sys

# Before NumPy is imported: how many threads add up a sum must not change its last digit, as a
# retry on a larger machine has to write the same bytes. Ray spreads the work over shards instead.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

from surelabel.stages.runner import main  # noqa: E402


def _unobserved(_operation: str, _uri: str, _result: str | None) -> None:
    return None


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    sys.exit(main(sys.argv[1:], os.environ, _unobserved))
