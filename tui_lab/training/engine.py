"""The hot path: one gradient step, one epoch's meters, one evaluation. Knows nothing of run directories."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tui_lab.data.batches import Batches
from tui_lab.errors import CheckpointError, DivergedError
from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.models.stepping import Reduction, TakesOwnSteps
from tui_lab.seeding import stream_seed
from tui_lab.training.optimizers import build_optimizer, scaled_groups
from tui_lab.training.plan import Plan
from tui_lab.training.schedules import learning_rate, warmup_factor

SMALLER_STEPS = "Lower the learning rate (--lr) or clip gradients (--clip-norm 1)."


@dataclass(frozen=True)
class Score:
    """Means over samples: loss (cross-entropy, nats) and accuracy (0 to 1)."""

    loss: float
    accuracy: float


class Engine:
    """A model under training, at a position: `epoch` whole epochs done and `step` steps of the next.

    Args:
        hyperparameters: the run's.
        model: untrained or loaded; moved to the plan's device and layout. One that takes its own steps has no
            `optimizer`.
        train: shuffled batches of the training split.
        plan: device, precision, memory layout.

    Every random draw is a pure function of (seed, epoch, step), so `state` holds no generator.
    """

    def __init__(self, hyperparameters: GradientHyperparameters, model: nn.Module, train: Batches, plan: Plan) -> None:
        self.hyperparameters = hyperparameters
        self.plan = plan
        self.train = train
        self.model = plan.place(model)
        self.optimizer: torch.optim.Optimizer | None = None
        if isinstance(model, TakesOwnSteps):
            self._own_step = model.gradient_step
        else:
            groups = scaled_groups(hyperparameters, model) or model.parameters()
            self.optimizer = build_optimizer(hyperparameters, groups, torch.device(plan.device))
        self.reduction: Reduction = getattr(hyperparameters, "reduction", "mean")
        self.base_lr = self._lr_now = hyperparameters.lr
        self._is_warming_up = False
        self.steps_per_epoch = len(train)
        self.epoch = 0
        self.step = 0
        # Of each step of the epoch under way that somebody has looked at; the others wait, unread, on the device
        self.losses: list[float] = []
        self.accuracies: list[float] = []
        self._unread: list[tuple[Tensor, Tensor, Tensor]] = []  # loss, output, labels
        self._parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self._forward = torch.compile(self.model) if hyperparameters.compile else self.model
        self._draws_randomly = _draws_randomly(model)

    @property
    def lr(self) -> float:
        """The learning rate of the last step taken; of one that begins an epoch, before it is taken."""
        hp = self.hyperparameters
        done = self.epoch + max(self.step, 1) / self.steps_per_epoch
        return learning_rate(hp, self.epoch, self.base_lr) * warmup_factor(hp, done)

    @property
    def total_step(self) -> int:
        return self.epoch * self.steps_per_epoch + self.step

    @property
    def samples_seen(self) -> int:
        """Training samples used so far, over all epochs."""
        within = min(self.step * self.train.batch_size, self.train.samples)
        return self.epoch * self.train.samples + within

    def begin_epoch(self) -> None:
        """Draw the epoch's permutation and augmentation; also when resuming within it."""
        self.model.train()
        self._draw = self.train.draw(self.epoch)
        self.set_lr(self.base_lr)

    def set_lr(self, base: float) -> None:
        """Replace the base learning rate; the schedule goes on from it."""
        self.base_lr = base
        self._is_warming_up = warmup_factor(self.hyperparameters, self.epoch + self.step / self.steps_per_epoch) < 1
        self._apply_lr(self.lr)

    def _apply_lr(self, lr: float) -> None:
        """Take the next steps with it, those of a scaled group with its part of it."""
        self._lr_now = lr
        for group in self.optimizer.param_groups if self.optimizer else ():
            group["lr"] = lr * group.get("lr_scale", 1.0)

    def _warm_up(self) -> None:
        """Set the rate of the step about to be taken, before its gradients."""
        hp = self.hyperparameters
        factor = warmup_factor(hp, self.epoch + (self.step + 1) / self.steps_per_epoch)
        self._apply_lr(learning_rate(hp, self.epoch, self.base_lr) * factor)
        self._is_warming_up = factor < 1

    def train_step(self) -> None:
        """One gradient step on the next batch of the epoch. Nothing here waits for the device."""
        x, y = self.train.batch(self._draw, self.step)
        if self._is_warming_up:
            self._warm_up()
        if self.optimizer is None:
            loss, output = self._own_step(x, y, self._lr_now, self.reduction)
        else:
            loss, output = self._optimizer_step(self.optimizer, x, y)
        self._unread.append((loss, output, y))
        self.step += 1

    def _optimizer_step(self, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Loss, always the mean of the samples, and outputs, both as they were before the step."""
        hp = self.hyperparameters
        if self._draws_randomly:
            torch.manual_seed(stream_seed(hp.seed, "dropout", self.epoch, self.step))
        with self.plan.autocast():
            output = self._forward(x)
        loss = F.cross_entropy(output.float(), y, label_smoothing=hp.label_smoothing)
        (loss if self.reduction == "mean" else loss * len(y)).backward()  # type: ignore[no-untyped-call]
        if hp.clip_norm:
            nn.utils.clip_grad_norm_(self._parameters, hp.clip_norm)
        optimizer.step()
        for parameter in self._parameters:  # as zero_grad does, without its bookkeeping: a tenth of a small step
            parameter.grad = None
        return loss.detach(), output.detach()

    def metered(self, first: int = 0) -> tuple[list[float], list[float]]:
        """Loss and accuracy of each step of the epoch from `first` on. Waits for the device.

        Raises DivergedError when one of the losses is NaN or infinite.
        """
        self._read()
        losses, accuracies = self.losses[first:], self.accuracies[first:]
        for i, loss in enumerate(losses):
            if not math.isfinite(loss):
                where = f"epoch {self.epoch + 1}, step {first + i + 1} of {self.steps_per_epoch}"
                raise DivergedError(f"The loss became {loss} at {where}.", SMALLER_STEPS)
        return losses, accuracies

    def _read(self) -> None:
        """Bring what waits on the device to the lists, in few transfers however many steps there are."""
        if not self._unread:
            return
        losses, outputs, labels = zip(*self._unread, strict=True)
        self._unread.clear()
        is_right = torch.cat(outputs).argmax(1) == torch.cat(labels)
        self.losses += torch.stack(losses).tolist()
        self.accuracies += [sum(batch) / len(batch) for batch in _cut(is_right.tolist(), [len(y) for y in labels])]

    def train_score(self) -> Score:
        """The epoch's training score as the practical makes it: the plain mean of the per-batch values.

        They were measured in train mode, with augmentation and dropout, while the weights changed; a smaller last
        batch counts as a whole one.
        """
        losses, accuracies = self.metered()
        return Score(math.fsum(losses) / len(losses), math.fsum(accuracies) / len(accuracies))

    def end_epoch(self) -> None:
        self.epoch += 1
        self.step = 0
        self.losses, self.accuracies, self._unread = [], [], []

    @torch.inference_mode()
    def evaluate(
        self, batches: Batches, outputs: list[Tensor] | None = None, between: Callable[[], None] | None = None
    ) -> Score:
        """The exact mean over all samples, in eval mode; the model is then back in train mode, whatever happens.

        Args:
            batches: of the samples.
            outputs: gets what the model gave for each batch, (B, classes), on the device.
            between: called between two batches; what it raises ends the evaluation.
        """
        self.model.eval()
        try:
            return self._evaluate(batches, [] if outputs is None else outputs, between)
        finally:
            self.model.train()

    def _evaluate(self, batches: Batches, outputs: list[Tensor], between: Callable[[], None] | None) -> Score:
        draw = batches.draw(self.epoch)
        loss = torch.zeros((), device=self.plan.device, dtype=torch.float64 if self.plan.device != "mps" else None)
        correct = torch.zeros((), device=self.plan.device, dtype=torch.long)
        for i in range(len(batches)):
            if i and between is not None:
                with torch.inference_mode(mode=False):  # it may save a checkpoint
                    between()
            x, y = batches.batch(draw, i)
            with self.plan.autocast():
                output = self._forward(x)
            loss += F.cross_entropy(output.float(), y, reduction="sum")
            correct += (output.argmax(1) == y).sum()
            outputs.append(output)
        return Score(loss.item() / batches.samples, correct.item() / batches.samples)

    def check_weights(self) -> None:
        """Raises DivergedError when a weight is NaN or infinite: such weights are never saved."""
        for name, tensor in self.model.state_dict().items():
            if not bool(torch.isfinite(tensor).all()):
                raise DivergedError(
                    f"The weights {name} became NaN or infinite in epoch {self.epoch + 1}.", SMALLER_STEPS
                )

    def weights(self) -> dict[str, Tensor]:
        """A copy of the model's state dict that further training leaves alone."""
        return {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}

    def state(self) -> dict[str, Any]:
        """Everything that an exact continuation needs."""
        self._read()
        return {
            "epoch": self.epoch,
            "step": self.step,
            "base_lr": self.base_lr,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict() if self.optimizer else {},
            "losses": list(self.losses),
            "accuracies": list(self.accuracies),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` gave. Raises CheckpointError where the weights are not those of the model."""
        self.epoch, self.step, self.base_lr = state["epoch"], state["step"], state["base_lr"]
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:  # tensors that are missing, or have other shapes
            message = "The checkpoint is of another version of tui_lab, whose model had other weights."
            raise CheckpointError(message, "Start the run anew.") from error
        if self.optimizer:
            self.optimizer.load_state_dict(state["optimizer"])
        self.losses, self.accuracies, self._unread = list(state["losses"]), list(state["accuracies"]), []


def _draws_randomly(model: nn.Module) -> bool:
    """Whether it has dropout or stochastic depth: `p` is torch's name of the probability, `drop_prob` timm's."""
    return any(getattr(module, name, 0) for module in model.modules() for name in ("p", "drop_prob"))


def _cut(values: list[bool], lengths: list[int]) -> Iterator[list[bool]]:
    """Consecutive pieces of the given lengths."""
    start = 0
    for length in lengths:
        yield values[start : start + length]
        start += length
