"""How a run looks while it goes: a live display on a terminal, plain lines anywhere else.

Everything shown comes from the LabelingJob's status; nothing is computed that is not in it.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from surelabel_operator.reasons import Reason
from surelabel_operator.resources import JobStatus, LabelCounters, LabelingJob

# Colours that differ in brightness as well; the picture of the loop has the same.
_HUMAN, _MACHINE, _UNLABELED = "yellow", "green", "bright_black"
# The rows of the parts of the bar are its legend.
_COLOURS = {"people": _HUMAN, "machines": _MACHINE, "unlabeled": _UNLABELED}
_BAR_WIDTH = 50
_ASKED_AGAIN = frozenset({Reason.STORAGE_UNAVAILABLE, Reason.RAY_UNREACHABLE})
_AGAIN = "It is asked again until it answers; Ctrl-C ends the run."


class ProgressView(Protocol):
    """Shows the job; a context manager, so that the terminal is left as it was."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def note(self, text: str) -> None:
        """What is done before the job has a status."""

    def say(self, text: str) -> None:
        """A line that stays."""

    def show(self, job: LabelingJob) -> None:
        """The job's newest status."""


def progress_view(console: Console) -> ProgressView:
    """The view that suits the console."""
    return LiveView(console) if console.is_terminal else LineView(console)


