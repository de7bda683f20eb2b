"""Preset files: the shipped ones, every mistake at once, finding, saving, the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tui_lab.errors import TuiLabError, UsageError
from tui_lab.hyperparameters import Declaration, Hyperparameters, mistakes_in
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.labs.check import check_configuration, mistakes_for
from tui_lab.labs.convnet import CONVNET, ConvNetHyperparameters
from tui_lab.labs.exercise import Exercise
from tui_lab.labs.mlp import MLP, MLPHyperparameters
from tui_lab.presets import find_preset, json_schema, list_presets, load_preset, save_preset
from tui_lab.presets.arms import METRICS
from tui_lab.presets.library import shipped_dir
from tui_lab.presets.preset import KEYS

SHIPPED = sorted(shipped_dir().rglob("*.toml"))
VALID = 'title = "A title"\nexercise = "convnet"\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "presets").mkdir()
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        load_preset(path)
    return str(caught.value)


# What is shipped


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_preset_can_run_and_explains_itself(path: Path) -> None:
    preset = load_preset(path)
    check_configuration(preset.exercise, preset.configuration())
    assert path.parent.name == f"lab{preset.exercise.lab}"
    assert len(preset.title) <= 80
    assert "look for" in preset.text
    assert max(map(len, preset.text.splitlines())) <= 100


def test_the_losses_of_the_first_lab() -> None:
    losses = {
        path.stem: {key: value for key, value in load_preset(path).published.items() if key.endswith("loss")}
        for path in SHIPPED
        if path.parent.name == "lab1"
    }
    assert {name: values for name, values in losses.items() if values} == {
        # by hand and with autograd summed over the 200 points: 22.3/36.5 and 16.0/30.9
        "mlp-1.2.1": {"train_loss": 0.1115, "test_loss": 0.1825},
        "mlp-1.2.2": {"train_loss": 0.08, "test_loss": 0.1545},
        "mlp-1.2.3": {"train_loss": 0.140, "test_loss": 0.169},
        "mlp-1.2.4": {"train_loss": 0.393, "test_loss": 0.395},
        "mlp-1.2.5": {"train_loss": 1.523, "test_loss": 1.526},
    }


def test_mnist_is_the_exercise_of_the_practical(tmp_path: Path) -> None:
    preset = find_preset("mlp-1.2.5", tmp_path)
    configuration = preset.configuration()
    assert isinstance(configuration, MLPHyperparameters)
    assert (configuration.hidden, configuration.activation, configuration.softmax_output) == ([100], "tanh", True)
    assert (configuration.lr, configuration.batch_size, configuration.epochs) == (0.03, 100, 100)
    assert (configuration.dataset, configuration.standardize) == ("mnist", "raw")
    assert (preset.published["train_accuracy"], preset.published["test_accuracy"]) == (0.9456, 0.9404)


def test_some_shipped_presets_need_no_download() -> None:
    offline = {p.name for p in map(load_preset, SHIPPED) if p.configuration().dataset in ("circles", "digits")}
    assert offline >= {"circles-quick", "digits-mlp", "digits-convnet", "digits-vit", "svm-digits"}


# Reading


def test_overrides_win_over_the_preset_and_the_preset_over_the_defaults(tmp_path: Path) -> None:
    preset = load_preset(write(tmp_path / "a.toml", VALID + "[hyperparameters]\nlr = 1\nmomentum = 0.5\n"))
    built = preset.configuration(momentum=0.9)
    assert (built.lr, built.momentum, built.batch_size) == (1.0, 0.9, 128)
    with pytest.raises(UsageError, match="lr = 0"):
        preset.configuration(lr=0)


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.toml",
        """
