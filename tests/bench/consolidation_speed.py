"""How fast and how lean classification is: one iteration, threads, memory, first call, shards.

    python tests/bench/consolidation_speed.py [--answers 100000000] [--no-peers]

``--answers``: of the sharded crowd, 10 million by default; 100 million need 0.8 GB of disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from page import Section, publish, say
from peers.environment import peer_python

N_CLASSES, N_ANNOTATORS = 10, 1_000
# Items and answers to each: the two crowds of the targets.
CROWDS = {"100 k x 5": (100_000, 5), "1 M x 3": (1_000_000, 3)}
_PER_ITEM, _SHARD_ITEMS = 3, 1_000_000
# What bytes and exponentials alone take for 1 M x 3, and what is allowed.
_FLOOR_MS, _ALLOWED_MS = "36 to 41", 2 * 41
_TIMES_FASTER, _PEAK_MB, _FIRST_CALL_S = 15, 250, 0.5
_ROUNDS = 15

Codes = NDArray[np.int64]


def crowd(n_items: int, per_item: int, seed: int = 0) -> tuple[Codes, Codes, Codes]:
    """Items, annotators and labels; annotators of skill .5 to .95, mistakes spread evenly."""
    rng = np.random.default_rng(seed)
    skill = np.linspace(0.5, 0.95, N_ANNOTATORS)
    truth = rng.integers(N_CLASSES, size=n_items)
    item = np.repeat(np.arange(n_items), per_item)
    # Strides through all annotators: nobody answers an item twice.
    first = rng.integers(N_ANNOTATORS, size=n_items)[:, None]
    annotator = ((first + 37 * np.arange(per_item)) % N_ANNOTATORS).ravel()
    right = rng.random(len(item)) < skill[annotator]
    label = np.where(right, truth[item], rng.integers(N_CLASSES, size=len(item)))
    return item, annotator, label


def best_ms(work: Callable[[], object]) -> float:
    """The shortest of several runs: everything else is what others did on this machine."""
    seconds = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return 1e3 * min(seconds)


def memory_mb(field: str) -> float:
    """VmRSS or VmHWM of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError(field)


def reset_peak() -> float:
    """Memory now, from which the peak is counted again."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory_mb("VmRSS")


# Each of the following runs in a process of its own.


def one_iteration(n_items: int, per_item: int) -> dict[str, float]:
    """Milliseconds of an E step and an M step, sparse and compiled, by method."""
    from surelabel.consolidation import DawidSkene, HierarchicalDawidSkene, OneCoinDawidSkene
    from surelabel.consolidation.answers import Answers
    from surelabel.consolidation.evidence import Evidence, KernelEvidence, SparseEvidence
    from surelabel.consolidation.packed_answers import PackedAnswers

    answers = Answers.of(*crowd(n_items, per_item), n_items, N_ANNOTATORS, N_CLASSES)
    none = np.empty(0, np.int64)
    kernel: Evidence = KernelEvidence([PackedAnswers.of(answers)], keep=True)
    sparse: Evidence = SparseEvidence(answers, none, none)
    found = {}
    for name, method, evidence in (
        ("DawidSkene", DawidSkene(), kernel),
        ("OneCoinDawidSkene", OneCoinDawidSkene(), kernel),
        ("HierarchicalDawidSkene", HierarchicalDawidSkene(), kernel),
        ("sparse", DawidSkene(), sparse),
    ):
        annotators = method._m_step(evidence.from_votes(), evidence)

        def iteration(method: Any = method, given: Any = annotators, of: Any = evidence) -> None:
            method._m_step(of.given(given)[0], of)

        found[name] = best_ms(iteration)
    return found


def whole_fit(n_items: int, per_item: int, method: str) -> dict[str, float]:
    """Seconds, iterations and peak memory above input and loaded code."""
    from surelabel.consolidation import METHODS

    def fit(answers: tuple[Codes, Codes, Codes], n: int) -> Any:
        chosen = METHODS[method]()
        return chosen.fit_predict(*answers, n, N_ANNOTATORS, N_CLASSES)

    # The code is loaded (and compiled, the first time) by input of the same kind.
    fit(crowd(150_000, 3), 150_000)
    answers = crowd(n_items, per_item)
    before = reset_peak()
    started = time.perf_counter()
    result = fit(answers, n_items)
    seconds = time.perf_counter() - started
    peak = memory_mb("VmHWM") - before
    return {"seconds": seconds, "iterations": result.n_iter, "peak_mb": peak}


def first_call() -> dict[str, float]:
    """Seconds of every method's first call after import: 1,000 answers of 40 annotators."""
    from surelabel.consolidation import METHODS

    item, annotator, label = crowd(200, 5)
    found: dict[str, float] = {}
    for name in ("Auto", *METHODS):
        started = time.perf_counter()
        METHODS[name]().fit_predict(item, annotator % 40, label, 200, 40, N_CLASSES)
        found.setdefault(name, time.perf_counter() - started)
    return found


