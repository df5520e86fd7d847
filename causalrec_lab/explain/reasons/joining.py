"""Words a rewriting may join claims with, and wordings that no reason may have: data of `rewriting`."""

from __future__ import annotations

__all__ = ["CHINESE", "ENGLISH", "PERSONAL"]

#: Words that claim nothing by themselves. No negation, no number, no comparison, no verb of change or praise.
ENGLISH = frozenset((
    "a", "an", "and", "also", "are", "as", "at", "because", "been", "before", "being", "by", "earlier", "for",
    "from", "given", "had", "has", "have", "here", "history", "in", "is", "it", "its", "of", "on", "one", "our",
    "picked", "reason", "recommend", "recommendation", "recommended", "recommending", "recommends", "seeing",
    "seen", "shown", "showing", "since", "so", "suggest", "suggested", "suggestion", "that", "the", "their",
    "them", "there", "these", "they", "this", "those", "through", "to", "too", "we", "what", "which", "while",
    "who", "why", "with", "you", "your", "what's", "here's", "you've", "you're", "it's", "meanwhile",
    "moreover", "furthermore", "besides", "beyond", "further",
))  # fmt: skip

#: Characters of Chinese joining words.
CHINESE = frozenset(
    "因为由于所以因此您你的了和与并且也还而是这条项个一此推荐给我们在之前曾经过"
    "以及同时另外其中根据历史理由它是于把被向到就"
)

#: What claims an effect on the person, or a promise, in either language; found without regard to case.
PERSONAL = (
    "will make you", "make you", "makes you", "you will", "you'll", "you’ll", "your chance", "your chances",
    "your probability", "guarantee", "promise", "certain", "definitely", "for sure", "surely", "proven", "causes you",
    "会让您", "会让你", "您会", "你会", "您的概率", "你的概率", "保证", "一定", "肯定", "必然", "使您", "使你",
)  # fmt: skip