titel = "A title"
exercise = "convnet"
text = 3
lr = 0.1
[hyperparameters]
optimizer = "sdg"
epochs = 1.5
momentun = 0.9
noise = 0.1
published = 1
[published]
test_accuracy = 67.71
test_acuracy = 0.5
train_loss = "low"
test_loss = nan
train_accuracy = true
""",
    )
    assert refusal(path).splitlines() == [
        f"{path} has 14 mistakes:",
        '  titel = "A title": no such key; a preset has title, exercise, text, seeds, hyperparameters, sweep, arms, '
        "published (Did you mean 'title'?)",
        "  text = 3: must be text",
        "  lr = 0.1: is a hyperparameter (Write it below [hyperparameters].)",
        "  title: is missing",
        "  noise = 0.1: has no effect in convnet",
        "  epochs = 1.5: must be a whole number, 1 <= epochs <= 100,000",
        "  optimizer = \"sdg\": must be sgd | adam | adamw | adagrad | adadelta | rmsprop (Did you mean 'sgd'?)",
        "  momentun = 0.9: no such hyperparameter (Did you mean 'momentum'?)",
        "  published = 1: no hyperparameter (Write it above the first [table].)",
        "  published.test_accuracy = 67.71: must be 0 <= test_accuracy <= 1 (Accuracy is a share here, not percent.)",
        f"  published.test_acuracy = 0.5: must be {' | '.join(METRICS)} (Did you mean 'test_accuracy'?)",
        '  published.train_loss = "low": must be a number',
        "  published.test_loss = nan: must be 0 <= test_loss",
        "  published.train_accuracy = true: must be a number",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'title = "a"\nexercise = "convnt"',
            "exercise = \"convnt\": must be mlp | svm | convnet | bow-svm | vit | timm. Did you mean 'convnet'?",
        ),
        ('title = "a"\nexercise = 3', "exercise = 3: must be text."),
        ('title = "  "\nexercise = "mlp"', 'title = "  ": must be one line of text.'),
        ('title = "a\\nb"\nexercise = "mlp"', 'title = "a\\nb": must be one line of text.'),
        (VALID + "hyperparameters = 3", "hyperparameters = 3: must be a table."),
        (VALID + "published = []", "published = []: must be a table."),
        (VALID + "[hyperparameters]\nnesterov = true", "nesterov = true: needs momentum above 0."),
        (VALID + "[hyperparameters]\ncrop = 40", "crop = 40: is larger than the 32×32 images of cifar10."),
        (VALID + "[published]\ntest_loss = -1", "published.test_loss = -1: must be 0 <= test_loss."),
    ],
)
def test_a_single_mistake_is_one_sentence_with_the_file(text: str, sentence: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", text)
    assert refusal(path) == f"{path}: {sentence}"


def test_broken_toml_is_told_with_line_and_column(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "a.toml", VALID + "[hyperparameters\nlr = 1"))
    assert "not valid TOML" in message
    assert "at line 3, column 17" in message


def test_what_is_no_text_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'title = "a"\nexercise = "\xe9"')
    assert "not UTF-8 text: line 2" in refusal(tmp_path / "latin.toml")
    assert refusal(tmp_path / "none.toml") == f"There is no file {tmp_path / 'none.toml'}."
    assert "is a folder" in refusal(tmp_path)
    assert "cannot be read" in refusal(tmp_path / "latin.toml" / "inside.toml")


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000, f"a = {'9' * 5000}", VALID + f"[hyperparameters]\ntrain_size = 0x{'f' * 9000}"]
)
def test_hostile_files_are_refused(text: str, tmp_path: Path) -> None:
    assert len(refusal(write(tmp_path / "a.toml", text))) < 1000


FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(content=st.binary())
def test_bytes_of_any_kind_are_refused_properly(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(content)
    refusal(tmp_path / "a.toml")


TOML_VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.datetimes()
    | st.dates()
    | st.sampled_from(["convnet", "mlp", "sgd", "circles"]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(min_size=1), children, max_size=3),
    max_leaves=5,
)


def tables(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names) | st.text(min_size=1, max_size=5), TOML_VALUES, max_size=4)


@FUZZ
@given(
    top=tables(list(KEYS)),
    hyperparameters=tables(list(CONVNET.declarations)),
    published=tables(list(METRICS)),
    is_well_formed=st.booleans(),
)
def test_tables_of_any_kind_are_read_or_refused_in_printable_lines(
    top: dict[str, Any],
    hyperparameters: dict[str, Any],
    published: dict[str, Any],
    is_well_formed: bool,
    tmp_path: Path,
) -> None:
    if is_well_formed:
        top |= {"title": "a", "exercise": "convnet", "hyperparameters": hyperparameters, "published": published}
    path = write(tmp_path / "a.toml", tomlkit.dumps(top))
    try:
        preset = load_preset(path)
    except UsageError as error:
        assert all(line.isprintable() for line in str(error).split("\n"))
    else:
        json.dumps(preset.configuration().model_dump(), allow_nan=False)
        json.dumps(dict(preset.published), allow_nan=False)


# Writing


def values_of(declaration: Declaration) -> st.SearchStrategy[Any]:
    """Any value that the declaration allows by itself."""
    d = declaration
    if d.choices:
        return st.sampled_from(d.choices)
    if d.type is bool:
        return st.booleans()
    if d.type is list:
        return st.lists(st.integers(1, 65536), max_size=4)
    if d.type is str:
        return st.just("cpu") if d.name == "device" else st.text()
    low, high = d.bounds.get("ge", d.bounds.get("gt")), d.bounds.get("le", d.bounds.get("lt"))
    if d.type is int:
        return st.integers(low, high)
    return st.floats(low, high, exclude_min="gt" in d.bounds, exclude_max="lt" in d.bounds)


@st.composite
def configurations(draw: st.DrawFn) -> tuple[Exercise, Hyperparameters]:
    exercise = draw(st.sampled_from(list(EXERCISES.values())))
    chosen = draw(
        st.lists(st.sampled_from(list(exercise.declarations.values())), max_size=5, unique_by=lambda d: d.name)
    )
    values = {d.name: draw(values_of(d)) for d in chosen}
    assume(not mistakes_in(exercise.hyperparameters, values))
    hyperparameters = exercise.hyperparameters(**values)
    assume(not mistakes_for(exercise, hyperparameters))
    return exercise, hyperparameters


@FUZZ
@given(
    configuration=configurations(),
    title=st.text(min_size=1).filter(lambda title: title.strip() and title.isprintable()),
    text=st.text() | st.sampled_from(['"""', '\n"""\n', "\\", "\n\n", "a\r\nb", "\x00\x7f\n", '""""\n""', "a \\\n  b"]),
    published=st.dictionaries(st.sampled_from([m for m in METRICS if "accuracy" in m]), st.floats(0, 1)),
)
def test_a_saved_preset_reads_back_as_it_was(
    configuration: tuple[Exercise, Hyperparameters],
    title: str,
    text: str,
    published: dict[str, float],
    tmp_path: Path,
) -> None:
    exercise, hyperparameters = configuration
    path = tmp_path / "deeper" / "saved.v1.toml"
    save_preset(path, exercise, hyperparameters, title=title, text=text, published=published, overwrite=True)
    preset = load_preset(path)
    assert preset.configuration() == hyperparameters
    assert (preset.name, preset.title, preset.text) == ("saved.v1", title, text)
    assert (preset.exercise, preset.published) == (exercise, published)


