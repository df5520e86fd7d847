"""Effects of rows under hostile input: ties, rows known again whatever their order, odd names, missing levels."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects

COLUMNS = ["a", "b", "c"]


def draw(n=400, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    treated = rng.random(n) < 1 / (1 + np.exp(-0.6 * X[:, 0]))
    y = X[:, 0] + treated * (0.5 + 0.5 * X[:, 1]) + rng.normal(size=n)
    return pd.DataFrame(X, columns=COLUMNS).assign(t=treated.astype(int), y=y, u=rng.integers(0, 60, n))


def scored(rows, columns=COLUMNS, **options):
    return effects.effect_scores(rows, "t", "y", columns, nuisance="linear", **options)


def test_training_rows_are_known_again_in_any_order_under_any_index_and_with_other_covariates():
    rows = draw()
    learned = effects.dr_learner(rows, "t", "y", COLUMNS, learner="linear")
    tree = effects.policy_tree(scored(rows), COLUMNS)
    shuffled = rows.sample(frac=1.0, random_state=0).reset_index(drop=True).astype({"t": float})
    for again in (scored(shuffled), scored(rows, COLUMNS[::-1]), scored(rows, COLUMNS[:2]), scored(shuffled, [])):
        assert learned.seen(again) == 1.0
        assert any("trained" in note for note in effects.heterogeneity_test(again, learned).slope.notes)
        assert any("grew the tree" in note for note in tree.gain(again).notes)
    assert learned.seen(scored(draw(seed=1))) == 0.0
    coarse, other = (draw(seed=s)[["t"]].assign(y=lambda f: f["t"] * 1.0, a=draw(seed=s)["a"] > 0) for s in (2, 3))
    other.index += 1_000  # rows of few values are alike without being the same
    assert effects.dr_learner(coarse, "t", "y", ["a"], learner="linear").seen(scored(other, ["a"])) == 0.0


def test_ties_make_no_group_too_small_to_judge():
    scores = scored(draw())
    lone = np.zeros(400)
    lone[3] = 1.0
    with pytest.raises(ValueError, match="no groups to compare"):
        effects.gates(scores, lone)
    lone[:60] = 1.0
    lone[60:64] = 2.0
    table = effects.gates(scores, lone).table
    assert table["n"].tolist() == [336, 64]
    assert (table["std_error"] > 0.05).all()
    with pytest.raises(ValueError, match="no groups to compare"):
        effects.gates(scores, 1 + 1e-15 * scores.frame["b"])  # rounding is no order
    with pytest.raises(ValueError, match=r"groups=2.5"):
        effects.gates(scores, scores.frame["b"], groups=2.5)
    heavy = draw().assign(w=lambda f: (f["b"] > 0).astype(float))
    assert effects.gates(scored(heavy, weights="w"), heavy["b"]).table["value"].notna().all()


def test_a_number_named_like_a_level_is_asked_as_a_number():
    rows = draw().assign(**{"a=b": lambda f: f["b"]})
    tree = effects.policy_tree(scored(rows), ["a=b"], depth=1)
    assert tree.rules().startswith("if a=b <= ")


def test_missing_levels_are_refused_as_missing():
    rows = draw().assign(shop=lambda f: np.where(f["c"] > 0, "north", "south"))
    hole = rows.assign(shop=rows["shop"].where(rows.index != 5))
    with pytest.raises(ValueError, match=r"'shop' has 1 missing values, first at row 5"):
        effects.policy_tree(scored(hole), ["shop"])
    learned = effects.dr_learner(rows, "t", "y", [*COLUMNS, "shop"], learner="linear")
    with pytest.raises(ValueError, match=r"'shop' has 1 missing values, first at row 5"):
        learned.effect(hole)


@pytest.mark.parametrize("learner", [effects.s_learner, effects.t_learner])
def test_neither_row_order_nor_the_names_of_the_arms_matter(learner):
    rows = draw()
    plain = learner(rows, "t", "y", COLUMNS).effect(rows)
    shuffled = learner(rows.sample(frac=1.0, random_state=1), "t", "y", COLUMNS).effect(rows)
    turned = learner(rows.assign(t=1 - rows["t"]), "t", "y", COLUMNS).effect(rows)
    assert shuffled == pytest.approx(plain, abs=1e-4)
    assert turned == pytest.approx(-plain, abs=1e-2)
