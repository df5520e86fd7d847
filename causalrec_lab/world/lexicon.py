"""Opinion words in nine strengths, from -4 (awful) to +4 (perfect), and the phrases made from them.

The first 216 phrases are plain words, those of the same rank of all strengths together; beyond, phrases are composed:
an aside keeps a word's strength, an intensifier and a softener move it by one, a negator turns it round. So a small
vocabulary can be read word by word, and a large one holds rare phrases and paraphrases whose single words mislead.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

__all__ = ["MOST_PHRASES", "STRENGTHS", "phrases"]

STRENGTHS = tuple(range(-4, 5))

_WORDS = {
    -4: """terrible, awful, dreadful, horrible, appalling, useless, atrocious, abysmal, hopeless, disastrous, unusable,
        ghastly, shameful, horrendous, dire, woeful, unbearable, pathetic, wretched, disgraceful, hideous, lousy,
        rotten,
        laughable""",
    -3: """bad, poor, disappointing, shoddy, faulty, inferior, unreliable, defective, tacky, careless, sloppy, botched,
        crude, frustrating, unpleasant, unsatisfying, deficient, regrettable, second-rate, ill-made, unacceptable,
        cheap,
        irritating, substandard""",
    -2: """weak, mediocre, underwhelming, flimsy, clumsy, uneven, dull, bland, awkward, lacklustre, dated, unconvincing,
        rough, messy, tired, uninspired, patchy, limp, drab, stiff, unflattering, sagging, dreary, unimpressive""",
    -1: """so-so, nothing special, passable, plain, basic, middling, unremarkable, inconsistent, modest, forgettable,
        tolerable, imperfect, bearable, lukewarm, a bit off, hit and miss, less than ideal, not quite right, slightly
        off,
        rather plain, unexciting, a little dull, a touch thin, unpolished""",
    0: """average, as expected, standard, typical, normal, usual, regular, as described, as pictured, conventional,
    neutral,
        common, moderate, middle of the road, in line with the photos, true to the listing, like others I own,
        customary,
        familiar, ordinary, par for the course, routine, unsurprising, what one expects""",
    1: """fine, okay, decent, acceptable, adequate, reasonable, fair, alright, satisfactory, sound, serviceable,
    agreeable,
        sensible, practical, presentable, handy, neat, respectable, good enough, competent, suitable, tidy, workable,
        unobjectionable""",
    2: """good, nice, solid, pleasant, reliable, comfortable, sturdy, pleasing, likeable, well made, attractive, smart,
        dependable, charming, appealing, enjoyable, commendable, robust, well judged, thoughtful, durable, fresh,
        polished,
        welcome""",
    3: """great, lovely, excellent, impressive, delightful, wonderful, beautiful, elegant, first-rate, terrific,
    superior,
        refined, gorgeous, splendid, admirable, fantastic, brilliant, striking, luxurious, top-notch, marvellous,
        remarkable, classy, fabulous""",
    4: """perfect, outstanding, flawless, superb, exceptional, amazing, magnificent, faultless, stunning, phenomenal,
        sublime, breathtaking, immaculate, unbeatable, incredible, extraordinary, spectacular, unrivalled, masterful,
        exquisite, impeccable, world-class, peerless, astonishing""",
}
_ADVERBS = ("honestly", "frankly", "simply", "plainly")
_ASIDES = (
    "overall", "to my mind", "in my view", "on the whole", "I must say", "to be fair", "all in all", "truth be told",
    "in my eyes", "if you ask me",
)  # fmt: skip
_INTENSIFIERS = ("really", "very", "truly")
_SOFTENERS = ("fairly", "rather", "somewhat", "quite")
_NEGATORS = ("far from", "not exactly", "anything but", "hardly")


def _composed() -> list[tuple[str, int]]:
    made: list[tuple[str, int]] = []
    for strength, words in _PLAIN.items():
        size, sign = abs(strength), 1 if strength > 0 else -1
        for word in words:
            made += [(f"{adverb} {word}", strength) for adverb in _ADVERBS]
            made += [(f"{word}, {aside}", strength) for aside in _ASIDES]
            if size in (2, 3):
                made += [(f"{more} {word}", sign * (size + 1)) for more in _INTENSIFIERS]
                made += [(f"{less} {word}", sign * (size - 1)) for less in _SOFTENERS]
            if size >= 2:
                made += [(f"{no} {word}", -sign * (2 if size == 4 else 1)) for no in _NEGATORS]
    return made


_PLAIN = {strength: tuple(" ".join(word.split()) for word in text.split(",")) for strength, text in _WORDS.items()}


@lru_cache(maxsize=1)
def _ordered() -> tuple[tuple[str, int], ...]:
    """Every phrase with its strength: plain words rank by rank, then the composed ones in one fixed shuffled order."""
    plain = [(words[rank], strength) for rank in range(len(_PLAIN[0])) for strength, words in _PLAIN.items()]
    composed = _composed()
    order = np.random.default_rng(20_251_120).permutation(len(composed))
    return (*plain, *(composed[i] for i in order))


def phrases(vocabulary: int) -> dict[int, tuple[str, ...]]:
    """The first `vocabulary` phrases, by strength, each list from common to rare.

    Parameters
    ----------
    vocabulary
        How many phrases in all, 18 to `MOST_PHRASES`.
    """
    chosen = _ordered()[:vocabulary]
    return {strength: tuple(text for text, at in chosen if at == strength) for strength in STRENGTHS}


MOST_PHRASES = len(_ordered())