def test_only_what_differs_from_the_defaults_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    save_preset(path, MLP, MLPHyperparameters(lr=0.5, hidden=[20, 10], batch_size=10), title="Wider")
    assert load_preset(path).hyperparameters == {"lr": 0.5, "hidden": [20, 10]}


def test_an_existing_file_is_kept_unless_it_may_be_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", "mine")
    with pytest.raises(UsageError, match="exists already"):
        save_preset(path, MLP, MLPHyperparameters(), title="a")
    assert path.read_text() == "mine"
    save_preset(path, MLP, MLPHyperparameters(), title="a", overwrite=True)
    assert load_preset(path).title == "a"
    assert list(tmp_path.iterdir()) == [path]  # nothing half-written is left


@pytest.mark.parametrize("title", ["", " ", "a\nb", "a\udcff"])
def test_a_title_that_could_not_be_read_back_is_refused(title: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must be one line of text"):
        save_preset(tmp_path / "a.toml", MLP, MLPHyperparameters(), title=title)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    blocked = write(tmp_path / "file", "")
    with pytest.raises(TuiLabError, match="cannot be written: "):
        save_preset(blocked / "a.toml", MLP, MLPHyperparameters(), title="a")


# Finding


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("fig-2.05", "fig-2.05"),
        ("fig-2.5", "fig-2.05"),
        ("2.5", "fig-2.05"),
        ("2.05", "fig-2.05"),
        ("2.10", "fig-2.10"),
        ("2.10-b", "fig-2.10-batch-32"),
        ("2.14", "fig-2.14"),
        ("2.14-corrected", "fig-2.14-corrected"),
        ("2.2", "fig-2.02"),
        ("digits-c", "digits-convnet"),
        ("circles", "circles-quick"),
        ("15-cor", "fig-2.15-corrected"),
        ("3.2", "fig-3.02"),
        ("3.2-fashion", "fig-3.02-fashion"),
        ("3.2-25", "fig-3.02-25-epochs"),
    ],
)
def test_a_preset_is_found_by_name_figure_or_part(name: str, found: str, tmp_path: Path) -> None:
    assert find_preset(name, tmp_path).name == found


