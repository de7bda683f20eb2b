"""The Run area: the looks inside, tab by tab."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui.conftest import screen_text, until
from tests.tui.run.area import CONFUSION, FILTERS, WRONG, MakeApp, Record, open_run
from tui_lab.inspections.catalogue import INSPECTIONS, write_inspection
from tui_lab.inspections.content import Confusion, FeatureMap, FeatureMaps, MapLayer, SampleMaps, Samples, TopLoss
from tui_lab.pictures import Picture
from tui_lab.tui.dialogs import Page
from tui_lab.tui.run.inspecting import TABS, Inspections
from tui_lab.tui.run.views import ConfusionView


async def test_inspections_come_as_tabs_and_a_cell_opens_its_samples(make_app: MakeApp, record: Record) -> None:
    run = record()
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, run)
        assert "Confusion" not in screen_text(pilot.app) and "Rate" in screen_text(pilot.app)
        write_inspection(run, "confusion", CONFUSION)
        await until(pilot, lambda: "cat, taken for dog: 3 of 8" in screen_text(pilot.app))
        await pilot.press("i", "down")
        view = screen.query_one(ConfusionView)
        assert view.has_focus and view._cell == (0, 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Page))
        assert "cat, taken for dog: 3" in screen_text(pilot.app) and "75 %" in screen_text(pilot.app)
        await pilot.press("escape")
        await pilot.press("left", "down", "down", "right", "right", "right")
        assert view._cell == (2, 2)
        await pilot.press("enter")
        await until(pilot, lambda: "Right answers are not kept" in screen_text(pilot.app))
        await pilot.press("escape", "up", "left")
        assert view._cell == (1, 1)
        await pilot.press("left", "enter")
        await until(pilot, lambda: "No sample of this cell was kept." in screen_text(pilot.app))


async def test_a_click_chooses_a_cell_and_another_opens_it(make_app: MakeApp, record: Record) -> None:
    run = record()
    write_inspection(run, "confusion", CONFUSION)
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, run)
        await until(pilot, lambda: "predicted" in screen_text(pilot.app))
        lines = screen_text(pilot.app).splitlines()
        row = next(y for y, line in enumerate(lines) if line.split()[:4] == ["cat", "5", "3", "."])
        place = lines[row].index("3"), row
        await pilot.click(offset=place)
        assert screen.query_one(ConfusionView)._cell == (0, 1)
        await pilot.click(offset=place)
        await until(pilot, lambda: isinstance(pilot.app.screen, Page))


async def test_only_the_tab_that_is_looked_at_is_drawn_and_again_when_it_changes(
    make_app: MakeApp, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    from tui_lab.tui.run import inspecting

    read = inspecting.read_inspection
    monkeypatch.setattr(inspecting, "read_inspection", lambda run, name: drawn.append(name) or read(run, name))
    run = record()
    write_inspection(run, "confusion", CONFUSION)
    write_inspection(run, "filters", FILTERS)
    async with make_app("labs").run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, run)
        await until(pilot, lambda: "predicted" in screen_text(pilot.app))
        assert drawn == ["confusion"]
        tabs = screen.query_one(Inspections).tabs
        await pilot.press("i", "right")
        await until(pilot, lambda: tabs.active == "tab-filters" and "Mid-grey is 0" in screen_text(pilot.app))
        await pilot.press("left")
        await until(pilot, lambda: tabs.active == "tab-confusion")
        assert drawn == ["confusion", "filters"]
        more = Confusion(3.0, 30, CONFUSION.class_names, ((8, 0, 0), (5, 0, 0), (0, 0, 6)), {})
        write_inspection(run, "confusion", more)
        await until(pilot, lambda: "dog, taken for cat: 5 of 5" in screen_text(pilot.app))
        assert drawn == ["confusion", "filters", "confusion"]


async def test_samples_go_on_to_the_worst_ones_page_by_page(make_app: MakeApp, record: Record) -> None:
    run = record()
    names = CONFUSION.class_names
    samples = tuple(replace(WRONG, index=i, loss=40.0 - i) for i in range(15))
    right = replace(WRONG, label=WRONG.predicted, loss=0.5)
    write_inspection(run, "samples", Samples(2.0, 20, names, (WRONG,)))
    write_inspection(run, "top-loss", TopLoss(2.0, 20, names, 40, 15, (*samples, right)))
    async with make_app("labs").run_test(size=(80, 24)) as pilot:
        screen = await open_run(pilot, run)
        await pilot.press("i")
        await until(pilot, lambda: "the same dozen" in screen_text(pilot.app))
        await pilot.press("down", "m")
        await until(pilot, lambda: "1 to 12 of the 16 samples with the highest loss" in screen_text(pilot.app))
        await pilot.press("n")
        await until(pilot, lambda: "13 to 16 of the 16 samples" in screen_text(pilot.app))
        await pilot.press("m")
        await until(pilot, lambda: "1 to 12 of the 15 misclassified ones" in screen_text(pilot.app))
        await pilot.press("p")  # from the first page to the last
        await until(pilot, lambda: "13 to 15 of the 15 misclassified ones" in screen_text(pilot.app))
        other = record("finished")
        write_inspection(other, "samples", Samples(2.0, 20, names, (WRONG,)))
        screen.open_run(other.id)
        await until(pilot, lambda: other.id in screen_text(pilot.app) and "✗ dog" in screen_text(pilot.app))
        assert "misclassified ones" not in screen_text(pilot.app)


async def test_keys_choose_the_image_whose_feature_maps_are_shown(make_app: MakeApp, record: Record) -> None:
    run = record()
    layer = MapLayer("conv1", "features.0", "relu", 8, 3, 8, 8, 0.0, 1.5, (FeatureMap(7, 0.9, bytes(64)),))
    of_image = replace(WRONG, shown=Picture(8, 8, bytes(192)))
    maps = tuple(SampleMaps(replace(of_image, index=i), (layer,)) for i in range(3))
    write_inspection(run, "feature-maps", FeatureMaps(2.0, 20, CONFUSION.class_names, maps))
    async with make_app("labs").run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        await pilot.press("i")
        await until(pilot, lambda: "Image 1 of 3" in screen_text(pilot.app))
        await pilot.press("down", "p")
        await until(pilot, lambda: "Image 3 of 3" in screen_text(pilot.app))
        await pilot.press("n", "right")
        await until(pilot, lambda: "Image 2 of 3" in screen_text(pilot.app))
        await pilot.press("m")
        await until(pilot, lambda: "In the order of the channels" in screen_text(pilot.app))
        assert "Image 2 of 3" in screen_text(pilot.app)
        await pilot.press("escape", "i")  # the tabs, and the charts
        await until(pilot, lambda: "Image 2 of 3" not in screen_text(pilot.app))


def test_every_inspection_has_a_tab() -> None:
    assert sorted(name for tab in TABS.values() for name in tab.names) == sorted(INSPECTIONS)


async def test_another_run_does_not_show_what_was_found_in_the_first(make_app: MakeApp, record: Record) -> None:
    first, second = record("finished"), record("finished")
    write_inspection(first, "confusion", CONFUSION)
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, first)
        await until(pilot, lambda: "predicted" in screen_text(pilot.app))
        screen.open_run(second.id)
        await until(pilot, lambda: second.id in screen_text(pilot.app) and "◆" in screen_text(pilot.app))
        assert "predicted" not in screen_text(pilot.app) and "Confusion" not in screen_text(pilot.app)


async def test_the_log_shows_the_end_of_the_workers_output(make_app: MakeApp, record: Record) -> None:
    run = record("crashed")
    run.log.write_text("".join(f"line {i}\n" for i in range(500)))
    async with make_app().run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        await pilot.press("g")
        await until(pilot, lambda: "line 499" in screen_text(pilot.app))
        run.log.write_text(run.log.read_text() + "out of memory\n")
        await until(pilot, lambda: "out of memory" in screen_text(pilot.app))
