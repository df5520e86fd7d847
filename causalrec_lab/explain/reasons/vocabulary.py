"""Vocabulary of reasons, as data: verbs, things and outcomes of each domain, in English and Chinese.

A new domain is one more entry of `DOMAINS`. Kinds of event stand from the weakest to the strongest; to have been shown
an item ("view") is no act, so it has no verb and is never cited.
"""

from __future__ import annotations

from typing import Any

__all__ = ["COMMON", "DOMAINS", "LANGUAGES"]

LANGUAGES = ("en", "zh")

COMMON: dict[str, dict[str, Any]] = {
    "en": {
        "people": "people",
        "an_item": "an item",
        "items": "items",
        "neutral": "chose {}",
        "liking": "{category} {items}",
        "acts": {
            "click": "looked at {}",
            "open": "opened {}",
            "play": "played {}",
            "watch": "watched {}",
            "listen": "listened to {}",
            "read": "read {}",
            "finish": "finished {}",
            "rating": "rated {}",
            "review": "reviewed {}",
            "like": "liked {}",
            "save": "saved {}",
            "share": "shared {}",
            "cart": "put {} in your basket",
            "purchase": "bought {}",
        },
        "outcomes": {
            "view": "the chance of seeing it",
            "click": "the chance of looking at it",
            "play": "the chance of playing it",
            "purchase": "the chance of buying it",
            "returned": "the chance of coming back",
            "returned_day_7": "the chance of coming back within a week",
            "revenue": "spending",
            "dwell": "the time spent on it",
        },
    },
    "zh": {
        "people": "用户",
        "an_item": "一项内容",
        "items": "内容",
        "neutral": "选择过{}",
        "liking": "{category}类{items}",
        "acts": {
            "click": "看过{}",
            "open": "打开过{}",
            "play": "播放过{}",
            "watch": "观看过{}",
            "listen": "听过{}",
            "read": "读过{}",
            "finish": "完成过{}",
            "rating": "评价过{}",
            "review": "评论过{}",
            "like": "点赞过{}",
            "save": "收藏过{}",
            "share": "分享过{}",
            "cart": "把{}加入过购物车",
            "purchase": "买过{}",
        },
        "outcomes": {
            "view": "看到它的概率",
            "click": "点击它的概率",
            "play": "播放它的概率",
            "purchase": "购买它的概率",
            "returned": "再次访问的概率",
            "returned_day_7": "一周内再次访问的概率",
            "revenue": "消费金额",
            "dwell": "停留时间",
        },
    },
}

