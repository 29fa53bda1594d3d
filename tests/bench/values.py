"""Label sets, ratings, comparisons, rankings and texts: how right, how sure, how fast.

``values_numbers`` and ``values_orders`` measure how right they are; here are times, the peers and
the section. ``--no-peers`` leaves out crowd-kit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from page import Section, publish, say
from peers.environment import peer_python
from values_numbers import label_sets, numbers
from values_orders import comparisons, orders, transcripts

from surelabel.consolidation import multi_label, ratings, texts
from surelabel.consolidation.multi_label import MultiLabelAnswers
from surelabel.consolidation.ratings import RatingAnswers
from surelabel.consolidation.texts.edit_distance import pair_distances
from workloads.consolidation.crowds import DATA
from workloads.consolidation.preferences.crowds import made_up_comparisons
from workloads.consolidation.texts.crowds import made_up_transcripts


def speed(section: Section) -> None:
    """Seconds for large input."""
    rng = np.random.default_rng(0)
    n, k = 20_000, 10_000
    item = np.repeat(np.arange(n), 3)
    truth = rng.integers(k, size=(n, 4))
    marked = rng.random((len(item), 4)) < 0.8
    answers = MultiLabelAnswers.of(
        item, (item * 7 + np.tile(np.arange(3), n)) % 500, np.nonzero(marked)[0],
        truth[item][marked], n, 500, k,
    )  # fmt: skip
    _timed(section, "label sets: 20,000 items x 3, 10,000 labels",
           lambda: multi_label.METHODS["Auto"]().fit(answers))  # fmt: skip
    item = np.repeat(np.arange(200_000), 5)
    who = rng.integers(1000, size=len(item))
    value = rng.normal(5, 1, 200_000)[item] + rng.normal(0, 1, len(item))
    rated = RatingAnswers.of(item, who, value, 200_000, 1000)
    _timed(section, "ratings: 200,000 items x 5",
           lambda: ratings.METHODS["BiasAndNoise"]().fit(rated))  # fmt: skip
    typed, _ = made_up_transcripts(0, n_items=1000)
    _timed(section, "transcripts: 1,000 x 5", lambda: texts.METHODS["Auto"]().fit(typed))
    starts = np.arange(0, 64 * 2001, 64)
    codes = rng.integers(50, size=starts[-1])
    first, second = rng.integers(2000, size=(2, 300_000))
    pair_distances(codes, starts, first[:1], second[:1], many=0)
    _timed(section, "edit distances: 300,000 pairs of 64 tokens, kernel",
           lambda: pair_distances(codes, starts, first, second))  # fmt: skip
    few = slice(0, 20_000)
    _timed(section, "edit distances: 20,000 pairs of 64 tokens, long integers",
           lambda: pair_distances(codes, starts, first[few], second[few]))  # fmt: skip
    say("values: speed")


def _timed(section: Section, what: str, run) -> None:
    started, busy = time.perf_counter(), time.process_time()
    run()
    # Others may be working on the machine; then only the processor's time says something.
    busy = time.process_time() - busy
    section.add(what, f"{time.perf_counter() - started:.2f} s ({busy:.2f} s of processor)")


def crowd_kit() -> dict[str, dict]:
    """Its scores of 2,000 comparisons and its texts of the first made up crowd."""
    answers, _, _, _ = made_up_comparisons(0, n_items=2000)
    c = answers.choices
    # It knows no ties.
    won = np.where(c.label == 0, answers.first[c.item], answers.second[c.item])
    kept = c.label < 2
    typed, _ = made_up_transcripts(0)
    source = {
        "comparisons": {
            "worker": c.annotator[kept].tolist(), "left": answers.first[c.item][kept].tolist(),
            "right": answers.second[c.item][kept].tolist(), "label": won[kept].tolist(),
        },
        "texts": {
            "task": typed.item.tolist(), "worker": typed.annotator.tolist(),
            "text": [" ".join(tokens) for tokens in typed.tokens],
        },
    }  # fmt: skip
    script = Path(__file__).with_name("peers") / "crowd_kit_values_peer.py"
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as folder:
        asked, told = Path(folder) / "in.json", Path(folder) / "out.json"
        asked.write_text(json.dumps(source))
        subprocess.run([peer_python(), script, asked, told], check=True)
        found: dict[str, dict] = json.loads(told.read_text())
    return found


def measure(with_peers: bool) -> Section:
    """The section of all families."""
    section = Section(
        "values",
        "Label sets, ratings, comparisons, rankings, texts",
        "Real crowds (`SURELABEL_DATA`, text/snow2008) for label sets and ratings; the others are "
        "made up, with rates of error that are told, and means over four of them. The choice of "
        "`BiasAndNoise`'s two constants was made on the same eight sets.",
    )
    peers = crowd_kit() if with_peers else None
    label_sets(section)
    numbers(section)
    comparisons(section, peers)
    orders(section)
    transcripts(section, peers)
    speed(section)
    if peers is not None:
        for name, seconds in peers["seconds"].items():
            section.add(f"crowd-kit {name}, the same input", f"{seconds:.2f} s")
    return section


if __name__ == "__main__":
    if not (DATA / "text" / "snow2008").is_dir():
        say(f"values is left out: no folder {DATA}; SURELABEL_DATA names it.")
        sys.exit(0)
    publish(measure("--no-peers" not in sys.argv))
