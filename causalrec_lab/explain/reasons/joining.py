"""Phrases a rewriting may join claims with, and wordings that no reason may have: data of `rewriting`.

Claims keep their order and stay apart: "A; B" must not become "B, because A". So there are phrases before the first
claim, which say that something is recommended, and phrases between claims, which say that there is more; none of them
negates, compares, counts, praises, or makes one thing the cause of another.
"""

from __future__ import annotations

__all__ = ["LEADS", "LINKS", "PERSONAL"]

#: Before the first claim, of something that is recommended.
LEADS = {
    "en": (
        "a", "an", "and", "for you", "here", "here is", "here's", "is", "is here", "is shown to you",
        "it is", "it's", "one", "our", "picked", "recommend", "recommendation", "recommended", "suggest", "suggested",
        "suggestion", "the", "this", "to you", "we", "you get",
    ),
    "zh": (
        "为您", "给您", "向您", "我们", "推荐", "了", "的", "这是", "这", "这条", "这个", "这项", "一条", "一个", "是",
    ),
}  # fmt: skip

#: Between two claims, after a semicolon or a full stop.
LINKS = {
    "en": ("also", "and", "besides", "further", "furthermore", "in addition", "meanwhile", "moreover"),
    "zh": ("另外", "此外", "同时", "并且", "而且", "还有"),
}  # fmt: skip

#: What claims an effect on the person, or a promise, in either language; found without regard to case.
PERSONAL = (
    "will make you", "make you", "makes you", "you will", "you'll", "you’ll", "your chance", "your chances",
    "your probability", "guarantee", "promise", "certain", "definitely", "for sure", "surely", "proven", "causes you",
    "会让您", "会让你", "您会", "你会", "您的概率", "你的概率", "保证", "一定", "肯定", "必然", "使您", "使你",
)  # fmt: skip
