"""A stage program that reads its StageConfig and commits a canned report, in a few milliseconds.

``<workdir>/behave.json`` beside the output folder changes what it does: stage code to
``{"sleep": seconds, "exit": status, "commit": false, "attempts": [1]}``; with ``"hold": true`` it
waits until the file says otherwise. Only for file:// stores; plain JSON, since importing the
contract would take longer than everything else.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


def create(path: Path, data: bytes) -> bool:
    """Write the file unless it exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(data)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def main() -> int:
    place = Path(unquote(urlsplit(sys.argv[1]).path))
    config = json.loads(place.read_bytes())
    folder = Path(unquote(urlsplit(config["folderUri"]).path))
    step = config["step"]
    code = step["stage"][:3]
    control = folder.parents[1] / "behave.json"
    behave = behaviour(control, code, config["attempt"])
    time.sleep(behave.get("sleep", 0))
    while behave.get("hold"):
        time.sleep(0.05)
        behave = behaviour(control, code, config["attempt"])
    if behave.get("exit") == 2:
        draft = {"configuration": True, "reason": "ManifestBroken", "message": "all lines broken"}
        create(place.with_name("DRAFT.json"), json.dumps(draft).encode())
    if behave.get("commit", "exit" not in behave):
        create(place.parent.parent / "COMMITTED.json", report(config, folder, place))
    return int(behave.get("exit", 0))


def behaviour(control: Path, code: str, attempt: int) -> dict[str, Any]:
    """What the file says about this attempt."""
    found: dict[str, Any] = {}
    if control.exists():
        found = json.loads(control.read_text()).get(code, {})
    return found if attempt in found.get("attempts", [attempt]) else {}


def report(config: dict[str, Any], folder: Path, place: Path) -> bytes:
    """A report in which every round labels ``maxOpenItems`` items."""
    step, total = config["step"], 12
    stage, batch = step["stage"], config["maxOpenItems"]
    counters = {"total": total, "humanLabeled": 0}
    previous = config.get("previous") or {}
    counters |= previous.get("counters", {})
    answers = previous.get("answers", 0)
    if stage == "annotate":
        answers += batch * config["annotatorsPerItem"]
    if stage == "consolidate":
        counters["humanLabeled"] = min(total, counters["humanLabeled"] + batch)
    counters["totalLabeled"] = counters["humanLabeled"]
    counters["unlabeled"] = left = total - counters["humanLabeled"]
    data = f"{step['stage']} of round {step['round']}\n".encode()
    prefix = place.parent.parent.relative_to(folder)
    key = f"{prefix}/output.txt"
    create(folder / key, data)
    reference = {"key": key, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    outputs = {"output": reference}
    if stage == "export":
        outputs = {"manifest": reference, "report": reference}
    items = min(batch, left)
    found = {
        "schemaVersion": 1,
        "job": config["job"],
        "step": step,
        "attempt": config["attempt"],
        "name": config["name"],
        "generation": config["generation"],
        "configDigest": "fake",
        "seed": config.get("seed") or 1,
        "outputs": outputs,
        "carry": {"tasks": reference, "remainder": reference, "labels": reference},
        "progressed": {"counters": counters, "answers": answers},
        "next": {
            "taskItems": items,
            "taskAnswers": items * config["annotatorsPerItem"],
            "remainderItems": items,
            "remainderAnswers": items * config["annotatorsPerItem"],
        },
        "seconds": {"total": 0.01},
    }
    return json.dumps(found).encode()


if __name__ == "__main__":
    sys.exit(main())
