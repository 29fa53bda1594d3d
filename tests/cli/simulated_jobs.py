"""A small job for tests of ``surelabel simulate``: 400 digits, a promise of 10 %."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from surelabel_cli.sample_data import make_sample_data
from surelabel_cli.simulation.replay import Simulated

SAMPLE = Path(__file__).parents[2] / "crds" / "samples" / "digits.yaml"
N_ITEMS = 400


def simulated_digits(folder: Path, **spec: Any) -> Simulated:
    """The sample job on its first items; ``spec``: fields that differ."""
    job, team = yaml.safe_load_all(SAMPLE.read_text(encoding="utf-8"))
    if not (folder / "digits").exists():
        make_sample_data("digits", folder)
        for name in ("input.manifest", "truth.jsonl"):
            file = folder / "digits" / name
            lines = file.read_text(encoding="utf-8").splitlines(keepends=True)[:N_ITEMS]
            file.write_text("".join(lines), encoding="utf-8")
    uri = (folder / "digits").as_uri()
    job["spec"]["input"]["manifest"] = f"{uri}/input.manifest"
    team["spec"]["simulated"]["truthURI"] = f"{uri}/truth.jsonl"
    auto = {"targetErrorPermille": 100, "riskPermille": 100, "seedItems": 60, "itemsPerRound": 40}
    job["spec"] = {**job["spec"], "autoLabeling": auto, **spec}
    return Simulated(job, team)
