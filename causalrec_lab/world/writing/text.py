"""Texts written from the latents before any treatment: item titles and texts, and users' earlier reviews.

What an item is (category, material, style, colour, use) follows its attributes v_i; what a user reviewed follows the
taste theta_u; how well things are spoken of follows the hidden traits h_i and h_u, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from causalrec_lab.world.people.population import Floats, Ints, Population, stream
from causalrec_lab.world.writing.lexicon import STRENGTHS, phrases
from causalrec_lab.world.writing.paraphrases import paraphrases
from causalrec_lab.world.writing.reading import OpinionModel, calibrated

__all__ = ["Texts", "bag_of_words", "own_attributes"]

Words = npt.NDArray[np.object_]

SHARPNESS = 1.2  # how much a choice of words follows the latent it speaks of
REVIEWS = 3  # products a user's text speaks of


@dataclass(frozen=True, eq=False)
class Texts:
    """Titles and texts of one population.

    Parameters
    ----------
    population
        Whose latents are written of.
    target_r2
        The text dial.
    vocabulary
        Opinion phrases in use.
    seed
        The population's seed.
    zipf, paraphrase
        Exponent of the phrases' frequencies, and the share of opinions that are whole sentences; see `Dials`.
    """

    population: Population
    target_r2: float
    vocabulary: int
    seed: int
    zipf: float = 1.0
    paraphrase: float = 0.0

    @property
    def model(self) -> OpinionModel:
        """Law of the opinions."""
        return calibrated(self.target_r2)

    @cached_property
    def user_strengths(self) -> Ints:
        """Strengths of the opinions in each user's text, shape (n_users, m)."""
        return self.model.draw(self.population.h_user, stream("user opinions", self.seed))

    @cached_property
    def item_strengths(self) -> Ints:
        """Strengths of the opinions in each item's text, shape (n_items, m)."""
        return self.model.draw(self.population.h_item, stream("item opinions", self.seed))

    @cached_property
    def user_oracle(self) -> Floats:
        """E[h_u | text of u], shape (n_users,)."""
        return self.model.posterior_mean(self.user_strengths)

    @cached_property
    def item_oracle(self) -> Floats:
        """E[h_i | text of i], shape (n_items,)."""
        return self.model.posterior_mean(self.item_strengths)

    @cached_property
    def measured_r2(self) -> float:
        """R^2 of h given both texts in this population, over all pairs: 1 - E[(h - E[h | text])^2] / Var(h)."""
        left = self.population.h_user - self.user_oracle
        right = self.population.h_item - self.item_oracle
        error = left.var() + right.var() + (left.mean() + right.mean()) ** 2
        return float(1.0 - error / (self.population.h_user.var() + self.population.h_item.var()))

    @cached_property
    def titles(self) -> list[str]:
        """Title of each item: style, material, noun."""
        return self._item_words[0]

    @cached_property
    def item_colours(self) -> Ints:
        """Number of the colour word in each item's text among the scenario's colours, shape (n_items,)."""
        number = {word: place for place, word in enumerate(self.population.scenario.colours)}
        return np.array([number[word] for word in self._item_words[2]], dtype=np.int64)

    @cached_property
    def items(self) -> list[str]:
        """Text of each item: what it is, then what buyers write."""
        heads = self._item_words[1]
        opinions = self._opinions(self.item_strengths, self.population.category, "item")
        between = self.population.scenario.voice.said
        return [f"{head} {between} {_sentences(said)}" for head, said in zip(heads, opinions, strict=True)]

    @cached_property
    def users(self) -> list[str]:
        """Text of each user: earlier reviews of a few products."""
        population, scenario = self.population, self.population.scenario
        rng = stream("user words", self.seed)
        taste = np.repeat(population.theta / population.theta.std(axis=0).mean(), REVIEWS, axis=0)
        category = _choose(taste @ population.centroids.T * SHARPNESS, rng)
        nouns = self._nouns(category, rng)
        colour = self._words(scenario.colours, taste, "colours", rng)
        use = self._words(scenario.uses, taste, "uses", rng)
        opinions = self._opinions(self.user_strengths, category.reshape(-1, REVIEWS), "user")
        frame = scenario.voice.review.format
        heads = [
            frame(colour=c, a_colour=f"{_article(c)} {c}", noun=n, use=u)
            for c, n, u in zip(colour, nouns, use, strict=True)
        ]
        return [
            " ".join(f"{heads[start + r]} {_sentences(said[r::REVIEWS])}" for r in range(REVIEWS))
            for start, said in zip(range(0, len(heads), REVIEWS), opinions, strict=True)
        ]

    @cached_property
    def _item_words(self) -> tuple[list[str], list[str], list[str]]:
        population, scenario = self.population, self.population.scenario
        rng = stream("item words", self.seed)
        own = own_attributes(population)
        nouns, style = self._nouns(population.category, rng), self._words(scenario.styles, own, "styles", rng)
        colour, use = self._words(scenario.colours, own, "colours", rng), self._words(scenario.uses, own, "uses", rng)
        materials = np.array([c.materials for c in scenario.categories], dtype=object)
        material = materials[population.category, _choose(own @ self._vectors("materials", materials.shape[1]).T, rng)]
        voice, words = scenario.voice, zip(style, material, nouns, colour, strict=True)
        slots = [{"style": s, "material": m, "noun": n, "colour": c} for s, m, n, c in words]
        titles = [_capital(voice.title.format(**slot)) for slot in slots]
        heads = [
            voice.item.format(title=t, a_colour=f"{_article(slot['colour'])} {slot['colour']}", use=u, **slot)
            for t, u, slot in zip(titles, use, slots, strict=True)
        ]
        return titles, heads, colour

    def _nouns(self, category: Ints, rng: np.random.Generator) -> list[str]:
        table = np.array([c.nouns for c in self.population.scenario.categories], dtype=object)
        return list(table[category, rng.integers(table.shape[1], size=len(category))])

    def _words(self, options: Sequence[str], latent: Floats, kind: str, rng: np.random.Generator) -> list[str]:
        """One word a row, chosen by a softmax in the latent: the same word means the same for users and items."""
        scores = SHARPNESS * latent @ self._vectors(kind, len(options)).T
        return list(np.array(options, dtype=object)[_choose(scores, rng)])

    def _vectors(self, kind: str, count: int) -> Floats:
        vectors = stream(f"meaning of {kind}", self.seed).standard_normal((count, self.population.scenario.taste))
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    def _opinions(self, strengths: Ints, category: Ints, whose: str) -> list[list[str]]:
        """Opinion clauses of each text: an aspect of the product, a phrase of the drawn strength, a frame."""
        rng = stream(f"{whose} phrases", self.seed)
        aspects = [c.aspects for c in self.population.scenario.categories]
        phrase = self._phrases(strengths, rng)
        about = np.broadcast_to(category.reshape(len(strengths), -1), (len(strengths), category.size // len(strengths)))
        about = about[:, np.arange(strengths.shape[1]) % about.shape[1]]
        which = rng.integers(len(aspects[0]), size=strengths.shape).tolist()
        frames = (*self.population.scenario.voice.opinions, "{phrase}")  # a paraphrase stands alone
        frame = rng.integers(len(frames) - 1, size=strengths.shape)
        self._paraphrase(strengths, phrase, frame, whose)
        return [
            [frames[f].format(aspect=aspects[c][a], phrase=p) for f, c, a, p in zip(*row, strict=True)]
            for row in zip(frame.tolist(), about.tolist(), which, phrase.tolist(), strict=True)
        ]

    def _paraphrase(self, strengths: Ints, phrase: Words, frame: Ints, whose: str) -> None:
        """Write a share of the opinions as whole sentences of the same strength, in place."""
        if self.paraphrase == 0:
            return
        rng, known = stream(f"{whose} paraphrases", self.seed), paraphrases()
        told = rng.random(strengths.shape) < self.paraphrase
        for strength in STRENGTHS:
            here = told & (strengths == strength)
            phrase[here] = rng.choice(np.array(known[strength], dtype=object), size=int(here.sum()))
        frame[told] = len(self.population.scenario.voice.opinions)

    def _phrases(self, strengths: Ints, rng: np.random.Generator) -> Words:
        """A phrase of each strength, common ones first: chance of rank k proportional to k to the power -zipf."""
        words = phrases(self.vocabulary)
        table = np.empty(strengths.shape, dtype=object)
        for strength in STRENGTHS:
            here = strengths == strength
            weights = np.arange(1.0, len(words[strength]) + 1) ** -self.zipf
            edges = np.cumsum(weights / weights.sum())[:-1]
            rank = np.searchsorted(edges, rng.random(int(here.sum())))
            table[here] = np.array(words[strength], dtype=object)[rank]
        return table


def bag_of_words(texts: Texts, users: Ints, items: Ints) -> npt.NDArray[np.float32]:
    """Counts of words in a user's and an item's text together, shape (n, words)."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(min_df=2, dtype=np.float32, token_pattern=r"(?u)\b\w[\w-]+\b")
    said = sorted({*users.tolist()})
    counts = counter.fit_transform([texts.users[u] for u in said] + [texts.items[i] for i in sorted({*items.tolist()})])
    left, right = counts[: len(said)], counts[len(said) :]
    rows = left[np.searchsorted(said, users)] + right[np.searchsorted(np.unique(items), items)]
    return np.asarray(rows.toarray(), dtype=np.float32)


def _choose(scores: Floats, rng: np.random.Generator) -> Ints:
    """One option a row from a softmax, by Gumbel's trick."""
    return np.asarray(np.argmax(scores + rng.gumbel(size=scores.shape), axis=1))


def own_attributes(population: Population) -> Floats:
    """What sets each item apart in its category: v_i less the category's mean, standard deviation 1, (n_items, K)."""
    count = len(population.scenario.categories)
    sums = np.zeros((count, population.v.shape[1]))
    np.add.at(sums, population.category, population.v)
    sizes = np.maximum(np.bincount(population.category, minlength=count), 1)
    own = population.v - (sums / sizes[:, None])[population.category]
    spread = float(own.std(axis=0).mean())
    return np.asarray(own / spread if spread > 1e-9 else 0.0 * own)  # one item a category: none stands apart


def _article(word: str) -> str:
    """An before a vowel, a elsewhere."""
    return "an" if word[0] in "aeiou" else "a"


def _sentences(clauses: Sequence[str]) -> str:
    """Clauses as sentences."""
    return " ".join(f"{_capital(clause)}." for clause in clauses)


def _capital(words: str) -> str:
    """Words with a capital at the beginning."""
    return f"{words[0].upper()}{words[1:]}"
