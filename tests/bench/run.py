"""Runs the benchmarks, all or those named, and writes their sections of docs/benchmarks.md.

    python tests/bench/run.py [digits] [digits_loop] [overhead] [operator] [ray_jobs]
        [kube_ray] [ray_requests] [prepare] [consolidation] [consolidation_speed] [objects]
        [answers_out_of_core] [values] [spans] [masks] [value_rounds] [another_answer]
        [adaptive_redundancy] [repair] [known_people] [promise] [encoders] [human_labels]
        [round_speed]

Each runs in a process of its own, so that one that fails does not take the others along.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import guide_table, sizing_tables

# Name, module, and after how many seconds it is ended; the slowest machine that counts has 2 cores.
BENCHMARKS = {
    "digits": ("digits.py", 900),
    "digits_loop": ("digits_loop.py", 300),
    "overhead": ("overhead.py", 900),
    "operator": ("operator_scale.py", 1500),
    "ray_jobs": ("ray_job_scale.py", 1500),
    "kube_ray": ("kube_ray.py", 1500),
    "ray_requests": ("ray_requests.py", 120),
    "prepare": ("prepare.py", 900),
    "consolidation": ("consolidation.py", 3000),
    "objects": ("objects.py", 600),
    "consolidation_speed": ("consolidation_speed.py", 900),
    "answers_out_of_core": ("answers_out_of_core.py", 1800),
    "values": ("values.py", 600),
    "masks": ("masks.py", 1200),
    "spans": ("spans.py", 600),
    "value_rounds": ("value_rounds.py", 600),
    "another_answer": ("another_answer.py", 1500),
    "adaptive_redundancy": ("adaptive_redundancy.py", 1800),
    "repair": ("repair.py", 1800),
    "known_people": ("known_people.py", 900),
    "human_labels": ("human_labels.py", 5400),
    "round_speed": ("rounds.py", 900),
    "encoders": ("encoders.py", 1200),
    # Some 14,000 jobs; one that is ended goes on the next time.
    "promise": ("promise.py", 9000),
}


def main(names: list[str]) -> int:
    """The exit status: 0 if every benchmark came to its end, whatever it measured."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.stderr.write(f"No benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.\n")
        return 2
    failed = []
    for name in names or BENCHMARKS:
        module, seconds = BENCHMARKS[name]
        command = [sys.executable, str(Path(__file__).with_name(module))]
        try:
            status = subprocess.run(command, timeout=seconds, check=False).returncode
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"{name} was ended after {seconds} s.\n")
            status = -1
        if status != 0:
            failed.append(name)
    guide_table.write()
    sizing_tables.write()
    if failed:
        sys.stderr.write(f"Without a result: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
