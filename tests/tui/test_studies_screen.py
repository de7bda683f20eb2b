"""The Studies area: every study as it stands, its table and verdicts, and running what is missing."""

from dataclasses import replace

import pytest
from textual.widgets import Input

from tests.tui.conftest import screen_text, until
from tests.tui.recording import record
from tui_lab.presets import find_preset
from tui_lab.studies.plan import trials
from tui_lab.training.timing import Timing
from tui_lab.tui.studies import screen as screen_module
from tui_lab.tui.studies.listing import Seen, standings
from tui_lab.tui.studies.screen import StudiesScreen

NAME = "mlp-1.2.2-lr"


@pytest.fixture
def first_area():
    return "studies"


class FakeProcess:
    """In place of the process that measures: what it is asked is kept, and answered at once."""

    def __init__(self):
        self.asked = []
        self.is_closed = False

    def ask(self, kind, exercise, values, data_dir):
        self.asked.append((kind, exercise, values["batch_size"]))
        return Timing(step_s=0.01, steps=80, evaluation_s=0.2, took_s=2.0)

    def close(self):
        self.is_closed = True


@pytest.fixture
def process(monkeypatch):
    made = FakeProcess()
    monkeypatch.setattr(screen_module, "PreviewProcess", lambda: made)
    return made


def finished_runs(app, seeds=2, accuracy=0.9, **overrides):
    """Every run of a study, finished; the arms one point apart."""
    preset = find_preset(NAME, app.workspace.home)
    for i, trial in enumerate(trials(preset, seeds=seeds, overrides=overrides)):
        run = app.workspace.store.create("mlp", trial.hyperparameters.model_dump(), preset=NAME)
        measured = {"train_accuracy": accuracy + 0.01 * (i // seeds), "test_accuracy": accuracy, "epoch": 150}
        measured |= {"train_loss": 0.3, "test_loss": 0.4}
        status = run.read_status()
        replace(status, state="finished", last=measured, best=measured, epoch=150, elapsed=3.0).write(run.status)


async def opened(pilot, app, key=NAME):
    await until(pilot, lambda: isinstance(app.screen, StudiesScreen) and app.screen.standing is not None)
    options = app.screen.query_one("#study-list")
    await until(pilot, lambda: key in {option.id for option in options.options})
    options.highlighted = options.get_option_index(key)
    await until(pilot, lambda: app.screen.standing.key == key)


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
        assert not app.screen.query_one("#study-chart").is_on_screen
        assert "No room for train loss, best test % @ epoch." in screen_text(app)
        assert "test loss" in screen_text(app)
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


async def test_a_scaled_study_is_run_at_its_own_size(make_app):
    app = make_app()
    finished_runs(app, seeds=1, epochs=3)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, app, f"{NAME} epochs=3")
        await pilot.press("r")
        await until(pilot, lambda: "nothing to train, 5 done" in screen_text(app) and isinstance(app.focused, Input))
        await pilot.press("2", "enter")
        await until(pilot, lambda: len(app.workspace.queue.runs) == 5)
        assert {run.read_request().hyperparameters["epochs"] for run in app.workspace.queue.runs} == {3}


async def test_some_arms_alone_are_run(make_app):
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await pilot.press("a")
        await until(pilot, lambda: app.focused is not None and app.focused.id == "study-arms")
        await pilot.press("down", "space", "space", "space", "down", "down", "space")
        await until(pilot, lambda: screen_text(app).count("[x]") == 2)
        await pilot.press("enter")
        await until(pilot, lambda: "2 of 5 arms" in screen_text(app) and isinstance(app.focused, Input))
        await pilot.press("enter")
        await until(pilot, lambda: len(app.workspace.queue.runs) == 2)
        assert [run.read_request().hyperparameters["lr"] for run in app.workspace.queue.runs] == [0.01, 0.1]


@pytest.mark.parametrize(("name", "batch_sizes"), [(NAME, [10]), ("mlp-1.2.2-batch-size", [10, 20, 50, 100, 200])])
async def test_what_no_run_tells_is_measured_once_for_each_kind_of_arm(make_app, process, name, batch_sizes):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app, name)
        await until(pilot, lambda: "m measures it now" in screen_text(app))
        await pilot.press("m")
        # five arms of 150 epochs of 80 steps and an evaluation
        said = f"about 12 min 30 s here one after the other (from a {2 * len(batch_sizes)} s measurement)"
        await until(pilot, lambda: said in " ".join(screen_text(app).split()))
        assert process.asked == [("timing", "mlp", size) for size in batch_sizes]
        assert process.is_closed
        assert not app.screen.check_action("time", ())


async def test_nothing_is_measured_beside_a_run(make_app, process):
    app = make_app()
    run = record(app.workspace.home, "moss", epochs=2, state="running")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: run.id in app.workspace.index.entries)
        await pilot.press("m")
        await until(pilot, lambda: "A run is training" in screen_text(app))
        assert process.asked == []


@pytest.mark.parametrize("key", ["r", "m"])
async def test_data_that_are_missing_can_be_fetched(make_app, process, key):
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, app, "fig-2.02")
        await pilot.press(key)
        if key == "r":
            await until(pilot, lambda: isinstance(app.focused, Input))
            await pilot.press("enter")
        await until(pilot, lambda: "fetch it now" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, StudiesScreen))
        assert (app.workspace.queue.runs, process.asked) == ([], [])


def test_epochs_that_pass_change_no_standing_but_its_runs(make_app):
    app = make_app()
    finished_runs(app, seeds=1)
    app.workspace.index.refresh()
    entries = dict(app.workspace.index.entries)
    first = next(iter(entries))
    moved = {**entries, first: replace(entries[first], status=replace(entries[first].status, epoch=151))}
    failed = {**entries, first: replace(entries[first], state="failed")}
    assert Seen(moved).stamp == Seen(entries).stamp != Seen(failed).stamp
    (standing,) = standings([find_preset(NAME, app.workspace.home)], Seen(entries))
    now = standing.now(moved)
    assert now.entries == standings([standing.preset], Seen(moved))[0].entries != standing.entries
    assert now.stamp != standing.stamp
