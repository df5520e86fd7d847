"""Pictures show what an item is and looks like, and nothing of how well it is liked."""

import numpy as np
import pytest

from causalrec_lab.world import Platform
from causalrec_lab.world.scenarios.presets import SCENARIOS
from causalrec_lab.world.writing.glyphs import EMBLEMS, glyph_names, soft_masks
from causalrec_lab.world.writing.text import own_attributes
from causalrec_lab.world.writing.thumbnails import gallery

N, LEARN = 1_600, 1_000


def make(scenario="ecommerce", seed=4, **dials):
    return Platform.make(scenario, seed=seed, n_users=2, n_items=N, **dials)


def held_out_r2(platform, target):
    """R^2 of each column on the last items, of a ridge from pixels fitted on the first."""
    pixels = platform.thumbnails.reshape(N, -1) / 255.0
    target = target.reshape(N, -1)
    centred, mean = pixels - pixels[:LEARN].mean(axis=0), target[:LEARN].mean(axis=0)
    gram = centred[:LEARN] @ centred[:LEARN].T + 10.0 * np.eye(LEARN)
    said = mean + centred[LEARN:] @ (centred[:LEARN].T @ np.linalg.solve(gram, target[:LEARN] - mean))
    return 1 - ((target[LEARN:] - said) ** 2).sum(axis=0) / ((target[LEARN:] - mean) ** 2).sum(axis=0)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_pictures_show_category_and_attributes_and_not_the_hidden_trait(scenario):
    platform = make(scenario)
    population = platform.population
    pictures = platform.thumbnails
    assert pictures.shape == (N, 16, 16, 3)
    assert pictures.dtype == np.uint8
    one_hot = np.eye(len(platform.scenario.categories))[population.category]
    assert held_out_r2(platform, one_hot).min() > 0.8
    assert held_out_r2(platform, population.v).mean() > 0.6
    assert held_out_r2(platform, own_attributes(population)).mean() > 0.3  # beyond what the category tells
    assert held_out_r2(platform, population.h_item)[0] < 0.03


def test_pictures_are_the_same_by_seed_and_no_text_dial_moves_them():
    pictures = make(text_r2=0.0).thumbnails
    turned = make(text_r2=0.95, vocabulary=4_000, zipf=0.0, paraphrase=1.0, confounding=1.0)
    np.testing.assert_array_equal(pictures, turned.thumbnails)
    assert (make(seed=5).thumbnails != pictures).mean() > 0.5


def test_the_body_has_the_colour_that_the_title_names():
    platform = make()
    colours = platform.writing.item_colours
    for word in ("ivory", "black", "cobalt"):
        number = platform.scenario.colours.index(word)
        rows = np.flatnonzero(colours == number)
        assert platform.items["text"].iloc[rows].str.contains(word).all()
    middle = platform.thumbnails[:, 4:12, 4:12].mean(axis=(1, 2))
    names = platform.scenario.colours
    assert middle[colours == names.index("ivory")].mean() > middle[colours == names.index("black")].mean() + 60
    blue = middle[:, 2] - middle[:, 0]
    assert blue[colours == names.index("cobalt")].mean() > blue[colours == names.index("rust")].mean() + 60


def test_every_category_has_a_drawing_of_its_own():
    assert glyph_names(("shirts", "rock", "unheard of", "star")) == ("shirts", "bolt", "moon", "star")
    many = glyph_names(tuple(f"kind {k}" for k in range(30)))
    assert len(many) == 30
    assert set(many) == set(EMBLEMS)
    masks = soft_masks(EMBLEMS, (0.8, 1.0))
    assert masks.shape == (len(EMBLEMS), 2, 3, 16, 16)
    assert 0 <= masks.min() < masks.max() <= 1
    areas = masks[:, :, 0].sum(axis=(2, 3))
    np.testing.assert_allclose(areas[:, 0] / areas[:, 1], 0.8**2, atol=0.12)
    flat = masks[:, 1, 0].reshape(len(EMBLEMS), -1)
    gaps = np.abs(flat[:, None] - flat[None]).mean(axis=2) + np.eye(len(EMBLEMS))
    assert gaps.min() > 0.1


def test_a_gallery_shows_titles_and_refuses_what_is_not_there():
    platform = make()
    fig = gallery(platform, [3, 5, 8], columns=2)
    titles = [ax.get_title(loc="left").replace("\n", " ") for ax in fig.axes]
    assert titles == platform.items["title"].iloc[[3, 5, 8]].tolist()
    np.testing.assert_array_equal(fig.axes[1].images[0].get_array(), platform.thumbnails[5])
    assert len(gallery(platform).axes) == 2 * len(platform.scenario.categories)
    with pytest.raises(ValueError, match=f"ids are 0 to {N - 1}"):
        gallery(platform, [1, N])
    with pytest.raises(ValueError, match="columns=0"):
        gallery(platform, columns=0)
