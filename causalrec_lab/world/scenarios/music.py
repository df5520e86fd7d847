"""The music scenario: view, play, stream (30 seconds or more), save; listening minutes; return on day 7.

Nothing is sold by the song, so nothing is earned by it: gain is counted in minutes listened to. What a song costs its
listener is the minutes it lasts. Songs heard before tire less than goods seen before, and popularity is steeper.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from causalrec_lab.world.scenarios.equations import Amount, Coefficients, Effect, Exposure, Retention, Stage, Touch
from causalrec_lab.world.scenarios.scenario import Case, Category, Cost, Scenario, Segment, Voice

__all__ = ["MUSIC"]

_REALISTIC = Coefficients(
    exposure=Exposure(
        intercept=-1.3, affinity_hat=1.0, log_popularity=0.4, activity=0.25, log_exposures=0.35, lottery=0.8
    ),
    effect=Effect(base=0.9, tail=0.2, light=0.25, fatigue=0.35),
    stages=(
        Stage(
            "view", -0.7, affinity=1.0, hidden=1.0, log_popularity=0.4, activity=0.3, season=0.2, fatigue=0.1,
            novelty=0.05, treatment=1.3,
        ),
        Stage("play", -1.3, affinity=1.8, cost=0.1, fatigue=0.1),
        Stage("stream", 0.6, affinity=0.8, cost=0.3, season=0.1),
        Stage("save", -1.7, affinity=0.7, hidden=1.0, treatment=0.2),
    ),
)  # fmt: skip

_COMMON = Coefficients(
    exposure=Exposure(
        intercept=-0.5, affinity_hat=0.55, log_popularity=0.2, activity=0.1, log_exposures=0.15, lottery=0.8,
        hidden=0.9, clip=(0.1, 0.9),
    ),
    effect=_REALISTIC.effect,
    stages=tuple(
        replace(stage, intercept=intercept, affinity=affinity)
        for stage, intercept, affinity in zip(
            _REALISTIC.stages, (0.5, 1.0, 1.6, 1.0), (1.0, 1.0, 0.6, 0.4), strict=True
        )
    ),
)  # fmt: skip

_GENRES = (
    Category("jazz", ("ballad", "serenade", "nocturne", "improvisation"),
             ("saxophone", "trumpet", "double-bass", "vibraphone", "brushed-drum"),
             ("solo", "phrasing", "swing", "tone", "rhythm section"), 5.5, 0.90),
    Category("folk", ("lament", "reel", "campfire song", "sea shanty"),
             ("acoustic", "banjo", "fiddle", "accordion", "harmonica"),
             ("melody", "voice", "lyric", "picking", "story"), 3.8, 0.60),
    Category("electronic", ("club track", "remix", "ambient piece", "techno set"),
             ("synth", "modular", "drum-machine", "sampler", "vocoder"),
             ("beat", "drop", "bassline", "build-up", "mix"), 6.0, 0.50),
    Category("hip-hop", ("freestyle", "posse track", "mixtape track", "storytelling rap"),
             ("boom-bap", "trap", "lo-fi", "soul-sample", "drill"),
             ("flow", "beat", "rhyme", "hook", "delivery"), 3.3, 0.55),
    Category("classical", ("sonata", "prelude", "suite", "string quartet"),
             ("piano", "cello", "organ", "choral", "chamber"),
             ("phrasing", "tempo", "dynamic range", "interpretation", "recording"), 7.5, 0.97),
    Category("rock", ("anthem", "power ballad", "jam", "live version"),
             ("electric", "garage", "stadium", "slide-guitar", "three-chord"),
             ("riff", "solo", "chorus", "drumming", "singing"), 4.3, 0.45),
    Category("soul", ("slow jam", "duet", "groove", "gospel tune"),
             ("horn-driven", "falsetto", "wah-wah", "organ-led", "choir-backed"),
             ("voice", "groove", "horn section", "bridge", "arrangement"), 4.0, 0.12),
    Category("pop", ("single", "dance tune", "break-up song", "summer hit"),
             ("disco", "ukulele", "piano-led", "bubblegum", "eighties"),
             ("chorus", "melody", "production", "hook", "lyric"), 3.2, 0.52),
)  # fmt: skip

MUSIC = Scenario(
    name="music",
    coefficients=MappingProxyType({"realistic": _REALISTIC, "common": _COMMON}),
    amount=Amount("listening_minutes", "play", "minutes", -0.3, affinity=0.15, hidden=0.1, sigma=0.5, cost=0.8),
    retention=Retention("returned_day_7", "play", intercept=-0.4, activity=0.4, reached=0.4, days=7),
    cost=Cost("duration", "minutes", "impatience"),
    categories=_GENRES,
    colours=("warm", "hazy", "bright", "dark", "mellow", "shimmering", "smoky", "golden", "icy", "velvet"),
    styles=("dreamy", "driving", "stripped-back", "lush", "restless", "tender", "playful", "brooding", "hypnotic",
            "ragged"),
    uses=("late nights", "the morning commute", "long drives", "studying", "workouts", "dinner with friends",
          "rainy Sundays", "dance floors"),
    voice=Voice(
        item="{title} with {a_colour} sound, made for {use}.",
        said="Listeners write:",
        review="On {a_colour} {noun} for {use}:",
        opinions=("the {aspect} is {phrase}", "I find the {aspect} {phrase}", "the {aspect} feels {phrase}",
                  "to me the {aspect} sounds {phrase}", "{aspect}: {phrase}"),
    ),
    frame="record",
    segments=MappingProxyType({
        "crate diggers": Segment(("jazz", "soul", "hip-hop"), female=-0.2),
        "club regulars": Segment(("electronic", "pop", "hip-hop"), age=-0.45),
        "campfire listeners": Segment(("folk", "rock"), age=0.1),
        "concert-goers": Segment(("classical", "jazz"), age=0.5, female=0.2),
    }),
    regions=("north", "east", "south", "west", "abroad"),
    popularity=1.0,
    activity=0.7,
    positions=(0.4, 0.25, 0.15, 0.12, 0.08),
    examination=0.5,
    outcome="save",
    attention="play",
    touches=(
        Touch(
            "reason", says="Because you listened to something like it: {title}.", cost=0.0001, unit="EUR",
            stages=MappingProxyType({"play": 0.25, "stream": 0.1}), affinity=1.0, light=0.15,
        ),
        Touch(
            "nudge", says="Your morning playlist is there. It begins with: {title}.", cost=0.002, unit="EUR",
            stages=MappingProxyType({"view": 0.8}), retention=0.3, light=0.15, fatigue=1.1,
        ),
    ),
    case=Case(
        goal="More minutes of music that people choose to hear, and listeners who are still there a week later.",
        outcome="listening_minutes",
        long_term="returned_day_7",
        units=MappingProxyType({
            "listening_minutes": "minutes per recommendation", "returned_day_7": "returns on day 7",
        }),
        worth=MappingProxyType({"listening_minutes": 0.002, "returned_day_7": 0.05}),
        unit="EUR",
        assumption="An hour of listening is worth 0.12 EUR of subscriptions, a listener who is there a week later 0.05 "
        "EUR; both are assumptions.",
        items="tracks",
        people="listeners",
    ),
)  # fmt: skip
