"""`schedule`: how a scheduler changes the learning rate from epoch to epoch (figure 2.11)."""

from __future__ import annotations

from typing import Literal

from tui_lab.hyperparameters import Declared, GradientHyperparameters, setting
from tui_lab.tools.tool import Cell, Chart, Curve, Result, Table, Tool
from tui_lab.training.schedules import gamma_of, learning_rate, schedule_curve

SCHEDULERS = ("constant", "linear", "step", "exponential", "polynomial", "cosine")
MOST_EPOCHS = 10_000


def _of(*schedulers: str) -> dict[str, tuple[str, ...]]:
    return {"scheduler": ("all", *schedulers)}


class ScheduleInputs(Declared):
    """The hyperparameters that make a schedule, under the same names and with the same meaning."""

    scheduler: Literal["all", "constant", "linear", "step", "exponential", "polynomial", "cosine"] = setting(
        "all", "one of torch's schedulers, or all of them", topic="Schedule", question="2.26"
    )
    lr: float = setting(0.1, "learning rate that it starts from", topic="Schedule", gt=0, le=100)
    epochs: int = setting(100, "epochs", topic="Schedule", ge=1, le=MOST_EPOCHS)
    gamma: float = setting(
        0.0,
        "decay factor; 0 = the usual: exponential 0.95, step 0.1",
        topic="Schedule",
        only_if=_of("step", "exponential"),
        ge=0,
        le=2,
    )
    step_size: int = setting(
        10, "epochs between two decays", topic="Schedule", only_if=_of("step"), ge=1, le=MOST_EPOCHS
    )
    factor: float = setting(
        1 / 3, "first factor on the learning rate", topic="Schedule", only_if=_of("constant", "linear"), gt=0, le=1
    )
    total_iters: int = setting(
        5,
        "epochs until the factor has done its work",
        topic="Schedule",
        only_if=_of("constant", "linear", "polynomial"),
        ge=1,
        le=MOST_EPOCHS,
    )
    power: float = setting(1.0, "power of the decay", topic="Schedule", only_if=_of("polynomial"), gt=0, le=10)
    T_max: int = setting(
        0, "epochs of half a cosine; 0 = all epochs", topic="Schedule", only_if=_of("cosine"), ge=0, le=MOST_EPOCHS
    )
    eta_min: float = setting(0.0, "lowest learning rate", topic="Schedule", only_if=_of("cosine"), ge=0, le=100)
    log_axis: bool = setting(False, "draw the rate on a logarithmic axis", topic="Drawing")


def calculate(inputs: ScheduleInputs) -> Result:
    """The rate of every epoch: drawn, and at a few epochs in a table."""
    names = SCHEDULERS if inputs.scheduler == "all" else (inputs.scheduler,)
    asked = {name: _hyperparameters(inputs, name) for name in names}
    middle, last = inputs.epochs // 2, inputs.epochs - 1
    rows: list[tuple[Cell, ...]] = []
    curves = []
    for name, hp in asked.items():
        epochs, rates = schedule_curve(hp)
        curves.append(Curve(name, tuple(map(float, epochs)), tuple(rates)))
        mean = sum(learning_rate(hp, epoch) for epoch in range(hp.epochs)) / hp.epochs
        rows.append((name, *(learning_rate(hp, epoch) for epoch in (0, middle, last)), mean, _formula(hp)))
    columns = ("scheduler", "epoch 0", f"epoch {middle}", f"epoch {last}", "mean", "in epoch e")
    chart = Chart("Learning rate", "epoch", tuple(curves), inputs.log_axis)
    return Result(table=Table(columns, tuple(rows)), charts=(chart,))


def _hyperparameters(inputs: ScheduleInputs, scheduler: str) -> GradientHyperparameters:
    values = inputs.model_dump(exclude={"log_axis"})
    return GradientHyperparameters.model_validate({**values, "scheduler": scheduler})


def _formula(hp: GradientHyperparameters) -> str:
    match hp.scheduler:
        case "constant":
            return f"lr × {hp.factor:.4g} while e < {hp.total_iters}, then lr"
        case "linear":
            return f"lr × ({hp.factor:.4g} + {1 - hp.factor:.4g} × min(e, {hp.total_iters}) / {hp.total_iters})"
        case "step":
            return f"lr × {gamma_of(hp):g} ^ floor(e / {hp.step_size})"
        case "exponential":
            return f"lr × {gamma_of(hp):g} ^ e"
        case "polynomial":
            return f"lr × (1 − min(e, {hp.total_iters}) / {hp.total_iters}) ^ {hp.power:g}"
        case "cosine":
            return f"{hp.eta_min:g} + (lr − {hp.eta_min:g}) × (1 + cos(π e / {hp.T_max or hp.epochs})) / 2"
        case "none":
            return "lr"


TOOL = Tool(
    name="schedule",
    lab=2,
    title="Learning-rate schedules",
    text="""\
A schedule multiplies the learning rate by a factor that depends on the epoch *e*: large steps at first, to get far,
small ones later, to settle. The names and defaults are those of torch.optim.lr_scheduler.

- **constant** and **linear** do not decay: they warm up, for five epochs, and leave the rate as it is.
- **polynomial** with its defaults is 0 from epoch 5 on: after that nothing is learned. Set `total_iters` to the epochs.
- **exponential** halves the rate every 14 epochs at γ = 0.95. How much is left after 100? Look on a logarithmic axis.
- The mean tells how much learning a schedule allows in all, for the same starting rate.
""",
    inputs=ScheduleInputs,
    calculate=calculate,
)
