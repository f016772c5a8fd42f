"""A seeded catalogue of any size, streamed into the example project's tables with flat memory.

A tree of categories in three levels; names and descriptions of words that are as unevenly frequent as in a real
language; 85 % in stock, 3 % unpublished. COMMON is a word of 2 % of the products, RARE of 0.02 %. Neither is part
of another word, so every kind of search finds the same products.
"""

from __future__ import annotations

import datetime
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# One kind on each line.
BRANDS, ADJECTIVES, MATERIALS, NOUNS, FILLERS = (
    line.split() for line in Path(__file__).with_name("words.txt").read_text().splitlines()
)
COMMON, RARE = "titanium", "obsidian"
COMMON_SHARE, RARE_SHARE, STOCKED_SHARE = 1 / 50, 1 / 5000, 0.85
SENTENCES = 20_000
HIDDEN_EVERY = 33

CATEGORY_COLUMNS = ("id", "name", "slug", "parent_id", "metadata", "private_metadata", "created_at")
PRODUCT_COLUMNS = (
    *("id", "name", "slug", "sku", "description", "price", "compare_at_price", "currency", "category_id", "in_stock"),
    *("is_published", "image_url", "metadata", "private_metadata", "created_at", "updated_at"),
)
NULL = "\\N"


@dataclass(frozen=True)
class Catalogue:
    products: int
    categories: int = 200
    seed: int = 1

    @property
    def roots(self) -> int:
        return max(1, self.categories // 20)

    @property
    def inner(self) -> int:
        """The number of the last category that is no leaf."""
        return self.roots + self.categories // 5

    @property
    def leaf(self) -> int:
        """A category with products and nothing beneath it."""
        return (self.inner + self.categories) // 2

    @property
    def published(self) -> int:
        return self.products - self.products // HIDDEN_EVERY

    def some_published(self, count: int) -> list[int]:
        """Random keys of products that everybody may see."""
        draw = random.Random(self.seed)
        keys = (draw.randint(1, self.products) for _ in itertools.count())
        return list(itertools.islice((key for key in keys if key % HIDDEN_EVERY), count))

    def category_rows(self) -> Iterator[str]:
        draw = random.Random(self.seed)
        for number in range(1, self.categories + 1):
            name = f"{draw.choice(ADJECTIVES)} {draw.choice(NOUNS)}s {number}".capitalize()
            if number <= self.roots:
                parent = NULL
            elif number <= self.inner:
                parent = str((number - 1) % self.roots + 1)
            else:
                parent = str(self.roots + 1 + (number - 1) % (self.inner - self.roots))
            slug = name.lower().replace(" ", "-")
            yield "\t".join((str(number), name, slug, parent, "{}", "{}", "2016-01-01T00:00:00Z"))

    def product_rows(self) -> Iterator[str]:
        draw = random.Random(self.seed)
        sentences = make_sentences(draw)
        start = datetime.datetime(2016, 1, 1, tzinfo=datetime.timezone.utc)
        for number in range(1, self.products + 1):
            noun = draw.choice(NOUNS)
            name = f"{draw.choice(BRANDS)} {draw.choice(ADJECTIVES)} {draw.choice(MATERIALS)} {noun} {number % 1000}"
            text = draw.choices(sentences, k=draw.randint(4, 6))
            if draw.random() < COMMON_SHARE:
                text.insert(2, f"With a {COMMON} {noun} frame.")
            if draw.random() < RARE_SHARE:
                text.insert(2, f"An {RARE} {noun} edition.")
            price = min(4999.0, 1 + draw.paretovariate(1.1) * 8) + draw.random()
            created = (start + datetime.timedelta(seconds=number * 10, microseconds=draw.randrange(10**6))).isoformat()
            yield "\t".join(
                (
                    str(number),
                    name,
                    f"{name.lower().replace(' ', '-')}-{number}",
                    f"SKU{number:09d}" if number % 20 else NULL,
                    " ".join(text),
                    f"{price:.2f}",
                    f"{price * 1.25 + 1:.2f}" if number % 10 == 0 else NULL,
                    "USD",
                    str(draw.randint(self.inner + 1, self.categories)),
                    "t" if draw.random() < STOCKED_SHARE else "f",
                    "t" if number % HIDDEN_EVERY else "f",
                    f"https://images.shop.example/{number}.jpg" if number % 5 else NULL,
                    '{"colour": "grey", "weight": 1.5}' if number % 2 else "{}",
                    "{}",
                    created,
                    created,
                )
            )


def make_sentences(draw: random.Random) -> list[str]:
    """Sentences of eight words, the n-th word of the vocabulary about 1/n times as frequent as the first."""
    syllables = [consonant + vowel for consonant in "bcdfgklmnprstv" for vowel in "aeo"]
    tail = [a + b + c for a, b, c in itertools.product(syllables, syllables, ("l", "m", "n", "r", "nd", "st", "rk"))]
    draw.shuffle(tail)
    words = FILLERS + ADJECTIVES + NOUNS + MATERIALS + tail[:4000]
    weights = list(itertools.accumulate(1 / (rank + 4) for rank in range(len(words))))
    return [" ".join(draw.choices(words, cum_weights=weights, k=8)).capitalize() + "." for _ in range(SENTENCES)]