DOMAINS: dict[str, dict[str, dict[str, Any]]] = {
    "ecommerce": {
        "en": {
            "people": "shoppers",
            "an_item": "a product",
            "items": "products",
            "liking": "{category}",
            "acts": {"click": "looked at {}", "cart": "put {} in your basket", "purchase": "bought {}"},
            "outcomes": {"cart": "the chance of putting it in the basket"},
        },
        "zh": {
            "people": "顾客",
            "an_item": "一件商品",
            "items": "商品",
            "acts": {"click": "看过{}", "cart": "把{}加入过购物车", "purchase": "买过{}"},
            "outcomes": {"cart": "把它加入购物车的概率"},
        },
    },
    "music": {
        "en": {
            "people": "listeners",
            "an_item": "a track",
            "items": "tracks",
            "acts": {"play": "started {}", "stream": "listened to {}", "save": "saved {}"},
            "outcomes": {
                "play": "the chance of starting it",
                "stream": "the chance of listening to it",
                "save": "the chance of saving it",
                "listening_minutes": "listening time",
            },
        },
        "zh": {
            "people": "听众",
            "an_item": "一首曲目",
            "items": "曲目",
            "acts": {"play": "点开过{}", "stream": "听过{}", "save": "收藏过{}"},
            "outcomes": {
                "play": "点开它的概率",
                "stream": "收听它的概率",
                "save": "收藏它的概率",
                "listening_minutes": "收听时间",
            },
        },
    },
    "video": {
        "en": {
            "people": "viewers",
            "an_item": "a video",
            "items": "videos",
            "acts": {"play": "started {}", "finish": "watched {}", "like": "liked {}"},
            "outcomes": {
                "play": "the chance of starting it",
                "finish": "the chance of watching it to the end",
                "like": "the chance of liking it",
                "watch_minutes": "watch time",
            },
        },
        "zh": {
            "people": "观众",
            "an_item": "一个视频",
            "items": "视频",
            "acts": {"play": "点开过{}", "finish": "看完了{}", "like": "点赞过{}"},
            "outcomes": {
                "play": "点开它的概率",
                "finish": "看完它的概率",
                "like": "点赞它的概率",
                "watch_minutes": "观看时间",
            },
        },
    },
    "news": {
        "en": {
            "people": "readers",
            "an_item": "an article",
            "items": "articles",
            "acts": {"open": "opened {}", "read": "read {}", "share": "shared {}"},
            "outcomes": {
                "open": "the chance of opening it",
                "read": "the chance of reading it",
                "share": "the chance of sharing it",
                "reading_minutes": "reading time",
            },
        },
        "zh": {
            "people": "读者",
            "an_item": "一篇文章",
            "items": "文章",
            "acts": {"open": "打开过{}", "read": "读过{}", "share": "分享过{}"},
            "outcomes": {
                "open": "打开它的概率",
                "read": "阅读它的概率",
                "share": "分享它的概率",
                "reading_minutes": "阅读时间",
            },
        },
    },
    "finance": {
        "en": {
            "people": "customers",
            "an_item": "an offer",
            "items": "offers",
            "liking": "{category}",
            "acts": {"open": "opened {}", "apply": "applied for {}", "fund": "put money into {}"},
            "outcomes": {
                "open": "the chance of opening it",
                "apply": "the chance of applying for it",
                "fund": "the chance of putting money into it",
                "deposit": "the amount put into it",
                "returned_day_30": "the chance of coming back within a month",
            },
        },
        "zh": {
            "people": "客户",
            "an_item": "一个产品",
            "items": "产品",
            "acts": {"open": "打开过{}", "apply": "申请过{}", "fund": "向{}投入过资金"},
            "outcomes": {
                "open": "打开它的概率",
                "apply": "申请它的概率",
                "fund": "向它投入资金的概率",
                "deposit": "投入金额",
                "returned_day_30": "一个月内再次访问的概率",
            },
        },
    },
    "health": {
        "en": {
            "people": "members",
            "an_item": "a practice",
            "items": "practices",
            "acts": {"start": "started {}", "complete": "completed {}"},
            "outcomes": {
                "start": "the chance of starting it",
                "complete": "the chance of completing it",
                "practice_minutes": "practice time",
            },
        },
        "zh": {
            "people": "会员",
            "an_item": "一项练习",
            "items": "练习",
            "acts": {"start": "开始过{}", "complete": "完成过{}"},
            "outcomes": {"start": "开始它的概率", "complete": "完成它的概率", "practice_minutes": "练习时间"},
        },
    },
    "education": {
        "en": {
            "people": "learners",
            "an_item": "a course",
            "items": "courses",
            "acts": {"start": "started {}", "complete": "completed {}", "pass": "passed {}"},
            "outcomes": {
                "start": "the chance of starting it",
                "complete": "the chance of completing it",
                "pass": "the chance of passing it",
                "study_minutes": "study time",
            },
        },
        "zh": {
            "people": "学习者",
            "an_item": "一门课程",
            "items": "课程",
            "acts": {"start": "开始学习了{}", "complete": "学完了{}", "pass": "通过了{}"},
            "outcomes": {
                "start": "开始学习它的概率",
                "complete": "学完它的概率",
                "pass": "通过它的概率",
                "study_minutes": "学习时间",
            },
        },
    },
}
