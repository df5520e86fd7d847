"""Opinion words in nine strengths, from -4 (awful) to +4 (perfect), and the phrases made from them.

The first 432 phrases are plain words, those of the same rank of all strengths together; beyond, phrases are composed:
an aside keeps a word's strength, an intensifier and a softener move it by one, a negator turns it round. So a small
vocabulary can be read word by word, and a large one holds rare phrases and paraphrases whose single words mislead.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

__all__ = ["MOST_PHRASES", "STRENGTHS", "phrases"]

STRENGTHS = tuple(range(-4, 5))

_WORDS = {
    -4: """terrible, awful, dreadful, horrible, appalling, useless, atrocious, abysmal, hopeless, disastrous,
        unusable, ghastly, shameful, horrendous, dire, woeful, unbearable, pathetic, wretched, disgraceful,
        hideous, lousy, rotten, laughable, abominable, deplorable, loathsome, revolting, worthless,
        catastrophic, horrid, vile, disgusting, ruinous, insulting, intolerable, nightmarish, horrifying,
        repulsive, inexcusable, contemptible, offensive, farcical, unforgivable, godawful, miserable,
        grotesque, outrageous""",
    -3: """bad, poor, disappointing, shoddy, faulty, inferior, unreliable, defective, tacky, careless, sloppy,
        botched, crude, frustrating, unpleasant, unsatisfying, deficient, regrettable, second-rate, ill-made,
        unacceptable, cheap, irritating, substandard, unsatisfactory, annoying, subpar, lamentable,
        troublesome, flawed, slipshod, unsightly, ugly, inadequate, dismal, low-grade, badly made, poorly
        finished, gaudy, disheartening, displeasing, worrying, amateurish, brittle, misshapen, unstable,
        crooked, unfit""",
    -2: """weak, mediocre, underwhelming, flimsy, clumsy, uneven, dull, bland, awkward, lacklustre, dated,
        unconvincing, rough, messy, tired, uninspired, patchy, limp, drab, stiff, unflattering, sagging,
        dreary, unimpressive, lacking, unpersuasive, cumbersome, wobbly, scratchy, faded, frayed, crumpled,
        itchy, clunky, coarse, baggy, shapeless, unbalanced, lifeless, insipid, tiresome, gimmicky, fiddly,
        unrefined, scruffy, lopsided, ungainly, grubby""",
    -1: """so-so, nothing special, passable, plain, basic, middling, unremarkable, inconsistent, modest,
        forgettable, tolerable, imperfect, bearable, lukewarm, a bit off, hit and miss, less than ideal, not
        quite right, slightly off, rather plain, unexciting, a little dull, a touch thin, unpolished,
        unspectacular, run-of-the-mill, undistinguished, pedestrian, nondescript, unambitious, indifferent,
        workaday, commonplace, unassuming, sparse, subdued, faint, muted, no great shakes, nothing to write
        home about, not my favourite, short of ideal, a shade off, a bit bland, a trifle loose, a little
        tired, less than exciting, not quite finished""",
    0: """average, as expected, standard, typical, normal, usual, regular, as described, as pictured,
        conventional, neutral, common, moderate, middle of the road, in line with the photos, true to the
        listing, like others I own, customary, familiar, ordinary, par for the course, routine, unsurprising,
        as anticipated, standard-issue, to specification, textbook, everyday, mid-range, in the usual range,
        of the usual kind, true to the label, neither more nor less, as advertised, as the title says, much
        like the last one, similar to the others, typical of its kind, the same as before, comparable, medium,
        factory-standard, in keeping with the description, unchanged, known from before, as shown, of middling
        size, as ordered""",
    1: """fine, okay, decent, acceptable, adequate, reasonable, fair, alright, satisfactory, sound, serviceable,
        agreeable, sensible, practical, presentable, handy, neat, respectable, good enough, competent,
        suitable, tidy, workable, unobjectionable, pleasant enough, nice enough, capable, functional, usable,
        proper, suited to the purpose, up to scratch, in good order, well enough made, trustworthy,
        convenient, straightforward, sturdy enough, cosy, likeable enough, not bad, not bad at all,
        respectable enough, creditable, clean, balanced, orderly, useful""",
    2: """good, nice, solid, pleasant, reliable, comfortable, sturdy, pleasing, likeable, well made, attractive,
        smart, dependable, charming, appealing, enjoyable, commendable, robust, well judged, thoughtful,
        durable, fresh, polished, welcome, graceful, stylish, cheerful, snug, supple, crisp, well finished,
        well cut, well balanced, trim, lively, inviting, soft, smooth, handsome, flattering, tasteful,
        hard-wearing, long-lasting, resilient, satisfying, good-looking, dapper, rewarding""",
    3: """great, lovely, excellent, impressive, delightful, wonderful, beautiful, elegant, first-rate, terrific,
        superior, refined, gorgeous, splendid, admirable, fantastic, brilliant, striking, luxurious,
        top-notch, marvellous, remarkable, classy, fabulous, exciting, sumptuous, radiant, stellar, plush,
        dazzling, enchanting, first-class, high-grade, expertly made, captivating, glorious, sensational,
        exemplary, praiseworthy, noteworthy, beautifully finished, wonderfully made, winning, lavish,
        ravishing, joyful, splendidly cut, inspired""",
    4: """perfect, outstanding, flawless, superb, exceptional, amazing, magnificent, faultless, stunning,
        phenomenal, sublime, breathtaking, immaculate, unbeatable, incredible, extraordinary, spectacular,
        unrivalled, masterful, exquisite, impeccable, world-class, peerless, astonishing, divine, heavenly,
        second to none, unsurpassed, unparalleled, matchless, incomparable, mind-blowing, jaw-dropping,
        spotless, ideal, dreamlike, out of this world, beyond compare, awe-inspiring, wondrous, miraculous,
        unequalled, supreme, pristine, transcendent, priceless, superlative, unmatched""",
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
