"""The questions over the screen: listing, predicting, reading, seeing it live."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from tests.tui.conftest import screen_text, until
from tests.tui.recording import record
from tui_lab.inspections.catalogue import inspection_file
from tui_lab.labs.cards import load_cards
from tui_lab.tui.commands import question_commands
from tui_lab.tui.help import Keys, groups
from tui_lab.tui.labs.screen import LabsScreen
from tui_lab.tui.questions.card import LOOKED_UP, CardView
from tui_lab.tui.questions.screen import QuestionsScreen
from tui_lab.tui.run.screen import RunScreen
from tui_lab.tui.tools.screen import ToolsScreen

WIDE, NARROW = (160, 45), (80, 24)
SHIPPED = load_cards(Path("/nowhere")).cards
CARD = """\
+++
title = "A question of one's own"
exercises = ["mlp"]

[[show]]
label = "as a form"
exercise = "mlp"
hyperparameters = {hidden = [3], lr = 0.7}

[[show]]
label = "as a preset"
preset = "circles-quick"

[[show]]
label = "as a tool"
tool = "losses"
inputs = {p = 0.25, unknown = 1}

[[show]]
label = "inside a run"
inspection = "boundary"

[[show]]
label = "no preset"
preset = "circles-quack"

[[show]]
label = "no tool"
tool = "loss"

[[show]]
label = "no exercise"
exercise = "mlpp"

[[show]]
label = "no inspection"
inspection = "boundry"
+++

## Question

Which?

## Predict

Choose.

- [ ] the first
- [x] the *second*

## Answer

Because of the marmot.
"""


def own_card(app) -> None:
    """A teacher's question 1.18 in the home folder."""
    folder = app.workspace.home / "questions"
    folder.mkdir(parents=True)
    (folder / "1.18.md").write_text(CARD)


async def labs(pilot, app) -> LabsScreen:
    screen = await until(pilot, lambda: app.screen if isinstance(app.screen, LabsScreen) else None)
    await until(pilot, lambda: screen._form is not None and screen._form.fields["lr"].is_mounted)
    return screen


async def opened(pilot, app, **what: str) -> QuestionsScreen:
    """The questions, with a card shown."""
    await labs(pilot, app)
    app.open_questions(**what)
    screen = await until(pilot, lambda: app.screen if isinstance(app.screen, QuestionsScreen) else None)
    await shown(pilot, screen, what.get("number", "1.1"))
    return screen


async def shown(pilot, screen: QuestionsScreen, number: str) -> CardView:
    view = await until(pilot, lambda: next(iter(screen.query(CardView)), None))
    await until(pilot, lambda: view.card is not None and view.card.number == number and view.is_whole)
    return view


def panes(screen: QuestionsScreen) -> list[str]:
    """What can be seen."""
    names = ["questions-list-pane", "questions-card-pane"]
    return [name for name in names if screen.query_one(f"#{name}").region.area]


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_prediction_is_judged_and_the_answer_can_be_read(make_app, size):
    app = make_app()
    own_card(app)
    async with app.run_test(size=size) as pilot:
        await labs(pilot, app)
        await pilot.press("Q")
        screen = await until(pilot, lambda: app.screen if isinstance(app.screen, QuestionsScreen) else None)
        await shown(pilot, screen, "1.1")
        await pilot.press("end")
        view = await shown(pilot, screen, "1.18")
        await pilot.press("enter")
        await until(pilot, lambda: app.focused is view.query_one("#card-choices"))
        await until(pilot, lambda: "○ the second" in screen_text(app))
        assert "marmot" not in screen_text(app)
        await pilot.press("down", "enter")
        await until(pilot, lambda: "marmot" in screen_text(app))
        text = screen_text(app)
        assert "✓ Right" in text and "✓ the second   your prediction" in text
        assert app.focused is view
        await pilot.press("escape")
        await until(pilot, lambda: app.focused is screen.query_one("#questions-list"))
        await until(pilot, lambda: "✓ 1.18" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, LabsScreen))


