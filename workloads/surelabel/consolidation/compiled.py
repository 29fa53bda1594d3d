"""Loops that NumPy cannot express, compiled to machine code by Numba.

Importing Numba takes half a second and compiling a kernel more, so modules with kernels are
imported by the function that needs them, and only for input that is large enough to pay for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(kernel: Kernel) -> Kernel:
    """``kernel`` in machine code, kept on disk for the next process where a folder allows it.

    It releases the interpreter lock, so that threads may run it side by side. No fast-math: the
    same input gives the same bits on every machine.
    """
    try:
        made = numba.njit(cache=True, nogil=True)(kernel)
    except RuntimeError:
        # Numba found no folder that it may write to, as in a container with a read-only root.
        made = numba.njit(nogil=True)(kernel)
    return cast("Kernel", made)


def n_threads() -> int:
    """How many threads to use: OMP_NUM_THREADS where it is set, as Ray does, else all cores."""
    wish = os.environ.get("OMP_NUM_THREADS", "")
    return int(wish) if wish.isdecimal() and int(wish) else len(os.sched_getaffinity(0))
