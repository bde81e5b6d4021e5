"""Pictures of shapes are read back exactly, and what is not asked for is seen."""

import numpy as np
import pytest

from deeplearn.data.shapes import COLOURS, KINDS, SHAPES, Scenes
from deeplearn.judge.shapes import read_scene, shapes_quality

COUNT = 150


def asked(scenes):
    return {name: getattr(scenes, name) for name in ("kind", "things", "place", "held_out")}


@pytest.mark.parametrize("side", [32, 64])
def test_every_picture_is_read_back(side):
    scenes = Scenes(np.arange(COUNT), 7, True)
    metrics = shapes_quality(scenes.images(side), asked(scenes))
    assert set(metrics) == {"right", "binding", "place", "relation", "count", "right_pair"}
    assert set(metrics.values()) == {1.0}


def test_where_things_are():
    scenes = Scenes(np.arange(40), 7, True)
    for image, things, centre in zip(scenes.images(64), scenes.things, scenes.centre, strict=True):
        seen = read_scene(image)
        there = {tuple(one): place for one, place in zip(things.tolist(), centre, strict=True) if one[0] >= 0}
        if len(there) == len(seen):  # all different
            for thing in seen:
                np.testing.assert_allclose((thing.x, thing.y), there[thing[:3]], atol=0.01)


def test_other_things_places_relations_and_numbers_are_seen():
    scenes = Scenes(np.arange(400), 7, False)
    images, wanted = scenes.images(32), asked(scenes)
    one, two, many = (wanted["kind"] == KINDS.index(kind) for kind in ("one", "relation", "count"))
    # Mirrored: what stood at the left stands at the right; things stay what they are.
    metrics = shapes_quality(images[:, :, ::-1], wanted)
    sides = np.isin(wanted["place"], (0, 1))[two].mean()
    assert metrics["binding"] == 1 and metrics["relation"] == pytest.approx(1 - sides)
    assert metrics["place"] == pytest.approx((wanted["place"][one] == 0).mean())
    # Another colour, and one thing fewer.
    recoloured = Scenes(np.arange(400), 7, False)
    recoloured.things[..., 1] = np.where(
        recoloured.things[..., 0] < 0, -1, (recoloured.things[..., 1] + 1) % len(COLOURS)
    )
    assert shapes_quality(recoloured.images(32), wanted)["binding"] == 0
    fewer = Scenes(np.arange(400), 7, False)
    fewer.things[many, 0] = -1
    metrics = shapes_quality(fewer.images(32), wanted)
    assert metrics["count"] == 0 and metrics["place"] == 1


def test_noise_and_nothing():
    rng = np.random.default_rng(0)
    scenes = Scenes(np.arange(COUNT), 7, False)
    noisy = np.clip(scenes.images(64) + 0.05 * rng.normal(size=(COUNT, 64, 64, 3)), 0, 1)
    assert shapes_quality(noisy, asked(scenes))["right"] > 0.98
    assert read_scene(np.ones((32, 32, 3))) == [] and len(read_scene(np.zeros((32, 32, 3)))) == 1
    grey = np.full((32, 32, 3), 0.6)
    assert {SHAPES[thing.shape] for thing in read_scene(grey)} <= set(SHAPES)
