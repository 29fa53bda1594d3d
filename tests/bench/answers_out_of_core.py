"""A hundred million answers in shards on disk: time, memory, and the same bits as in one piece.

    python tests/bench/answers_out_of_core.py [--answers 100000000]

Needs 7 bytes of disk an answer, and for the one piece, which is there to compare, 60 of memory.
"""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from consolidation_speed import N_ANNOTATORS, N_CLASSES, crowd
from own_process import child, memory_mb, serve
from page import Section, publish, say

_PER_ITEM, _SHARD_ITEMS, _ITERATIONS = 3, 1_000_000, 10
_ANSWERS, _SMALLER = 100_000_000, 10
# How much more memory than for a tenth of the answers shards may need.
_MORE_MB = 50
_SAMPLE_S = 0.02


@dataclass(frozen=True)
class Stored:
    """Shards on disk, mapped anew in every pass."""

    folder: Path

    def __iter__(self) -> Iterator[Any]:
        from surelabel.consolidation import PackedAnswers

        for path in sorted(self.folder.iterdir()):
            yield PackedAnswers.load(path)

    def in_one_piece(self) -> Any:
        """All of them put together in memory."""
        from surelabel.consolidation import PackedAnswers

        starts, codes = [np.zeros(1, np.int64)], []
        for shard in self:
            starts.append(shard.start[1:] + starts[-1][-1])
            codes.append(shard.code)
        none = np.empty(0, np.int32)
        return PackedAnswers(
            np.concatenate(starts), np.concatenate(codes), none, N_ANNOTATORS, N_CLASSES
        )


class Anonymous:
    """The most memory that was no file's page; the system takes those back when it needs them."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Anonymous:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watch.join()

    def _run(self) -> None:
        while not self._ended.wait(_SAMPLE_S):
            self.peak_mb = max(self.peak_mb, memory_mb("RssAnon"))


# Each of the following runs in a process of its own.


def write_shards(folder: str, n_answers: int) -> dict[str, float]:
    """Seconds to code, check and pack one shard after another, and what they take on disk."""
    from surelabel.consolidation import PackedAnswers
    from surelabel.consolidation.answers import Answers

    seconds = 0.0
    n_items = n_answers // _PER_ITEM
    for place, first in enumerate(range(0, n_items, _SHARD_ITEMS)):
        n = min(_SHARD_ITEMS, n_items - first)
        raw = crowd(n, _PER_ITEM, seed=place)
        started = time.perf_counter()
        answers = Answers.of(*raw, n, N_ANNOTATORS, N_CLASSES)
        PackedAnswers.of(answers, first_item=first).save(Path(folder) / f"{place:05}")
        seconds += time.perf_counter() - started
    size = sum(path.stat().st_size for path in Path(folder).rglob("*.npy"))
    return {"seconds": seconds, "disk_mb": size / 1e6}


def learn(folder: str, in_one_piece: bool) -> dict[str, Any]:
    """Seconds and memory of learning from all and of labeling all; what came out, in short."""
    from surelabel.consolidation import HierarchicalDawidSkene

    method, shards = HierarchicalDawidSkene(max_iter=_ITERATIONS), Stored(Path(folder))
    with Anonymous() as memory:
        pieces = [shards.in_one_piece()] if in_one_piece else shards
        started = time.perf_counter()
        learned = method.learn_from_shards(pieces)
        learning = time.perf_counter() - started
        started = time.perf_counter()
        labels = hashlib.sha256()
        for piece in pieces:
            labels.update(method.label_shard(piece, learned).label.tobytes())
        labeling = time.perf_counter() - started
    digest = hashlib.sha256(learned.annotators.confusion.tobytes())
    return {
        "learning": learning,
        "labeling": labeling,
        "iterations": learned.n_iter,
        "peak_mb": memory_mb("VmHWM"),
        "anonymous_mb": memory.peak_mb,
        "bits": digest.hexdigest() + labels.hexdigest(),
    }


def learn_in_one_piece(folder: str) -> dict[str, Any]:
    """``learn`` with no more memory than is free: too much is an error, and nobody else's end."""
    free = next(
        int(line.split()[1]) * 1024
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemAvailable")
    )
    resource.setrlimit(resource.RLIMIT_AS, (free, free))
    return learn(folder, in_one_piece=True)