async def test_a_wrong_prediction_says_so_in_words_and_stays(make_app):
    app = make_app()
    own_card(app)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, app, number="1.18")
        await until(pilot, lambda: app.focused is screen.query_one("#card-choices"))
        await pilot.press("enter")
        await until(pilot, lambda: "✕ Not so" in screen_text(app))
        assert "✕ the first   your prediction" in screen_text(app)
        assert "✓ the second" in screen_text(app)
        assert "✕ 1.18" in screen_text(app)
        screen.query_one(CardView).predict(1)  # too late
        assert app._predictions == {"1.18": 0}
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, LabsScreen))
        screen = await opened(pilot, app, number="1.18")
        await until(pilot, lambda: "✕ Not so" in screen_text(app))


async def test_who_gives_up_sees_the_answer_without_a_verdict(make_app):
    app = make_app()
    async with app.run_test(size=NARROW) as pilot:
        screen = await opened(pilot, app, number="1.15")
        await until(pilot, lambda: app.focused is screen.query_one("#card-choices"))
        assert "a Answer" in screen_text(app) and "s See it" not in screen_text(app)
        await pilot.press("a")
        await until(pilot, lambda: "✓ (0.7, −0.8, 0.1)" in screen_text(app))
        assert "your prediction" not in screen_text(app)
        await until(pilot, lambda: "a Answer" not in screen_text(app) and "s See it" in screen_text(app))
        assert app._predictions == {"1.15": LOOKED_UP}


async def test_one_column_where_there_is_room_for_one(make_app):
    app = make_app()
    async with app.run_test(size=NARROW) as pilot:
        screen = await opened(pilot, app, exercise="mlp")
        assert panes(screen) == ["questions-list-pane"]
        await pilot.press("enter")
        await until(pilot, lambda: panes(screen) == ["questions-card-pane"])
        await pilot.press("n", "n", "p")
        await shown(pilot, screen, "1.2")
        await pilot.press("escape")
        await until(pilot, lambda: panes(screen) == ["questions-list-pane"])
        await pilot.resize_terminal(*WIDE)
        await until(pilot, lambda: len(panes(screen)) == 2)
        await pilot.resize_terminal(20, 5)
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: panes(screen) == ["questions-list-pane"])


async def test_the_list_is_searched_and_widened(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, app, exercise="svm")
        listed = screen.query_one("#questions-list", OptionList)
        assert "Questions of svm" in screen_text(app)
        assert listed.option_count == 2
        await pilot.press("t")
        await until(pilot, lambda: "All questions" in screen_text(app))
        assert listed.option_count == len(SHIPPED)
        await pilot.press("slash", *"1.14")
        await shown(pilot, screen, "1.14")  # and not the first that mentions it
        await pilot.press("ctrl+a", *"zebra")
        await until(pilot, lambda: "none has these words" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: listed.option_count == len(SHIPPED))
        assert screen.query_one("#questions-search", Input).value == ""
        assert app.focused is listed


async def test_an_exercise_without_questions_begins_with_all(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, app, exercise="no questions")
        assert "All questions" in screen_text(app)
        assert "t All" not in screen_text(app)


async def seen(pilot, app, which: int) -> QuestionsScreen:
    """Question 1.18 answered, and the show number `which` chosen."""
    screen = await opened(pilot, app, number="1.18")
    await until(pilot, lambda: app.focused is screen.query_one("#card-choices"))
    await pilot.press("a", "s")
    await until(pilot, lambda: app.focused is screen.query_one("#card-shows"))
    await pilot.press(*["down"] * which, "enter")
    return screen


async def test_hyperparameters_go_into_the_form(make_app):
    app = make_app()
    own_card(app)
    async with app.run_test(size=WIDE) as pilot:
        await seen(pilot, app, 0)
        screen = await labs(pilot, app)
        await until(pilot, lambda: screen._form.values["lr"] == 0.7 and screen._form.values["hidden"] == [3])


