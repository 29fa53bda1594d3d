"""Made-up reviews of a web shop, each about one topic; the text sample.

The same reviews every time. Every review also mentions a second topic in passing, in words that
other reviews use for their main point, so that single words do not give the topic away.
"""

from __future__ import annotations

import random
import re

TOPICS = ("Delivery", "Quality", "Price", "Service")
COUNT = 600
_SEED = 20

_PRODUCTS = (
    "kettle", "backpack", "desk lamp", "rain jacket", "headset", "bread knife", "alarm clock",
    "water bottle", "office chair", "tent", "phone case", "coffee grinder", "bicycle pump",
    "blanket", "watering can", "keyboard", "pair of boots", "frying pan", "toolbox", "yoga mat",
)  # fmt: skip
_OPENERS = (
    "I ordered the {product} for my sister.", "This was my second order here.",
    "The {product} was a present.", "I had been looking for a {product} for a while.",
    "First time I bought a {product} online.", "We needed a {product} before the holidays.",
    "A friend told me about this shop.", "My old {product} gave up last month.",
    "I have had the {product} for three weeks.", "I do not write reviews often.",
)  # fmt: skip
_CLOSERS = (
    "That is what I will remember.", "I thought others should know.", "Two stars from me.",
    "Make of that what you will.", "Four stars from me.", "I would still order again.",
    "I will look elsewhere next time.", "My neighbour says the same.",
    "It may be different for you.", "So much for the pictures on the page.",
)  # fmt: skip
# What the review is about.
_MAIN = {
    "Delivery": (
        "The parcel took {days} days although two were promised.",
        "The courier left the box in the rain behind the bins.",
        "It arrived {days} days early and was left with the right neighbour.",
        "Tracking said delivered for {days} days before anything came.",
        "The driver rang, waited, and carried the {product} up to the door.",
        "Nobody told me when it would arrive, so I stayed in for {days} days.",
        "The package came crushed, with the tape half open.",
        "Ordered in the evening, here the next morning.",
        "It was shipped to an address I left {days} years ago.",
        "The second half of the order is still on its way after {days} days.",
    ),
    "Quality": (
        "The {product} broke after {days} days of normal use.",
        "The material feels thin and the seams come apart.",
        "Everything about the {product} is solid, nothing rattles or bends.",
        "After {days} weeks it works as on the first day.",
        "The handle came loose and the paint peels off.",
        "It is well made, down to the smallest screw.",
        "One side is scratched and the lid does not close.",
        "The {product} stopped working after {days} days.",
        "The finish is better than on the one I had before.",
        "It smells of plastic and wobbles on a flat table.",
    ),
    "Price": (
        "I paid {days} euros more than it costs in the shop around the corner.",
        "For this money you get a much better {product} elsewhere.",
        "With the discount the {product} was a real bargain.",
        "It was {days} euros cheaper a week after I bought it.",
        "You cannot get a {product} for less, I compared.",
        "The amount at the checkout was higher than on the page.",
        "Worth every cent, I expected to spend twice as much.",
        "The voucher of {days} euros was not accepted.",
        "They charge extra for what should be included.",
        "Fair for what you get, and {days} percent off on top.",
    ),
    "Service": (
        "I wrote to them three times and got an answer after {days} days.",
        "The lady on the phone was friendly and sorted it out in minutes.",
        "Support sent me the same standard reply {days} times.",
        "They took the {product} back without asking questions.",
        "The chat kept me waiting for {days} minutes and then closed.",
        "Someone called back the same afternoon to make sure all was well.",
        "Nobody there feels responsible, I was passed on {days} times.",
        "My refund was approved within the hour.",
        "They apologised and sent a replacement at once.",
        "The staff would not believe that the {product} was faulty.",
    ),
}
# What it mentions in passing; deliberately in the words of the main sentences.
_ASIDE = {
    "Delivery": (
        "It came on time, by the way.", "The parcel was fine.", "Shipping took a few days.",
        "The courier did his job.",
    ),
    "Quality": (
        "The {product} itself is all right.", "It works, at least.", "It looks well made.",
        "The material is not the point.",
    ),
    "Price": (
        "The price was as expected.", "I paid with a voucher.", "It was on discount.",
        "Money is not the issue here.",
    ),
    "Service": (
        "I did not need support.", "They answered my one question.", "The staff was polite.",
        "I have not asked for a refund.",
    ),
}  # fmt: skip


def write_reviews(count: int = COUNT) -> list[tuple[str, str]]:
    """``count`` different (review, topic); topics take turns in random order."""
    rng = random.Random(_SEED)  # noqa: S311 - the same reviews every time
    topics = [TOPICS[index % len(TOPICS)] for index in range(count)]
    rng.shuffle(topics)
    # A dict, since two equal texts would be one item to people but two to a model.
    written: dict[str, str] = {}
    for topic in topics:
        text = _review(topic, rng)
        while text in written:
            text = _review(topic, rng)
        written[text] = topic
    return list(written.items())


def mentions(text: str) -> list[tuple[str, int, int]]:
    """Where a review names a product or a number of days: label, start and end, by start."""
    found = [
        ("Product", match.start(), match.end())
        for product in _PRODUCTS
        for match in re.finditer(rf"\b{product}\b", text)
    ]
    found += [("Duration", m.start(), m.end()) for m in re.finditer(r"\d+ (?:days|years)", text)]
    return sorted(found, key=lambda each: each[1])


def _review(topic: str, rng: random.Random) -> str:
    other = rng.choice([name for name in TOPICS if name != topic])
    body = [rng.choice(_MAIN[topic]), rng.choice(_ASIDE[other])]
    rng.shuffle(body)
    sentences = [rng.choice(_OPENERS), *body, rng.choice(_CLOSERS)]
    product, days = rng.choice(_PRODUCTS), rng.randrange(3, 15)
    return " ".join(sentence.format(product=product, days=days) for sentence in sentences)
