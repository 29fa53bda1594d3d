"""Which marks of an item are the same instance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.masks.instance_answers import InstanceAnswers

Ints = NDArray[np.int64]


def by_item(answers: InstanceAnswers) -> dict[int, Ints]:
    """The marks of each item that has any, in an order that only their geometry decides."""
    of_item = answers.item[answers.answer]
    keys = [
        (*box, mask.tobytes()) for box, mask in zip(answers.box.tolist(), answers.mask, strict=True)
    ]
    order = sorted(range(len(keys)), key=lambda m: (of_item[m], keys[m], answers.label[m]))
    items, starts = np.unique(of_item[order], return_index=True)
    parts = np.split(np.array(order, np.int64), starts[1:])
    return dict(zip(items.tolist(), parts, strict=False))


def matched(answers: InstanceAnswers, marks: Ints, match: float) -> list[Ints]:
    """The instances of one item (``marks`` as ``by_item`` has them), by object."""
    who = answers.annotator[answers.answer[marks]]
    total = answers.ious(marks)
    members = [[m] for m in range(len(marks))]
    people = [{int(code)} for code in who]
    cluster = list(range(len(marks)))
    pairs = np.argwhere(np.triu(total >= match, 1))
    best = np.argsort(-total[pairs[:, 0], pairs[:, 1]], kind="stable")
    for i, j in pairs[best]:
        a, c = sorted((cluster[i], cluster[j]))
        if a == c or people[a] & people[c]:
            continue
        if total[a, c] < match * len(members[a]) * len(members[c]):
            continue
        # Sums of IoUs between clusters: those of the two together.
        total[a] += total[c]
        total[:, a] += total[:, c]
        people[a] |= people[c]
        members[a] += members[c]
        for m in members[c]:
            cluster[m] = a
    return [marks[sorted(members[a])] for a in sorted(set(cluster))]


def known_instances(
    told: InstanceAnswers, marks: Ints, match: float
) -> tuple[list[tuple[int, Ints]], Ints]:
    """Each known instance of an item with people's marks of it; and the marks of none.

    ``marks``: all of the item, as ``by_item`` has them. A mark is of the known
    instance with which its IoU is greatest, if ``match`` or more, the greatest first, and one of
    each annotator for each instance.
    """
    who = told.annotator[told.answer[marks]]
    is_known = who == told.oracle
    iou = told.ious(marks)
    near = np.argwhere((iou >= match) & is_known[:, None] & ~is_known[None, :])
    of: dict[int, list[int]] = {row: [] for row in np.flatnonzero(is_known).tolist()}
    taken: set[int] = set()
    served: set[tuple[int, int]] = set()
    for known, mark in near[np.argsort(-iou[near[:, 0], near[:, 1]], kind="stable")].tolist():
        if mark not in taken and (known, int(who[mark])) not in served:
            taken.add(mark)
            served.add((known, int(who[mark])))
            of[known].append(mark)
    free = [row for row in np.flatnonzero(~is_known).tolist() if row not in taken]
    found = [(int(marks[row]), marks[np.array(sorted(own), int)]) for row, own in of.items()]
    return found, marks[np.array(free, int)]
