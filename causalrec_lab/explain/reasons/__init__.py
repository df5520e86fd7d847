"""Written reasons: a sentence a recommendation, from the user's own history and the effect of the user's group."""

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
