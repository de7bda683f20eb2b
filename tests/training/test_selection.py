"""Best epoch and early stopping against a plain search over the whole curve."""

from hypothesis import given
from hypothesis import strategies as st

from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.training.selection import Selection

CURVES = st.lists(st.integers(0, 8).map(lambda n: n / 8), min_size=1, max_size=30)


@given(curve=CURVES, metric=st.sampled_from(["accuracy", "loss"]), patience=st.integers(1, 10))
def test_selection_is_a_search_over_the_curve(curve, metric, patience):
    selection = Selection(
        GradientHyperparameters(selection_metric=metric, early_stopping=patience, validation_fraction=0.1)
    )
    seen = []
    for epoch, value in enumerate(curve, start=1):
        seen.append(value)
        is_best = selection.see({"epoch": epoch, f"validation_{metric}": value})
        best = max(seen) if metric == "accuracy" else min(seen)
        first = seen.index(best)  # the earliest of equals
        assert is_best == (first == epoch - 1)
        assert selection.best["epoch"] == first + 1
        assert selection.is_over == (epoch - 1 - first >= patience)


@given(curve=CURVES, cut=st.integers(0, 30))
def test_selection_continues_from_its_state(curve, cut):
    hp = GradientHyperparameters(early_stopping=3)
    whole, first, second = Selection(hp), Selection(hp), Selection(hp)
    for epoch, value in enumerate(curve):
        whole.see({"epoch": epoch, "test_accuracy": value})
        (first if epoch < cut else second).see({"epoch": epoch, "test_accuracy": value})
        if epoch == cut - 1:
            second.load_state(first.state())
    if cut <= len(curve) - 1 or not cut:
        assert second.state() == whole.state()


def test_without_patience_it_never_ends():
    selection = Selection(GradientHyperparameters())
    for epoch in range(100):
        selection.see({"epoch": epoch, "test_accuracy": 0.5})
    assert not selection.is_over
