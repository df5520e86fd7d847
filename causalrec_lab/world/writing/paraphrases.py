"""Opinions told without naming a quality: whole sentences of each strength, about any product, song or film.

Each pattern opens into all its choices, so that two reviewers who mean the same seldom use the same words.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

import numpy as np

__all__ = ["paraphrases"]

_PATTERNS = {
    -4: """I {demanded|asked for|insisted on} my money back {the same day|within the hour|on the spot}
        It {ended up|landed} in the {bin|dustbin|rubbish|skip} {before lunch|by nightfall|that very evening}
        {Nobody|Not a soul|No one} should ever have to {put up with|suffer|endure} this
        I would not {wish|inflict|force} it on my {worst enemy|fiercest rival}
        Whoever {approved|signed off|released} this ought to {apologise|be ashamed|find another trade}
        I have {never|not once} felt so {cheated|robbed|swindled|ripped off}
        {Run|Walk|Turn} away while you {still can|have the chance}
        It {ruined|wrecked|spoiled} {my whole week|an entire holiday|the party for everybody}""",
    -3: """I {sent|shipped|handed} it back {without a second thought|after one try|as soon as I could}
        I {regret|resent|begrudge} every {penny|cent|minute} I {put into|gave to|spent on} it
        {Save|Keep} your {money|cash|coins} and {look|search|shop} elsewhere
        I {lost|ran out of} patience {almost at once|within minutes|after a day}
        My {sister|neighbour|colleague} {warned|cautioned} me against it and she was right
        I {complained|wrote to the seller|called the hotline} {twice|three times} and heard nothing
        It {let me down|failed me} {when it counted|at the first test|from the start}
        I {would not|will not} {make this mistake|fall for this|go near it} again""",
    -2: """I {expected|hoped for|was promised} {more|rather more} {than this|than I got}
        It {sits|lies|stays} in a {drawer|corner|box} {most of the time|these days|gathering dust}
        I {lost interest|gave up|grew tired of it} {halfway|sooner than I thought|before the end}
        {Somehow|In the end} it never {won me over|grew on me|convinced me}
        I keep {wishing|thinking} I had {chosen|picked|gone for} {another|something else}
        The {pictures|reviews|adverts} {promised|suggested} what it {cannot|does not} {keep|deliver|live up to}
        I {passed it on|gave it away} {to a cousin|to the charity shop} and do not miss it
        Next time I will {think twice|leave it|read more reviews first}""",
    -1: """I {can|could} {live with|put up with} it but {would not|need not} {seek it out|go looking for it}
        {Part of me|Half of me} wonders {whether|if} I {needed|wanted} it at all
        It {took|needed} {some time|a while|a few tries} {to get used to|before I got along with it}
        I have {known|met|had} {others|rivals} {I liked better|that did more for me}
        It {nearly|almost} {gets there|does the trick|hits the mark} and then {stops short|falls behind|trips}
        A {few|couple of} {things|details} {bother|nag|puzzle} me {now and then|a little|still}
        I {doubt|am not sure} I would {pick|choose|take} it {a second time|again}
        My {first|early} {enthusiasm|excitement} has {cooled|worn thin|faded away} somewhat""",
    0: """It {arrived|came} {on Tuesday|last week|in March} and I have {no strong feelings|little to add|formed no view}
        I {use|take} it {now and again|from time to time} {and think little of it|like any other}
        {Some|A few} will {like|take to} it and {some|others} will not
        It {does|is} {what the label says|what one would suppose|neither more nor less than I thought}
        I {can|could} take it or leave it
        {There are|One finds} {arguments|points} on {both sides|either side}
        I {asked|looked} for {one of these|this kind} and {that is what I got|here it is}
        {Ask me|Come back} {again|once more} in {a month|half a year|a season} and I may {know|say} more""",
    1: """I {see|find} no {reason|cause} to {complain|grumble|send it back}
        It {does its job|serves its purpose|gets me through} {without fuss|day in day out|and asks for little}
        I {got|received} {roughly|about} what I {paid for|bargained for|came for}
        It {earns|has found} its {place|keep} {in my home|in my week|with us}
        I {warmed to|came round to|made friends with} it {after a while|bit by bit|in time}
        {Given the price|For the money} I {would not|will not} argue
        My {partner|flatmate|brother} {approves|has no objections|gave a nod}
        It has {caused|given} me no {trouble|bother|headaches} {so far|up to now}""",
    2: """I {would|will} {buy from them|come back to this maker|look at their next one} again
        I {reach for|turn to|pick} it {more often than not|most days|before the others}
        It {surprised|cheered|pleased} me {more than I thought|from the first day|on a grey morning}
        I have {mentioned|shown} it to {a few friends|people at work|my parents} who {wanted one too|liked the idea}
        {Money|Time} {well spent|I do not regret}
        It {kept|delivered} {every promise|all it promised} {on the page|in the advert}
        I am {glad|happy} I {listened to the advice|gave it a chance|clicked on it}
        It {fits|slips} into my {days|routine|life} {as if meant to|without effort}""",
    3: """I {bought|ordered|got} {another|a second|two more} {for my sister|as a gift|for a friend} {at once|next day}
        {Everyone|Half the office|Each visitor} {wants to know|has asked} where I {found|got|discovered} it
        I {recommend|praise|point people to} it {wherever I go|whenever I can|to whoever listens}
        It {put|puts} a {smile|grin} on my face {each time|every morning|all day long}
        I {cannot|could never} {stop|quit} {talking about it|showing it around|going back to it}
        I would {choose|take|pick} it {again|over all the rest} {in a heartbeat|without blinking|any day}
        {Hats off|Full marks|Bravo} to {whoever|the people who} {made|thought of|came up with} this
        My {family|friends} {envy|quarrel over|keep borrowing} mine""",
    4: """I {fell in love|lost my heart} {at first sight|within seconds|on day one} and {it never stopped|so it stayed}
        {Nothing|Not one thing} I own {comes close|can touch it|holds a candle to it}
        I would {cross an ocean|pay double|queue all night|give up coffee} for {it|this}
        It {changed|lit up} {my life|my whole year|everything for me}
        They will have to {pry it from my hands|bury me with it|drag me away from it}
        I {wept|cried|jumped} {with joy|for happiness} when I {first|finally} {found|had} it
        {Stop reading|Do not wait} and {order|get|take} it {this minute|before it is gone}
        I have {waited|searched|longed} {all my life|for decades|since childhood} for {this|such a thing}""",
}
_CHOICE = re.compile(r"\{([^}]*)\}")


@lru_cache(maxsize=1)
def paraphrases() -> dict[int, tuple[str, ...]]:
    """Sentences of each strength, without a full stop, in a fixed shuffled order; a pattern's choices all stand there.

    A pattern with more than 40 sentences is thinned to 40, so that none crowds out the others.
    """
    rng = np.random.default_rng(20_261_121)
    made: dict[int, tuple[str, ...]] = {}
    for strength, text in _PATTERNS.items():
        sentences = []
        for line in text.split("\n"):
            every = _opened(line.strip())
            sentences += [every[i] for i in rng.permutation(len(every))[:40]]
        made[strength] = tuple(sentences[i] for i in rng.permutation(len(sentences)))
    return made


def _opened(pattern: str) -> list[str]:
    """All sentences of a pattern: one for each combination of its choices."""
    pieces = _CHOICE.split(pattern)
    choices = [piece.split("|") if place % 2 else [piece] for place, piece in enumerate(pieces)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]
