"""The Studies area: every study as it stands, its table and verdicts, and running what is missing."""

from dataclasses import replace

import pytest
from textual.widgets import Input

from tests.tui.conftest import screen_text, until
from tui_lab.presets import find_preset
from tui_lab.studies.plan import trials
from tui_lab.tui.studies.screen import StudiesScreen

NAME = "mlp-1.2.2-lr"


@pytest.fixture
def first_area():
    return "studies"


def finished_runs(app, seeds=2, accuracy=0.9):
    """Every run of a study, finished; the arms one point apart."""
    preset = find_preset(NAME, app.workspace.home)
    for i, trial in enumerate(trials(preset, seeds=seeds)):
        run = app.workspace.store.create("mlp", trial.hyperparameters.model_dump(), preset=NAME)
        measured = {"train_accuracy": accuracy + 0.01 * (i // seeds), "test_accuracy": accuracy, "epoch": 150}
        measured |= {"train_loss": 0.3, "test_loss": 0.4}
        status = run.read_status()
        replace(status, state="finished", last=measured, best=measured, epoch=150, elapsed=3.0).write(run.status)


async def opened(pilot, app):
    await until(pilot, lambda: isinstance(app.screen, StudiesScreen) and app.screen.standing is not None)
    options = app.screen.query_one("#study-list")
    options.highlighted = options.get_option_index(NAME)
    await until(pilot, lambda: app.screen.standing.preset.name == NAME)


async def test_a_study_shows_measured_beside_published_and_its_verdicts(make_app):
    app = make_app()
    finished_runs(app)
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "10 of 10 runs finished" in screen_text(app))
        text = screen_text(app)
        assert "✓   10/10  mlp-1.2.2-lr" in text
        assert "lr=0.001" in text and "90.0 ± 0.0" in text and "97.0" in text
        assert any(answer in text for answer in ("supported", "refuted", "undecided"))
        await pilot.press("t")
        await until(pilot, lambda: "Train accuracy" in screen_text(app))


async def test_what_is_missing_is_queued_and_what_is_there_is_not(make_app):
    app = make_app()
    finished_runs(app, seeds=1)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, app)
        await pilot.press("r")
        await until(pilot, lambda: "nothing to train, 5 done" in screen_text(app) and isinstance(app.focused, Input))
        await pilot.press("2", "enter")
        await until(pilot, lambda: len(app.workspace.store.list()) == 10)
        await until(pilot, lambda: "5 waiting" in screen_text(app) and app.screen.standing.waiting == 5)
        await pilot.press("x")
        await until(pilot, lambda: app.screen.query(".dialog-box"))
        await pilot.press("y")
        await until(pilot, lambda: all(e.state != "queued" for e in app.workspace.store.list()))


async def test_on_a_narrow_screen_the_page_takes_the_place_of_the_list(make_app):
    app = make_app()
    finished_runs(app, seeds=1)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        assert "Networks by hand" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "5 of 5 runs finished" in screen_text(app))
        assert "Networks by hand" not in screen_text(app)
        assert "test loss" not in screen_text(app)  # there is no room for every column, and none is cut
        await pilot.press("escape")
        await until(pilot, lambda: "Networks by hand" in screen_text(app))


async def test_its_runs_and_its_settings_are_one_key_away(make_app):
    app = make_app()
    finished_runs(app, seeds=1)
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        await pilot.press("o")
        await until(pilot, lambda: app.current_mode == "runs" and "5 runs, 5 shown" in screen_text(app))
        app.action_area("studies")
        await until(pilot, lambda: isinstance(app.screen, StudiesScreen))
        await pilot.press("f")
        await until(pilot, lambda: app.current_mode == "labs" and "Settings of mlp-1.2.2-lr" in screen_text(app))
