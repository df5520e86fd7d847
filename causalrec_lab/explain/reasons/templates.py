"""Templates of sentences, as data: every claim a reason can make, once in each language.

The effect is always that of the group: "on average" and the group's name stand in the same clause as the figure, and
where the interval covers 0 there is no verb of change, only that it cannot be told.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TEMPLATES", "Templates"]


@dataclass(frozen=True)
class Templates:
    """Format strings of one language.

    Parameters
    ----------
    because, partly, forced, unforced, met, unmet, lone, cold
        Openings: with evidence without which the item falls out of the first k; with evidence without which it stays;
        for an item that was not recommended, with evidence and without; for one that was met before, with evidence and
        without; where no event accounts for the item; where there is no history.
    likes, likes_topic
        What joins a liked category, or topic.
    popular
        What may be said of an item to somebody without a history.
    raises, lowers, unsure
        The effect of the group, and that none can be told.
    amounts
        Verbs of change of a chance -> those of an amount, where the language has others.
    figure
        The estimate with its interval.
    join, ends
        Between two acts or titles, between the clauses, and at the end.
    points, point
        Name of percentage points, and of one.
    parts
        Names of 2, 3 and 4 groups of equal size, the lowest first.
    place, group
        A group of another number, and how it is named with its column.
    columns, units, one
        Names of columns and units in this language, and of units beside 1.
    """

    because: str
    partly: str
    forced: str
    unforced: str
    met: str
    unmet: str
    lone: str
    cold: str
    likes: str
    likes_topic: str
    popular: str
    raises: str
    lowers: str
    unsure: str
    amounts: dict[str, str]
    figure: str
    join: str
    acts: str
    between: str
    end: str
    points: str
    point: str
    parts: dict[int, tuple[str, ...]]
    place: str
    group: str
    columns: dict[str, str]
    units: dict[str, str]
    one: dict[str, str]


TEMPLATES = {
    "en": Templates(
        because="because you {acts}{likes}",
        partly="partly because you {acts}{likes}",
        forced="not recommended: its rank is {rank}, ranks up to {k} are; what speaks for it is that you {acts}{likes}",
        unforced="not recommended: its rank is {rank}, ranks up to {k} are; nothing single that you did speaks for it",
        met="not recommended: it is in your history already; what speaks for it is that you {acts}{likes}",
        unmet="not recommended: it is in your history already; nothing else single that you did speaks for it",
        lone="nothing single that you did accounts for this recommendation",
        cold="you have no history here yet: this is what the model recommends to everybody new",
        likes=" and like {liking}",
        likes_topic=" and like {items} about {category}",
        popular="by how many {people} did something with it, it is number {place} of {count} {items}",
        raises="for {people} like you ({group}), being shown {an_item} raises {what} by {figure} on average",
        lowers="for {people} like you ({group}), being shown {an_item} lowers {what} by {figure} on average",
        unsure="for {people} like you ({group}), whether showing {an_item} changes {what} cannot be told ({figure})",
        amounts={},
        figure="{value} {unit} [{low}, {high}]",
        join=" and ",
        acts=" and ",
        between="; ",
        end=".",
        points="percentage points",
        point="percentage point",
        parts={
            2: ("lower half", "upper half"),
            3: ("lowest third", "middle third", "highest third"),
            4: ("lowest quarter", "second quarter", "third quarter", "highest quarter"),
        },
        place="group {place}",
        group="{by}: {group}",
        columns={},
        units={},
        one={"minutes": "minute", "seconds": "second", "hours": "hour", "days": "day", "weeks": "week"},
    ),
    "zh": Templates(
        because="因为您{acts}{likes}",
        partly="部分原因是您{acts}{likes}",
        forced="未被推荐：它排在第{rank}位，只推荐前{k}位；支持它的依据是您{acts}{likes}",
        unforced="未被推荐：它排在第{rank}位，只推荐前{k}位；您的历史行为中没有哪一项能单独支持它",
        met="未被推荐：它已在您的历史记录中；支持它的依据是您{acts}{likes}",
        unmet="未被推荐：它已在您的历史记录中；您的其他历史行为中没有哪一项能单独支持它",
        lone="您的历史行为中没有哪一项能单独解释这条推荐",
        cold="您在这里还没有历史记录：这是模型推荐给所有新用户的内容",
        likes="，并且喜欢{liking}",
        likes_topic="，并且喜欢关于{category}的{items}",
        popular="按与之互动的{people}人数计，它在{count}个{items}中排名第{place}",
        raises="对与您相似的{people}（{group}），展示{an_item}平均使{what}提高{figure}",
        lowers="对与您相似的{people}（{group}），展示{an_item}平均使{what}降低{figure}",
        unsure="对与您相似的{people}（{group}），展示{an_item}是否改变{what}尚无法判断（{figure}）",
        amounts={"提高": "增加", "降低": "减少"},
        figure="{value}{unit}[{low}, {high}]",
        join="和",
        acts="，",
        between="；",
        end="。",
        points="个百分点",
        point="个百分点",
        parts={
            2: ("较低的一半", "较高的一半"),
            3: ("最低的三分之一", "中间的三分之一", "最高的三分之一"),
            4: ("最低的四分之一", "第二个四分之一", "第三个四分之一", "最高的四分之一"),
        },
        place="第{place}组",
        group="{by}：{group}",
        columns={"activity": "活跃度", "segment": "人群", "age": "年龄", "gender": "性别", "region": "地区"},
        units={
            "minutes": "分钟",
            "seconds": "秒",
            "hours": "小时",
            "days": "天",
            "weeks": "周",
            "EUR": "欧元",
            "USD": "美元",
        },
        one={},
    ),
}
