"""The arms of a study as preset files write them, and every mistake in them at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui_lab.errors import UsageError
from tui_lab.presets import Preset, load_preset

HEAD = 'title = "A study"\nexercise = "mlp"\n'


def load(folder: Path, text: str, head: str = HEAD) -> Preset:
    path = folder / "study.toml"
    path.write_text(head + text)
    return load_preset(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sweep]\n", "sweep: has no hyperparameter"),
        ("[sweep]\nlr = 0.1\n", "sweep.lr = 0.1: must be a list of the values to try"),
        ("[sweep]\nlr = []\n", "sweep.lr = []: must be a list of the values to try"),
        ("[sweep]\nlr = [0.1, 0.1]\n", "sweep.lr = [0.1, 0.1]: has a value twice"),
        ("[sweep]\nlr = [0.1, -1.0]\n", "sweep.lr = -1.0: must be 0 < lr <= 100"),
        ("[sweep]\nlearning_rate = [0.1]\n", "Did you mean 'lr'?"),
        ("[sweep]\nseed = [1, 2]\n", "Say how many with the key seeds, or --seeds."),
        ("[sweep]\nlr = [0.1]\n[[arms]]\n", "a preset has a sweep or arms, not both"),
        ("[sweep]\nlr = [0.1, 0.2]\n[published]\ntest_accuracy = 0.5\n", "must be a list of 2, one value an arm"),
        ("[sweep]\nlr = [0.1, 0.2]\n[published]\ntest_accuracy = [0.5]\n", "has 1 values for 2 arms"),
        ("[sweep]\nlr = [0.1]\n[published]\ntest_accuracy = [67.0]\n", "Accuracy is a share here, not percent."),
        ("[sweep]\nlr = [0.1]\n[published]\naccuracy = [0.5]\n", "Did you mean 'test_accuracy'?"),
        ("[sweep]\nlr = [0.1]\n[published]\ntest_loss = [true]\n", "must be a number"),
        ("seeds = 0\n", "seeds = 0: must be 1 <= seeds <= 1,000"),
        ("seeds = true\n", "seeds = true: must be a whole number"),
        ("arms = [1]\n", "arms.1 = 1: must be a table"),
        ("arms = []\n", "arms: must be 1 to 1,000"),
        ("[[arms]]\nlr = 0.1\n", "no such key; an arm has name, hyperparameters, published"),
        ("[[arms]]\nhyperparameters = { lr = 0.0 }\n", "arms.1.lr = 0.0: must be 0 < lr <= 100"),
        ("[[arms]]\nname = 'a'\n[[arms]]\nname = 'a'\n", '2 are called "a"'),
        ("[published]\ntest_loss = 1.0\n[[arms]]\nname = 'a'\n", "published: belongs to each of the arms"),
        (
            "[hyperparameters]\nimplementation = 'nn'\n[sweep]\nmomentum = [0.0, 0.9]\n",
            "sweep: with momentum=0.9, momentum = 0.9: needs implementation = optim",
        ),
        (
            "[sweep]\nlr = "
            + str([float(i) for i in range(1, 50)])
            + "\nbatch_size = "
            + str(list(range(1, 50)))
            + "\n",
            "makes 2,401 combinations; at most 1,000 are allowed",
        ),
    ],
)
def test_every_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text)
    assert said in str(caught.value), str(caught.value)


VIT_ON_DIGITS = 'title = "A study"\nexercise = "vit"\n[hyperparameters]\ndataset = "digits"\n'


def test_what_is_swept_need_not_fit_by_its_default(tmp_path: Path) -> None:
    """Patches of 7, the default, do not tile 8×8 pixels, and 4 heads do not divide a width of 30."""
    preset = load(tmp_path, "embed_dim = 30\n[sweep]\npatch_size = [2, 4]\nnum_heads = [3, 5]\n", VIT_ON_DIGITS)
    assert len(preset.arms) == 4


def test_arms_that_fit_nothing_are_named_and_what_no_arm_can_mend_is_said_once(tmp_path: Path) -> None:
    text = "crop = 11\n[sweep]\npatch_size = [3, 5, 6, 7]\n"
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text, VIT_ON_DIGITS)
    lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
    assert lines[0].startswith("crop = 11: is larger than the 8×8 images of digits")
    named = [f"sweep: with patch_size={side}, patch_size" for side in (3, 5, 6)]
    assert [line.partition(" = ")[0] for line in lines[1:4]] == named
    assert lines[4:] == ["sweep: 1 more of 4 have mistakes like these"]


def test_arms_may_set_several_things_at_once_and_have_names(tmp_path: Path) -> None:
    preset = load(
        tmp_path,
        "[[arms]]\nname = 'small'\nhyperparameters = { lr = 0.01, batch_size = 32 }\npublished = { test_loss = 1 }\n"
        "[[arms]]\nhyperparameters = { lr = 0.02, batch_size = 64 }\n",
    )
    assert [arm.name for arm in preset.arms] == ["small", "lr=0.02 batch_size=64"]
    assert preset.is_study
    assert preset.published_for({"lr": 0.01, "batch_size": 32}) == {"test_loss": 1.0}
    assert preset.published_for({"lr": 0.01, "batch_size": 64}) == {}


def test_a_preset_with_several_seeds_is_a_study_of_one_arm(tmp_path: Path) -> None:
    preset = load(tmp_path, "seeds = 3\n[published]\ntest_accuracy = 0.5\n")
    assert preset.is_study
    assert preset.arms == ()
    assert preset.published_for({"lr": 1.0}) == {"test_accuracy": 0.5}


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=True) | st.text(max_size=4)
garbage = st.recursive(
    scalars.filter(lambda value: value is not None),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["lr", "name", "hidden", "x"]), inner),
    max_leaves=6,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.dictionaries(st.sampled_from(["sweep", "arms", "published", "seeds", "hyperparameters"]), garbage))
def test_garbage_is_refused_with_a_sentence_or_is_a_study(tmp_path: Path, content: dict[str, Any]) -> None:
    try:
        text = tomlkit.dumps(content)
        preset = load(tmp_path, "", head=f"{HEAD}{text}")
    except UsageError as error:
        assert str(error)
    else:
        assert len(preset.arms) <= 1000
