"""Written reasons: a sentence a recommendation, from the user's own history and the effect of the user's group.

`group_effects` estimates, `write` writes from templates or lets a generative model rewrite under check, and `check`
holds every sentence against the log:

>>> from causalrec_lab.explain import reasons
>>> from causalrec_lab.recommender import ItemKNN
>>> from causalrec_lab.world import Platform
>>> channel = Platform.make("video", seed=1, n_users=200, n_items=40, base_rate="common")
>>> log = channel.log(6_000, seed=1)
>>> watched = log.events[log.events["event"] != "view"].drop_duplicates(["user_id", "item_id"])
>>> model = ItemKNN().fit(watched, items=log.items)
>>> by_group = reasons.group_effects(log, "activity", outcome="finish")
>>> written = reasons.write(model, log, range(5), effects=by_group)
>>> bool(reasons.check(written, log)["ok"].all())
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.explain.reasons.auditing import check
    from causalrec_lab.explain.reasons.claiming import claims, path
    from causalrec_lab.explain.reasons.domain_words import Words, words
    from causalrec_lab.explain.reasons.faithful import Faithfulness, faithfulness
    from causalrec_lab.explain.reasons.groups import GroupEffects, group_effects
    from causalrec_lab.explain.reasons.result import Reasons
    from causalrec_lab.explain.reasons.rewriting import rewrite
    from causalrec_lab.explain.reasons.writing import write

_HOME = {
    "Faithfulness": "faithful",
    "GroupEffects": "groups",
    "Reasons": "result",
    "Words": "domain_words",
    "check": "auditing",
    "claims": "claiming",
    "faithfulness": "faithful",
    "group_effects": "groups",
    "path": "claiming",
    "rewrite": "rewriting",
    "words": "domain_words",
    "write": "writing",
}

__all__ = [
    "Faithfulness",
    "GroupEffects",
    "Reasons",
    "Words",
    "check",
    "claims",
    "faithfulness",
    "group_effects",
    "path",
    "rewrite",
    "words",
    "write",
]

__getattr__, __dir__ = doors(__name__, _HOME)
