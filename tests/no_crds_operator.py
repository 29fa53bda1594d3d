"""An operator that looks for a group which nobody serves."""

from __future__ import annotations

import sys

import process_operator
from surelabel_operator import watch

watch.API_VERSION = "nobody.surelabel.dev/v1"

if __name__ == "__main__":
    sys.exit(process_operator.run())