def kernel_start() -> dict[str, float]:
    """Seconds until the kernel has run once: Numba imported, machine code read or made."""
    from surelabel.consolidation import DawidSkene, PackedAnswers
    from surelabel.consolidation.answers import Answers

    answers = Answers.of(*crowd(200, 5), 200, N_ANNOTATORS, N_CLASSES)
    started = time.perf_counter()
    DawidSkene(max_iter=1).learn_from_shards([PackedAnswers.of(answers)])
    return {"seconds": time.perf_counter() - started}


def floor() -> dict[str, float]:
    """Milliseconds for what 1 M x 3 cannot do without: bytes read and written, exponentials."""
    posterior = np.zeros((1_000_000, N_CLASSES), np.float32)
    code = np.zeros(3_000_000, np.int32)
    start = np.zeros(1_000_001, np.int64)
    logs = np.full((1 << 12, N_CLASSES), -1, np.float32)
    chunk = np.empty_like(logs)

    def work() -> None:
        code.sum()
        start.sum()
        for first in range(0, len(posterior), len(chunk)):
            rows = posterior[first : first + len(chunk)]
            rows.max()
            np.exp(logs, out=chunk)
            rows[:] = chunk[: len(rows)]

    return {"ms": best_ms(work)}


@dataclass(frozen=True)
class Stored:
    """Shards on disk, mapped anew in every pass."""

    folder: Path

    def __iter__(self) -> Iterator[Any]:
        from surelabel.consolidation import PackedAnswers

        for path in sorted(self.folder.iterdir()):
            yield PackedAnswers.load(path)


def write_shards(folder: str, n_answers: int) -> dict[str, float]:
    """Seconds to code, check and pack one shard after another."""
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
    return {"seconds": seconds}


def learn_shards(folder: str, max_iter: int) -> dict[str, Any]:
    """Seconds and memory of learning from shards and of labeling them; what came out, in short."""
    import hashlib

    from surelabel.consolidation import HierarchicalDawidSkene

    method, shards = HierarchicalDawidSkene(max_iter=max_iter), Stored(Path(folder))
    started = time.perf_counter()
    learned = method.learn_from_shards(shards)
    learning = time.perf_counter() - started
    started = time.perf_counter()
    labels = hashlib.sha256()
    for shard in shards:
        labels.update(method.label_shard(shard, learned).label.tobytes())
    # Resident memory counts the files' pages too, which the system takes back when it needs them.
    anonymous = memory_mb("RssAnon")
    digest = hashlib.sha256(learned.annotators.confusion.tobytes()).hexdigest()
    return {
        "learning": learning,
        "labeling": time.perf_counter() - started,
        "iterations": learned.n_iter,
        "converged": learned.converged,
        "peak_mb": memory_mb("VmHWM"),
        "anonymous_mb": anonymous,
        "digest": digest[:16] + labels.hexdigest()[:16],
    }


def learn_in_one_piece(folder: str, max_iter: int) -> dict[str, Any]:
    """The same from all shards put together in memory."""
    import hashlib

    from surelabel.consolidation import HierarchicalDawidSkene, PackedAnswers

    shards = list(Stored(Path(folder)))
    starts = [np.zeros(1, np.int64)]
    for shard in shards:
        starts.append(shard.start[1:] + starts[-1][-1])
    one = PackedAnswers(
        np.concatenate(starts),
        np.concatenate([shard.code for shard in shards]),
        np.empty(0, np.int32),
        N_ANNOTATORS,
        N_CLASSES,
    )
    method = HierarchicalDawidSkene(max_iter=max_iter)
    learned = method.learn_from_shards([one])
    labels = hashlib.sha256(method.label_shard(one, learned).label.tobytes()).hexdigest()
    digest = hashlib.sha256(learned.annotators.confusion.tobytes()).hexdigest()
    return {"digest": digest[:16] + labels[:16]}


CHILDREN: dict[str, Callable[..., dict[str, Any]]] = {
    each.__name__: each
    for each in (
        one_iteration, whole_fit, first_call, kernel_start, floor, write_shards, learn_shards,
        learn_in_one_piece,
    )
}  # fmt: skip