def of_size(n_answers: int) -> tuple[list[tuple[str, int, dict[str, Any] | None]], dict[str, Any]]:
    """How the answers were held, threads, what ``learn`` found; and what ``write_shards`` did.

    None where one piece needs more memory than there is.
    """
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as folder:
        written = child(write_shards, folder, n_answers)
        n_shards = len(list(Path(folder).iterdir()))
        found: list[tuple[str, int, dict[str, Any] | None]] = [
            (f"{n_shards} shards on disk", threads, child(learn, folder, False, threads=threads))
            for threads in (cores, 1)
        ]
        try:
            whole = child(learn_in_one_piece, folder)
        except subprocess.CalledProcessError:
            say("answers_out_of_core: one piece needs more memory than is free")
            whole = None
    return [*found, ("one piece in memory", 1, whole)], written


def measure(n_answers: int) -> Section:
    """The section of shards."""
    section = Section(
        "answers_out_of_core",
        "Classification by crowds: more answers than memory",
        f"{N_CLASSES} classes, {N_ANNOTATORS:,} annotators, {_PER_ITEM} made-up answers an item, "
        f"packed in shards of {_SHARD_ITEMS:,} items on disk. HierarchicalDawidSkene learns from "
        f"all of them in {_ITERATIONS} iterations, then labels all. The same bits: of every "
        "annotator's confusion matrix, and of every label. Memory is the process's, its code "
        "included; pages of files are the system's, which takes them back when it needs them.",
    )
    lines = []
    memory, same = {}, {}
    sizes = (n_answers // _SMALLER, n_answers)
    for size in sizes:
        found, written = of_size(size)
        sharded = [each for _, _, each in found[:-1] if each is not None]
        whole = found[-1][2]
        memory[size] = max(each["anonymous_mb"] for each in sharded)
        all_found = sharded if whole is None else [*sharded, whole]
        same[size] = len({each["bits"] for each in all_found}) == 1, whole is not None
        for how, threads, each in found:
            line = [f"{size / 1e6:.0f} M", how, str(threads)]
            lines.append(
                [*line, *(_figures(each) if each else ["more memory than free"] + [""] * 3)]
            )
        seconds, disk = written["seconds"], written["disk_mb"]
    best = found[0][2]
    assert best is not None
    million = f"{n_answers / 1e6:.0f} M answers"
    section.add(
        f"{million} in shards on disk, {found[0][1]} threads",
        f"{best['learning']:.0f} s for {best['iterations']} iterations, {best['labeling']:.0f} s "
        f"to label, {seconds:.0f} s to pack into {disk:,.0f} MB",
    )
    for size in sizes:
        bits, with_whole = same[size]
        against = "one piece, shards on one thread and on several"
        section.add(
            f"{size / 1e6:.0f} M answers: "
            + (against if with_whole else "shards on one thread and on several, no piece"),
            "the same bits" if bits else "differs",
            "the same bits",
            bits,
        )
    more = memory[n_answers] - memory[sizes[0]]
    section.add(
        f"{million}: memory without files' pages, above that for a tenth of them",
        f"{more:.0f} MB more than {memory[sizes[0]]:.0f} MB",
        f"≤ {_MORE_MB} MB more: bounded by a shard",
        more <= _MORE_MB,
    )
    section.tables.append((
        "Each in a process of its own:",
        ("answers", "held as", "threads", "s an iteration", "s to label", "peak MB",
         "without files' pages"),
        lines,
    ))  # fmt: skip
    return section


def _figures(found: dict[str, Any]) -> list[str]:
    return [
        f"{found['learning'] / found['iterations']:.2f}",
        f"{found['labeling']:.1f}",
        f"{found['peak_mb']:,.0f}",
        f"{found['anonymous_mb']:,.0f}",
    ]


if __name__ == "__main__":
    serve(write_shards, learn, learn_in_one_piece)
    wish = sys.argv[sys.argv.index("--answers") + 1] if "--answers" in sys.argv else str(_ANSWERS)
    publish(measure(int(wish)))
