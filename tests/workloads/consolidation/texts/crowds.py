"""People who type what they hear, with stated rates of error."""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.texts import TextAnswers


def made_up_transcripts(
    seed: int,
    n_items: int = 80,
    n_annotators: int = 15,
    per_item: int = 5,
    vocabulary: int = 400,
    worst: float = 0.35,
) -> tuple[TextAnswers, list[str]]:
    """Answers, and the true text of each item: 4 to 16 words, common ones more often.

    An annotator misses each word with a rate of their own, .02 to ``worst``: half of the mistakes
    are another word, a quarter leave it out, a quarter add one before it.
    """
    rng = np.random.default_rng(seed)
    common = 1 / np.arange(1, vocabulary + 1)
    common /= common.sum()

    def word() -> str:
        return f"w{rng.choice(vocabulary, p=common)}"

    truth = [[word() for _ in range(rng.integers(4, 17))] for _ in range(n_items)]
    rate = rng.uniform(0.02, worst, n_annotators)
    item, annotator, texts = [], [], []
    for i, words in enumerate(truth):
        for who in rng.permutation(n_annotators)[:per_item].tolist():
            typed: list[str] = []
            for each in words:
                kind = rng.integers(4) if rng.random() < rate[who] else -1
                typed += {-1: [each], 0: [word()], 1: [word()], 2: [], 3: [word(), each]}[int(kind)]
            item.append(i)
            annotator.append(who)
            texts.append(" ".join(typed))
    answers = TextAnswers.of(item, annotator, texts, n_items, n_annotators)
    return answers, [" ".join(words) for words in truth]
