"""The hot path against a plain loop that shares nothing with it but the batches."""

import math

import pytest
import torch
from torch.nn import functional as F

from tui_lab.data.augment import Augmentation
from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Split
from tui_lab.data.standardize import fit_standardizer
from tui_lab.errors import CheckpointError, DivergedError
from tui_lab.labs.convnet import ConvNetHyperparameters
from tui_lab.models.convnet import ConvNet
from tui_lab.training.engine import Engine
from tui_lab.training.plan import Plan


def make(evaluation_batch_size=500, **settings):
    """An engine and its evaluation batches on 50 random 8×8 images, in batches of 16 (the last has 2)."""
    hp = ConvNetHyperparameters(dataset="digits", batch_size=16, lr=0.05, **settings)
    generator = torch.Generator().manual_seed(1)
    x = torch.randint(0, 256, (50, 1, 8, 8), generator=generator, dtype=torch.uint8)
    split = Split(x, torch.randint(0, 3, (50,), generator=generator))
    standardizer = fit_standardizer("none", x, epsilon=0.0)
    train = Batches(
        split, Augmentation.of(hp), standardizer, is_training=True, batch_size=16, seed=hp.seed, device="cpu"
    )
    test = Batches(
        split,
        Augmentation.of(hp),
        standardizer,
        is_training=False,
        evaluation_batch_size=evaluation_batch_size,
        seed=hp.seed,
        device="cpu",
    )
    torch.manual_seed(0)
    model = ConvNet((1, 8, 8), 3, dropout=hp.dropout, batch_norm=hp.batch_norm)
    return Engine(hp, model, train, Plan()), test


def test_the_training_score_is_the_unweighted_mean_of_what_a_plain_loop_sees():
    engine, _ = make()
    losses, accuracies = [], []
    plain = ConvNet((1, 8, 8), 3)
    plain.load_state_dict(engine.model.state_dict())
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.05)
    draw = engine.train.draw(0)
    for i in range(4):
        x, y = engine.train.batch(draw, i)
        output = plain(x)
        loss = F.cross_entropy(output, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        accuracies.append(sum(int(o.argmax()) == int(t) for o, t in zip(output, y, strict=True)) / len(y))
    engine.begin_epoch()
    for _ in range(4):
        engine.train_step()
    score = engine.train_score()
    assert [len(engine.train.batch(draw, i)[1]) for i in range(4)] == [16, 16, 16, 2]
    assert score.loss == pytest.approx(sum(losses) / 4, rel=1e-5)  # the batch of 2 counts as much as one of 16
    assert score.accuracy == pytest.approx(sum(accuracies) / 4, rel=1e-6)
    for ours, theirs in zip(engine.model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_evaluation_is_the_exact_mean_in_eval_mode_and_leaves_no_trace():
    engine, test = make(dropout=0.5, batch_norm=True)
    before = engine.weights()
    score = engine.evaluate(test)
    engine.model.eval()
    x, y = (torch.cat(parts) for parts in zip(*(test.batch(test.draw(0), i) for i in range(len(test))), strict=True))
    with torch.no_grad():
        output = engine.model(x).double()
    assert score.loss == pytest.approx(F.cross_entropy(output, y).item(), rel=1e-5)
    assert score.accuracy == pytest.approx((output.argmax(1) == y).double().mean().item())
    assert all(torch.equal(before[name], tensor) for name, tensor in engine.weights().items())


def test_what_is_called_between_the_batches_of_an_evaluation_may_train_and_may_end_it():
    engine, test = make(evaluation_batch_size=20)
    part = test.part(torch.arange(45))
    seen = []

    def between():
        seen.append((torch.is_inference_mode_enabled(), engine.model.training))
        if len(seen) == 5:
            raise KeyboardInterrupt

    for batches in (test, part):
        assert engine.evaluate(batches, None, between) == engine.evaluate(batches)
    assert seen == [(False, False)] * 4
    with pytest.raises(KeyboardInterrupt):
        engine.evaluate(test, None, between)
    assert engine.model.training


def test_weights_of_another_model_are_refused_in_a_sentence():
    engine, _ = make()
    state = engine.state()
    state["model"] = {
        name: tensor.flatten(1) if tensor.dim() > 2 else tensor for name, tensor in state["model"].items()
    }
    with pytest.raises(CheckpointError, match="another version"):
        engine.load_state(state)


def test_clipping_bounds_the_whole_gradient():
    engine, _ = make(clip_norm=1e-3)
    before = [p.detach().clone() for p in engine.model.parameters()]
    engine.begin_epoch()
    engine.train_step()
    moved = math.sqrt(sum(((a - b) ** 2).sum().item() for a, b in zip(before, engine.model.parameters(), strict=True)))
    assert moved == pytest.approx(0.05 * 1e-3, rel=1e-3)


def test_label_smoothing_is_in_the_training_loss_only():
    (smoothed, test), (plain, _) = make(label_smoothing=0.3), make()
    assert smoothed.evaluate(test) == plain.evaluate(test)
    for engine in (smoothed, plain):
        engine.begin_epoch()
        engine.train_step()
    x, y = plain.train.batch(plain.train.draw(0), 0)
    fresh, _ = make()
    expected = F.cross_entropy(fresh.model(x), y, label_smoothing=0.3).item()
    assert smoothed.metered()[0][0] == pytest.approx(expected, rel=1e-5)


def test_divergence_names_epoch_and_step():
    engine, _ = make()
    engine.begin_epoch()
    engine.train_step()
    with torch.no_grad():
        next(engine.model.parameters()).fill_(float("nan"))
    engine.train_step()
    with pytest.raises(DivergedError, match="nan at epoch 1, step 2 of 4"):
        engine.metered()
    with pytest.raises(DivergedError, match=r"features\.0\.weight"):
        engine.check_weights()


def test_the_schedule_reaches_the_optimiser_at_each_epoch():
    engine, _ = make(scheduler="exponential", gamma=0.5)
    rates = []
    for _ in range(3):
        engine.begin_epoch()
        rates.append(engine.optimizer.param_groups[0]["lr"])
        engine.end_epoch()
    assert rates == pytest.approx([0.05, 0.025, 0.0125])


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not():
    def first_weights(seed):
        engine, _ = make(dropout=0.5, flip=True, seed=seed)
        engine.begin_epoch()
        for _ in range(4):
            engine.train_step()
        return engine.weights()["fc5.weight"]

    assert torch.equal(first_weights(0), first_weights(0))
    assert not torch.equal(first_weights(0), first_weights(1))
