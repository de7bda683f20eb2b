"""Networks of timm on the command line: searched, and refused before a run is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.labs.test_timm_settings import cache  # noqa: F401, a fixture
from tui_lab.cli.main import app, main
from tui_lab.errors import MISSING, USAGE
from tui_lab.labs import timm_models


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_models_are_searched_by_words_of_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm_models, "_ask", lambda *names: {name: {"parameters": 5, "blocks": 3} for name in names})
    found = json.loads(invoke("models", "vit", "224", "--json").stdout)
    assert found == [
        {
            "name": "vit_base_patch16_224",
            "image_size": 224,
            "parameters": 5,
            "blocks": 3,
            "pretrained": ["augreg", "mae"],
        }
    ]
    names = [model["name"] for model in json.loads(invoke("models", "--pretrained", "--json").stdout)]
    assert "no_weights" not in names and len(names) == 3
    shown = invoke("models").stdout.splitlines()
    assert shown[0].split() == ["model", "image", "parameters", "blocks", "pretrained", "weights"]
    assert any(line.split() == ["test_vit", "160", "306,890", "6", "r160"] for line in shown)


def test_many_models_are_listed_without_being_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_lab.cli.models.SIZED", 2)
    shown = invoke("models")
    assert shown.stdout.splitlines()[0].split() == ["model", "image", "pretrained", "weights"]
    assert "4 models" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["models", "vitt"], USAGE, "no model with 'vitt'"),
        (["train", "timm", "--dataset", "digits"], MISSING, "--weights FILE"),
        (["train", "timm", "--dataset", "digits", "--weights", "gone.pth"], MISSING, "There is no file gone.pth"),
        (["train", "timm", "--dataset", "digits", "--model", "vit_base"], USAGE, "vit_base_patch16_224"),
        (["train", "timm", "--layer-decay", "0.5"], USAGE, "needs trainable = all"),
    ],
)
def test_what_is_wrong_ends_the_command_before_a_run_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments, code, said
) -> None:
    monkeypatch.setattr("sys.argv", ["tui-lab", "--home", str(tmp_path / "home"), *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == code
    assert said in capsys.readouterr().err
    assert not list((tmp_path / "home").glob("runs/*"))
