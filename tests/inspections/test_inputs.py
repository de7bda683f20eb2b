"""What standardisation is said to do is what it does."""

from typing import get_args

import pytest

from tests.inspections.runs import SMALL_IMAGES, SMALL_POINTS, opened
from tui_lab.hyperparameters import Standardize
from tui_lab.inspections.catalogue import read_inspection
from tui_lab.inspections.inputs import standardization

POSITION = (0.0, 0)


@pytest.mark.parametrize("method", [method for method in get_args(Standardize) if method != "pca-published"])
def test_every_method_is_told_before_and_after(method, tmp_path):
    with opened(tmp_path, "convnet", **SMALL_IMAGES, standardize=method) as it:
        found = standardization(it.session.engine, it.dataset, POSITION)
        x, _ = it.session.engine.train.first(100)
    assert (found.method, found.measured) == (method, 100)
    assert (found.fitted_on == 100) == (method.startswith("channel") or method in ("zca", "pca"))
    (grey,) = found.channels
    assert grey.name == "grey"
    stored = it.dataset.train.x / 255
    for spread, values in ((grey.before, stored), (grey.after, x)):
        measured = (spread.mean, spread.std, spread.low, spread.high)
        expected = (values.mean(), values.std(), values.min(), values.max())
        assert measured == pytest.approx(tuple(map(float, expected)), rel=1e-3, abs=2e-5)
    for histogram, values in ((found.before, stored), (found.after, x)):
        assert sum(histogram.counts) == values.numel()
        assert histogram.counts[0] >= int((values == values.min()).sum())
    if method == "channel":
        assert found.fitted_means == pytest.approx((float(stored.mean()),), rel=1e-4)
        assert found.fitted_stds == pytest.approx((float(stored.std()),), rel=1e-4)
        assert (grey.after.mean, grey.after.std) == pytest.approx((0.0, 1.0), abs=1e-3)
    elif not method.startswith("channel"):
        assert found.fitted_means == ()


def test_points_have_coordinates(tmp_path):
    with opened(tmp_path, "mlp", **SMALL_POINTS, standardize="channel") as it:
        found = standardization(it.session.engine, it.dataset, POSITION)
    assert [channel.name for channel in found.channels] == ["x", "y"]
    assert found.fitted_means == pytest.approx(tuple(it.dataset.train.x.mean(0).tolist()), abs=1e-4)


def test_a_constant_has_a_histogram_too(tmp_path):
    with opened(tmp_path, "convnet", **SMALL_IMAGES) as it:
        it.dataset.train.x.zero_()
        found = standardization(it.session.engine, it.dataset, POSITION)
    assert found.before.counts[0] == sum(found.before.counts) == it.dataset.train.x.numel()


def test_a_model_that_is_given_features_is_told_of_its_images(tmp_path):
    with opened(tmp_path, "convnet", **SMALL_IMAGES, standardize="channel") as it:
        expected = standardization(it.session.engine, it.dataset, POSITION)
        it.session.engine.train.sample_shape = (7,)
        it.session.engine.train.standardizer = None
        assert standardization(it.session.engine, it.dataset, POSITION) == expected


def test_it_is_looked_at_once_and_not_again_by_a_later_worker(tmp_path):
    with opened(tmp_path, "convnet", **SMALL_IMAGES) as it:
        it.session.run()
        assert [event["name"] for event in it.events("inspection")].count("standardize") == 1
        assert read_inspection(it.run, "standardize").total_step == 5
        looks = type(it.inspector)(it.recorder, it.dataset, it.session.evaluations["test"])
        looks.inspect(it.session.engine, None)
        assert [event["name"] for event in it.events("inspection")].count("standardize") == 1