def child(function: Callable[..., dict[str, Any]], *arguments: Any, threads: int = 1) -> Any:
    """What the function returns in a process of its own."""
    command = [sys.executable, __file__, "child", function.__name__, json.dumps(arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    say(
        f"consolidation_speed: {function.__name__} {arguments} on {threads}: {done.stdout.decode()}"
    )
    return json.loads(done.stdout)


def crowd_kit() -> dict[str, float]:
    """Milliseconds of an iteration of crowd-kit's DawidSkene, by crowd."""
    script = Path(__file__).with_name("peers") / "crowd_kit_speed_peer.py"
    found = {}
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as folder:
        source = Path(folder) / "in.npz"
        for name, (n_items, per_item) in CROWDS.items():
            item, annotator, label = crowd(n_items, per_item)
            np.savez(source, item=item, annotator=annotator, label=label)
            done = subprocess.run(
                [peer_python(), script, source], stdout=subprocess.PIPE, check=True
            )
            found[name] = float(done.stdout)
            say(f"consolidation_speed: crowd-kit, {name}: {found[name]:.0f} ms")
    return found


def measure(n_answers: int, *, with_peers: bool) -> Section:
    """The section of speed and memory."""
    section = Section(
        "consolidation_speed",
        "Classification by crowds: how fast, how lean",
        f"{N_CLASSES} classes, {N_ANNOTATORS:,} annotators, made-up answers. An iteration is an E "
        "step and an M step with the test whether to stop; the shortest of "
        f"{_ROUNDS}, one thread unless said. Memory: the peak above what was there with the input "
        "and the code loaded.",
    )
    ours = {name: child(one_iteration, *sizes) for name, sizes in CROWDS.items()}
    theirs = crowd_kit() if with_peers else {}
    bytes_and_exp = child(floor)["ms"]
    ours_ms = ours["1 M x 3"]["HierarchicalDawidSkene"]
    section.add(
        "iteration, 1 M x 3, HierarchicalDawidSkene",
        f"{ours_ms:.1f} ms",
        f"≤ {_ALLOWED_MS} ms, twice the floor ({_FLOOR_MS} ms; here {bytes_and_exp:.0f} ms)",
        ours_ms <= _ALLOWED_MS,
    )
    for name, ms in theirs.items():
        faster = ms / ours[name]["DawidSkene"]
        section.add(
            f"iteration, {name}, DawidSkene against crowd-kit's",
            f"{faster:.0f} times faster ({ours[name]['DawidSkene']:.1f} against {ms:,.0f} ms)",
            f"≥ {_TIMES_FASTER}",
            faster >= _TIMES_FASTER,
        )
    fits = {}
    for method in ("HierarchicalDawidSkene", "Auto", "DawidSkene", "Wawa", "MajorityVote"):
        fits[method] = child(whole_fit, *CROWDS["1 M x 3"], method)
    peak = max(fit["peak_mb"] for fit in fits.values())
    section.add("peak memory, 3 M answers", f"{peak:.0f} MB", f"≤ {_PEAK_MB} MB", peak <= _PEAK_MB)
    auto = child(whole_fit, *CROWDS["100 k x 5"], "Auto")
    section.add(
        "all of a fit, 100 k x 5, Auto, which looks whether EBCC fits", f"{auto['seconds']:.1f} s"
    )
    calls = child(first_call)
    section.add(
        "first call after import, 1,000 answers of 40 annotators, Auto",
        f"{calls['Auto']:.3f} s",
        f"≤ {_FIRST_CALL_S} s",
        calls["Auto"] <= _FIRST_CALL_S,
    )
    section.add("first run of the kernel, machine code on disk", f"{_kernel_start():.1f} s")
    _add_shards(section, n_answers)
    columns = list(ours["1 M x 3"])
    rows = [[name, *(f"{each[column]:.1f}" for column in columns)] for name, each in ours.items()]
    for threads in range(2, (os.cpu_count() or 1) + 1):
        more = child(one_iteration, *CROWDS["1 M x 3"], threads=threads)
        line = [f"1 M x 3, {threads} threads", *(f"{more[column]:.1f}" for column in columns)]
        rows.append(line)
    if theirs:
        rows += [[f"crowd-kit, {name}", f"{ms:,.0f}", "", "", ""] for name, ms in theirs.items()]
    section.tables.append(("Milliseconds per iteration:", ("crowd", *columns), rows))
    lines = [
        [name, f"{fit['seconds']:.1f} s", str(fit["iterations"]), f"{fit['peak_mb']:.0f} MB"]
        for name, fit in fits.items()
    ]
    section.tables.append(
        ("All of a fit, 1 M x 3:", ("method", "time", "iterations", "peak memory"), lines)
    )
    return section


def _kernel_start() -> float:
    child(kernel_start)
    return float(child(kernel_start)["seconds"])


def _add_shards(section: Section, n_answers: int) -> None:
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as folder:
        packing = child(write_shards, folder, n_answers)["seconds"]
        found = child(learn_shards, folder, 10, threads=cores)
        same = (
            n_answers > 20_000_000
            or found["digest"] == (child(learn_in_one_piece, folder, 10)["digest"])
        )
    million = n_answers / 1e6
    section.add(
        f"{million:.0f} M answers in shards on disk, {cores} threads",
        f"{found['learning']:.1f} s for {found['iterations']} iterations, "
        f"{found['labeling']:.1f} s to label, {packing:.1f} s to pack",
    )
    section.add(
        "the same, memory",
        f"{found['peak_mb']:.0f} MB at the peak with the files' pages, "
        f"{found['anonymous_mb']:.0f} MB without",
    )
    if n_answers <= 20_000_000:
        section.add(
            "the same in one piece on one thread",
            "the same bits" if same else "differs",
            "the same bits",
            same,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        print(json.dumps(CHILDREN[sys.argv[2]](*json.loads(sys.argv[3]))))
        sys.exit(0)
    wish = sys.argv[sys.argv.index("--answers") + 1] if "--answers" in sys.argv else "10000000"
    publish(measure(int(wish), with_peers="--no-peers" not in sys.argv))