async def test_a_preset_goes_into_the_form(make_app):
    app = make_app()
    own_card(app)
    async with app.run_test(size=NARROW) as pilot:
        await seen(pilot, app, 1)
        screen = await labs(pilot, app)
        await until(pilot, lambda: screen._entry.preset == "circles-quick" and screen._form.values["epochs"] == 100)


async def test_a_tool_opens_with_its_inputs(make_app):
    app = make_app()
    own_card(app)
    async with app.run_test(size=NARROW) as pilot:
        for _ in range(2):  # the area is made, then it is there
            await seen(pilot, app, 2)
            await until(pilot, lambda: isinstance(app.screen, ToolsScreen))
            await until(pilot, lambda: "At p = 0.25" in screen_text(app))
            app._predictions.clear()
            await pilot.press("escape", "1")


async def test_an_inspection_opens_the_newest_run_that_has_it(make_app):
    app = make_app()
    own_card(app)
    old, new = (record(app.workspace.home, word, age_s=age) for word, age in (("old", 60), ("new", 30)))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: len(app.workspace.index.entries) == 2)
        screen = await seen(pilot, app, 3)
        await until(pilot, lambda: any("No run has that yet" in note.title for note in app._notifications))
        assert app.screen is screen
        old.inspections.mkdir()
        inspection_file(old, "boundary").write_text("{}")
        await pilot.press("enter")
        shown_run = await until(pilot, lambda: app.screen if isinstance(app.screen, RunScreen) else None)
        await until(pilot, lambda: shown_run._run is not None and shown_run._run.id == old.id)
        assert new.id > old.id


async def test_what_does_not_exist_is_said_and_the_card_stays(make_app):
    app = make_app()
    own_card(app)
    async with app.run_test(size=WIDE) as pilot:
        screen = await seen(pilot, app, 4)
        for meant in ("circles-quick", "losses", "mlp", "boundary"):
            hint = f"Did you mean {meant!r}?"
            await until(pilot, lambda hint=hint: any(hint in note.message for note in app._notifications))
            assert app.screen is screen
            await pilot.press("down", "enter")


async def test_a_file_that_is_no_card_is_named(make_app):
    app = make_app()
    own_card(app)
    (app.workspace.home / "questions" / "1.19.md").write_bytes(b"\xff")
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "1.19.md is left out" in screen_text(app))


async def test_from_a_field_f3_opens_its_question(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        screen = await labs(pilot, app)
        screen._form.fields["batch_size"].editor.focus()
        await until(pilot, lambda: "question 1.10: F3" in screen_text(app))
        await pilot.press("f3")
        questions = await until(pilot, lambda: app.screen if isinstance(app.screen, QuestionsScreen) else None)
        await shown(pilot, questions, "1.10")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.screen is screen)
        assert app.focused is screen._form.fields["batch_size"].editor
        screen._form.fields["seed"].editor.focus()  # belongs to none
        await pilot.press("f3")
        questions = await until(pilot, lambda: app.screen if isinstance(app.screen, QuestionsScreen) else None)
        await shown(pilot, questions, "1.1")


async def test_a_question_without_a_card_is_said(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        screen = await labs(pilot, app)
        app.open_questions(number="2.199")
        await until(pilot, lambda: any("2.199 has no card" in note.message for note in app._notifications))
        assert app.screen is screen


async def test_help_and_the_palette_know_the_questions(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, app)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, Keys))
        found = groups(screen)
        assert {("/", "Search"), ("a", "Show the answer without a prediction"), ("p", "Previous question")} <= set(
            found["This screen"]
        )
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        titles = [command.title for command in question_commands(app, screen._cards.cards)]
        assert "Question 1.12: What back-propagation saves" in titles


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_ascii_mode_keeps_symbols_apart(make_app, size):
    app = make_app(ascii=True)
    async with app.run_test(size=size) as pilot:
        await opened(pilot, app, number="1.7")
        await until(pilot, lambda: "h~, h, y~ and y^" in screen_text(app))
