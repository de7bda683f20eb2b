"""Hyperparameters: declarations, and mistakes in the program's own words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_lab.errors import UsageError
from tui_lab.hyperparameters import LARGEST, TOPICS, Hyperparameters, Mistake, build, mistakes_in, refusal, written
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.labs.convnet import CONVNET, ConvNetHyperparameters
from tui_lab.labs.mlp import MLP, MLPHyperparameters

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=5,
)


def sentences(model: type[Hyperparameters], **values: Any) -> list[str]:
    return [str(mistake) for mistake in mistakes_in(model, values)]


def test_defaults_are_accepted_and_a_configuration_is_frozen() -> None:
    for exercise in EXERCISES.values():
        hyperparameters = exercise.hyperparameters()
        assert mistakes_in(exercise.hyperparameters, hyperparameters.model_dump()) == []
        with pytest.raises(ValueError, match="frozen"):
            hyperparameters.seed = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("lr", "0.1", 'lr = "0.1": must be a number, 0 < lr <= 100 (Write 0.1, without quotes.)'),
        ("lr", 0, "lr = 0: must be 0 < lr <= 100"),
        ("lr", float("nan"), "lr = nan: must be 0 < lr <= 100"),
        ("lr", True, "lr = true: must be a number, 0 < lr <= 100"),
        ("epochs", 1.5, "epochs = 1.5: must be a whole number, 1 <= epochs <= 100,000"),
        ("flip", "true", 'flip = "true": must be true | false (Write true, without quotes.)'),
        ("flip", 1, "flip = 1: must be true | false"),
        ("scheduler", "exponental", None),
        ("train_size", -1, "train_size = -1: must be 0 <= train_size"),
        ("train_size", LARGEST + 1, "train_size = a number beyond 64 bits: must be 0 <= train_size"),
        ("seed", 2**63, "seed = a number beyond 64 bits: must be 0 <= seed < 2^63"),
        ("device", "gpu", 'device = "gpu": must be auto | cpu | cuda | cuda:N | mps'),
        ("learning_rate", 0.1, "learning_rate = 0.1: no such hyperparameter (Did you mean 'lr'?)"),
        ("zzz", 1, "zzz = 1: no such hyperparameter"),
        ("momentun", 0.9, "momentun = 0.9: no such hyperparameter (Did you mean 'momentum'?)"),
        ("noise", -1, "noise = -1: must be 0 <= noise <= 5"),  # without effect in the convnet, but wrong all the same
    ],
)
def test_a_mistake_names_key_value_and_what_is_allowed(name: str, value: Any, sentence: str | None) -> None:
    expected = sentence or (
        'scheduler = "exponental": must be none | constant | linear | step | exponential | polynomial | cosine '
        "(Did you mean 'exponential'?)"
    )
    assert sentences(ConvNetHyperparameters, **{name: value}) == [expected]


def test_lists_are_judged_by_their_items() -> None:
    allowed = "must be whole numbers of at least 1, such as 128,64"
    assert sentences(MLPHyperparameters, hidden=[0, "a", -3]) == [f'hidden = [0, "a", -3]: {allowed}']
    assert sentences(MLPHyperparameters, hidden="128,64") == [
        f'hidden = "128,64": {allowed} (Write [128, 64], without quotes.)'
    ]
    assert sentences(MLPHyperparameters, hidden=[]) == []


def test_every_mistake_is_found_at_once() -> None:
    keys = {m.key for m in mistakes_in(ConvNetHyperparameters, {"lr": 0, "epochs": "x", "colour": 1, "dropout": 2})}
    assert keys == {"lr", "epochs", "colour", "dropout"}


def test_every_wrong_combination_is_found_at_once() -> None:
    found = sentences(ConvNetHyperparameters, nesterov=True, optimizer="adam", crop_padding=3, dataset="folder")
    assert found == [
        "folder: must name a folder when dataset is 'folder'",
        "nesterov = true: needs momentum above 0",
        "nesterov = true: is sgd's; with another optimizer set it false",
        "crop_padding = 3: needs a crop",
    ]


def test_build_puts_one_mistake_into_a_sentence_with_a_hint_and_several_into_one_sentence() -> None:
    with pytest.raises(UsageError) as caught:
        build(ConvNetHyperparameters, {"optimizer": "sdg"})
    assert caught.value.message.startswith('optimizer = "sdg": must be sgd | adam')
    assert caught.value.hint == "Did you mean 'sgd'?"
    with pytest.raises(UsageError, match=r"^lr = 0: must be .*; epochs = 0: must be .*\.$"):
        build(ConvNetHyperparameters, {"lr": 0, "epochs": 0})


def test_build_returns_the_typed_configuration() -> None:
    built = build(MLPHyperparameters, {"lr": 1, "hidden": [3]})
    assert isinstance(built, MLPHyperparameters)
    assert (built.lr, built.hidden) == (1.0, [3])


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(ConvNetHyperparameters.model_fields)) | st.text(max_size=5), ANYTHING))
def test_values_of_any_kind_are_accepted_or_refused_in_one_printable_sentence(values: dict[str, Any]) -> None:
    mistakes = mistakes_in(ConvNetHyperparameters, values)
    if mistakes:
        assert str(refusal(mistakes)).isprintable()
    else:
        json.dumps(build(ConvNetHyperparameters, values).model_dump())


@given(ANYTHING, st.text())
def test_values_and_keys_are_written_short_and_printable(value: Any, key: str) -> None:
    assert written(value).isprintable()
    assert len(written(value)) <= 60
    assert str(Mistake(key, value, "is wrong")).isprintable()


def test_hostile_values_are_written_short_and_printable() -> None:
    for value in (16**9000, -(16**9000), [16**9000], "\x1b[31m", "\x9b", "x" * 10**6, {"a": 1}):
        assert written(value).isprintable()
        assert len(written(value)) <= 60


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_declarations_are_complete_and_ordered_by_topic(exercise: Any) -> None:
    declared = exercise.declarations.values()
    topics = [TOPICS.index(d.topic) for d in declared]
    assert topics == sorted(topics)
    for d in declared:
        assert d.help, d.name
        assert d.allowed, d.name
        assert d.type in (bool, int, float, str, list), d.name
        assert not d.choices or d.default in d.choices, d.name
        assert d.only_if.keys() <= exercise.declarations.keys(), d.name


def test_what_can_have_no_effect_is_not_declared() -> None:
    assert "noise" in MLP.declarations
    assert "noise" not in CONVNET.declarations


def test_has_effect_follows_the_other_values() -> None:
    momentum = CONVNET.declarations["momentum"]
    assert momentum.has_effect({"optimizer": "sgd"})
    assert not momentum.has_effect({"optimizer": "adam"})
    assert CONVNET.declarations["lr"].has_effect({})


def test_conditions_in_words() -> None:
    assert CONVNET.declarations["momentum"].condition == "optimizer is sgd or rmsprop"
    assert CONVNET.declarations["total_iters"].condition == "scheduler is constant, linear or polynomial"
    assert CONVNET.declarations["lr"].condition == ""


def test_parse_reads_back_what_arguments_writes() -> None:
    for exercise in EXERCISES.values():
        for d in exercise.declarations.values():
            for value in (d.default, *d.choices, *((True, False) if d.type is bool else ())):
                flag, *text = d.arguments(value)
                if d.type is bool:
                    assert flag == (d.flag if value else d.flag.replace("--", "--no-", 1))
                else:
                    assert flag == d.flag
                    assert d.parse(text[0]) == value


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.lists(st.integers(), max_size=4))
def test_numbers_survive_the_way_through_a_flag(number: float, whole: int, sizes: list[int]) -> None:
    declared = MLP.declarations
    for name, value in (("lr", number), ("epochs", whole), ("hidden", sizes)):
        assert declared[name].parse(declared[name].arguments(value)[1]) == value


@pytest.mark.parametrize("text", ["", "many", "nan", "1e999", "0x10", "--", "1.5"])
def test_text_that_stands_for_no_whole_number_comes_back_as_it_is(text: str) -> None:
    assert MLP.declarations["epochs"].parse(text) == text


@pytest.mark.parametrize(("text", "value"), [("5e4", 50_000), ("50_000", 50_000), (" 7 ", 7), ("-3", -3)])
def test_whole_numbers_may_be_written_in_several_ways(text: str, value: int) -> None:
    assert MLP.declarations["epochs"].parse(text) == value