def test_a_preset_is_found_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "fig-2.05.toml", VALID)
    monkeypatch.chdir(tmp_path)
    for name in (str(path), "fig-2.05.toml", "./fig-2.05.toml"):
        assert find_preset(name, tmp_path).title == "A title"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_preset("~/fig-2.05.toml", tmp_path).title == "A title"
    with pytest.raises(UsageError, match="There is no file"):
        find_preset("~nobody-known-here/x.toml", tmp_path)


def test_the_users_own_win_over_the_shipped(home: Path) -> None:
    write(home / "presets" / "deep" / "er" / "fig-2.05.toml", VALID)
    assert find_preset("2.5", home).title == "A title"
    assert find_preset("2.6", home).title == "Standardised inputs"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("digits", "'digits' fits 4 presets: digits-convnet, digits-mlp, digits-vit, svm-digits."),
        ("digits-convnt", "There is no preset 'digits-convnt'. Did you mean 'digits-convnet'?"),
        ("2.1", "There is no preset '2.1'. `tui-lab presets list` shows what there is."),
        ("mlp", "mlp is an exercise, not a preset. Train it with: tui-lab train mlp"),
        ("", "There is no preset ''. `tui-lab presets list` shows what there is."),
    ],
)
def test_names_that_fit_none_or_several_are_told(name: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_preset(name, tmp_path)
    assert str(caught.value) == sentence


def test_long_lists_of_candidates_are_cut(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'fig' fits 51 presets: .* and 43 more\.$"):
        find_preset("fig", tmp_path)


def test_two_files_of_the_users_with_one_name_are_told_apart_by_path(home: Path) -> None:
    paths = [write(home / "presets" / folder / "mine.toml", VALID) for folder in ("a", "b")]
    with pytest.raises(UsageError, match="'mine' is the name of 2 files") as caught:
        find_preset("mine", home)
    assert all(str(path) in str(caught.value) for path in paths)
    assert find_preset(str(paths[0]), home).name == "mine"


def test_a_broken_file_is_listed_as_broken_and_breaks_nothing_else(home: Path) -> None:
    broken = write(home / "presets" / "broken.toml", "title = ")
    (home / "presets" / "folder.toml").mkdir()
    write(home / "presets" / ".hidden.toml", "")
    mine = write(home / "presets" / "mine.toml", VALID)
    listed = {entry.name: entry for entry in list_presets(home)}
    assert listed.keys() == {path.stem for path in SHIPPED} | {"broken", "folder", "mine"}
    assert listed["broken"].preset is None
    assert str(broken) in str(listed["broken"].error)
    assert (listed["mine"].path, listed["mine"].is_shipped, listed["mine"].error) == (mine, False, None)
    assert listed["fig-2.05"].is_shipped
    assert list(listed) == sorted(listed)


# The schema


def accepts(schema: dict[str, Any], value: Any) -> bool:
    """The few rules of JSON Schema that the properties of hyperparameters use."""
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list}
    assert schema.keys() <= {
        *("type", "enum", "default", "description", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        *("items", "minItems", "maxItems", "minLength", "pattern", "const", "anyOf"),
    }
    if "anyOf" in schema:
        return any(accepts(one, value) for one in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    if not isinstance(value, kinds[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        return False
    if isinstance(value, list):
        return all(accepts(schema["items"], item) for item in value)
    if isinstance(value, str):
        return len(value) >= schema.get("minLength", 0)
    return not isinstance(value, int | float) or (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and value > schema.get("exclusiveMinimum", float("-inf"))
        and value < schema.get("exclusiveMaximum", float("inf"))
    )


def test_the_schema_is_json_and_every_reference_in_it_leads_somewhere() -> None:
    schema = json.loads(json.dumps(json_schema(), allow_nan=False))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["required"] == ["title", "exercise"]
    assert schema["properties"].keys() == KEYS.keys()
    assert schema["properties"]["exercise"]["enum"] == list(EXERCISES)
    assert list(schema["$defs"]) == [*EXERCISES, *(f"{name} sweep" for name in EXERCISES)]
    for rule in schema["allOf"]:
        name = rule["if"]["properties"]["exercise"]["const"]
        assert rule["then"]["properties"]["hyperparameters"] == {"$ref": f"#/$defs/{name}"}
        assert rule["then"]["properties"]["sweep"] == {"$ref": f"#/$defs/{name} sweep"}
    assert '"$ref"' not in json.dumps(schema["$defs"])


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_the_schema_describes_every_hyperparameter_and_accepts_its_default(exercise: Exercise) -> None:
    properties = json_schema()["$defs"][exercise.name]["properties"]
    assert properties.keys() == exercise.declarations.keys()
    for name, declaration in exercise.declarations.items():
        assert declaration.help in properties[name]["description"]
        assert properties[name]["default"] == declaration.default
        assert accepts(properties[name], declaration.default), name


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_schema_accepts_the_shipped_presets(path: Path) -> None:
    preset, schema = load_preset(path), json_schema()
    properties = schema["$defs"][preset.exercise.name]["properties"]
    assert all(accepts(properties[name], value) for name, value in preset.hyperparameters.items())
    metrics = schema["properties"]["published"]["properties"]
    assert all(accepts(metrics[name], value) for name, value in preset.published.items())
    swept = schema["$defs"][f"{preset.exercise.name} sweep"]["properties"]
    for arm in preset.arms:
        assert all(accepts(swept[name], [value]) for name, value in arm.hyperparameters.items())
        assert all(accepts(metrics[name], [value]) for name, value in arm.published.items())


@settings(deadline=None)
@given(data=st.data())
def test_the_schema_and_the_reader_agree_on_single_values(data: st.DataObject) -> None:
    declaration = data.draw(
        st.sampled_from([d for d in CONVNET.declarations.values() if d.type is not str or d.choices])
    )
    value = data.draw(
        values_of(declaration) | st.integers(-3, 3) | st.floats(-2, 2) | st.text(max_size=3) | st.booleans()
    )
    schema = json_schema()["$defs"]["convnet"]["properties"][declaration.name]
    alone = [m for m in mistakes_in(ConvNetHyperparameters, {declaration.name: value}) if "must" in m.problem]
    if declaration.name != "dataset":  # "folder" also asks for a folder
        assert accepts(schema, value) == (not alone)
