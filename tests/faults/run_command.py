"""``python run_command.py LOG OWN KILL ARGUMENT...``: the ``surelabel`` command, killed at a point.

OWN: pairs of text and name as JSON, see ``CallLog``; KILL: a Point as JSON, or nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from faults.call_points import CallLog, Point
from surelabel_cli.main import app
from surelabel_operator.calls import observed_calls


def main() -> None:
    """Run the command with an observer of its calls."""
    log, own, kill, *arguments = sys.argv[1:]
    victim = Point.from_json(kill) if kill else None
    pairs = [(text, name) for text, name in json.loads(own)]
    sys.argv[1:] = arguments
    with observed_calls(CallLog(Path(log), pairs, victim)):
        app()


if __name__ == "__main__":
    main()