class LineView:
    """A line for each step, and one for each change of the Ready condition's reason."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()
        self._shown: tuple[object, ...] = ()
        self._problem = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def note(self, text: str) -> None:
        """A line like any other."""
        self.say(text)

    def say(self, text: str) -> None:
        """A line with the time since the start, unless the status says it already."""
        if text != self._problem:
            self._print(text)

    def _print(self, text: str) -> None:
        seconds = time.monotonic() - self._started
        self._console.print(
            f"{seconds:7.1f}s  {text}", markup=False, highlight=False, soft_wrap=True
        )

    def show(self, job: LabelingJob) -> None:
        """A line if the step or the reason is another one than before."""
        status = job.status
        step = None if status.step is None else (status.step.step.key, status.step.attempt)
        ready = status.condition("Ready")
        news = (step, None if ready is None else (ready.status, ready.reason))
        if news == self._shown:
            return
        self._shown = news
        counters = status.label_counters
        self._problem = problem_of(status)
        self._print(
            f"{step_text(status):40}  people {counters.human_labeled:,}  "
            f"machines {counters.machine_labeled:,}  unlabeled {counters.unlabeled:,}"
            f"{_problem_in_line(status)}"
        )


class LiveView:
    """A few lines at the bottom of the terminal that are drawn again as things change."""

    def __init__(self, console: Console) -> None:
        self._started = time.monotonic()
        self._job: LabelingJob | None = None
        self._note = ""
        self._live = Live(self, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def note(self, text: str) -> None:
        """The line that stands there until the job's first status."""
        self._note = text

    def say(self, text: str) -> None:
        """A line above the display, unless it is what a stalled job will end with."""
        status = None if self._job is None else self._job.status
        if status is not None and is_stalled(status) and text == problem_of(status):
            return
        self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, job: LabelingJob) -> None:
        """Draw the job from now on."""
        self._job = job

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The display at this moment."""
        elapsed = clock(time.monotonic() - self._started)
        if self._job is None:
            yield Text(f"{elapsed}  {self._note}")
            return
        yield from render_status(self._job, elapsed, min(_BAR_WIDTH, options.max_width - 4))


def render_status(job: LabelingJob, elapsed: str, bar_width: int) -> RenderResult:
    """Title, bar, and what else there is to tell, as lines."""
    status = job.status
    yield Text.assemble((job.metadata.name, "bold"), f"  {step_text(status)}  ", (elapsed, "dim"))
    yield bar(status.label_counters, bar_width)
    rows = Table.grid(padding=(0, 2))
    for title, text in facts(job):
        rows.add_row(Text(title, _COLOURS.get(title, "dim")), Text(text))
    yield rows
    if problem := problem_text(status):
        yield Text(problem, "red")


def facts(job: LabelingJob) -> list[tuple[str, str]]:
    """Title and text of what the status says in numbers."""
    status = job.status
    counters = status.label_counters
    found = [
        ("people", share(counters.human_labeled, counters)),
        ("machines", share(counters.machine_labeled, counters)),
        ("unlabeled", share(counters.unlabeled, counters)),
    ]
    if counters.failed_non_retryable_error:
        found.append(("failed", share(counters.failed_non_retryable_error, counters)))
    found.append(("certificate", certificate_text(job)))
    if status.cost is not None:
        cost = status.cost
        found.append(
            ("cost", f"{cost.amount} {cost.currency} (everything by hand: {cost.all_human_amount})")
        )
    if status.saving is not None:
        saving = status.saving
        found.append(
            (
                "to be saved",
                f"{saving.items:,} items, as predicted ({saving.items_low:,} to "
                f"{saving.items_high:,})",
            )
        )
    return found


def certificate_text(job: LabelingJob) -> str:
    """The promise about machine labels as it stands, in words."""
    certificate = job.status.certificate
    auto = job.spec.auto_labeling
    if auto is None:
        return "none: people label everything"
    if certificate is None or job.status.label_counters.machine_labeled == 0:
        if job.status.completion_time is not None:
            return "none needed: there are no machine labels"
        target = percent(auto.target_error_permille)
        return f"none yet; the target is at most {target} wrong, at a risk of " + percent(
            auto.risk_permille
        )
    return (
        f"at most {percent(certificate.error_bound_permille)} of the machine labels are wrong, "
        f"at a risk of {percent(certificate.risk_permille)} "
        f"({certificate.validated_items:,} checked by people, {certificate.errors:,} wrong)"
    )


def bar(counters: LabelCounters, width: int) -> Text:
    """People, machines and the rest as one bar; whatever is not zero has at least one cell."""
    total = max(counters.total, 1)
    human = _cells(counters.human_labeled, total, width)
    machine = min(_cells(counters.machine_labeled, total, width), width - human)
    return Text.assemble(
        ("█" * human, _HUMAN),
        ("█" * machine, _MACHINE),
        ("░" * (width - human - machine), _UNLABELED),
    )


def step_text(status: JobStatus) -> str:
    """``round 3 · annotate``, and what is unusual about it."""
    succeeded = status.condition("Succeeded")
    if succeeded is not None and succeeded.status != "Unknown":
        return "done"
    step = status.step
    if step is None:
        return "starting"
    text = f"round {step.round} · {step.stage}"
    if step.pass_ > 1:
        text += f", pass {step.pass_}"
    if step.attempt > 1:
        text += f", attempt {step.attempt}"
    return text


def problem_text(status: JobStatus) -> str:
    """What hinders the job, if anything does, and whether it waits for a person."""
    problem = problem_of(status)
    if is_stalled(status):
        return f"stalled: {problem}"
    return f"{problem} {_AGAIN}" if problem.partition(":")[0] in _ASKED_AGAIN else problem


def problem_of(status: JobStatus) -> str:
    """``reason: message`` of what hinders the job, as an Event about it says it; else nothing."""
    problem = status.condition("Stalled") if is_stalled(status) else status.condition("Ready")
    if problem is None or (problem.type == "Ready" and problem.status != "False"):
        return ""
    return f"{problem.reason}: {problem.message}"


def is_stalled(status: JobStatus) -> bool:
    """Whether the job waits for a person, which ends a run."""
    stalled = status.condition("Stalled")
    return stalled is not None and stalled.status == "True"


def _problem_in_line(status: JobStatus) -> str:
    # With what a stalled job says the run ends, so here its reason is enough.
    if is_stalled(status):
        return "  stalled: " + problem_of(status).partition(": ")[0]
    return f"  {problem}" if (problem := problem_text(status)) else ""


def share(items: int, counters: LabelCounters) -> str:
    """``412 (22.9 %)`` of all items."""
    return f"{items:,} ({100 * items / max(counters.total, 1):.1f} %)"


def percent(permille: int) -> str:
    """``5 %`` for 50, ``4.1 %`` for 41."""
    return f"{permille / 10:g} %"


def clock(seconds: float) -> str:
    """``1:05``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _cells(items: int, total: int, width: int) -> int:
    return max(round(width * items / total), min(items, 1))
