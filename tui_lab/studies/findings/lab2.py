"""Findings of lab 2: what the report says of its figures 2.2 to 2.19, and what their own data say."""

from __future__ import annotations

from tui_lab.studies.findings.checks import (
    alike,
    all_of,
    at_chance,
    between,
    falling,
    less,
    more,
    sooner,
)
from tui_lab.studies.findings.finding import Finding, Ref
from tui_lab.studies.findings.measures import (
    Measure,
    after,
    drop,
    epoch_of_lowest,
    final,
    gap,
    lead_of_test,
    lowest,
    overshoot,
    reaches,
    rise,
    roughness,
    training_time,
)

CLASSES = 10
# Figures 2.2, 2.3 and 2.4 hold three runs of one configuration (65.6, 66.7, 68.7 %); 2.10, 2.14, 2.15, 2.16 and 2.19
# hold three configurations twice, whose pairs differ by 0.3 to 0.8 points
SHORT, SHORT_WHY = 0.016, "as three published runs of one configuration have"
LONG, LONG_WHY = 0.004, "as three published pairs of one configuration have"


def _short(metric: str = "test_accuracy") -> Measure:
    """After 15 epochs, while the accuracy still moves."""
    return final(metric).assuming(SHORT, SHORT_WHY)


def _long(metric: str = "test_accuracy") -> Measure:
    """After 100 epochs."""
    return final(metric).assuming(LONG, LONG_WHY)


def _sweep(study: str, name: str, *values: object) -> tuple[Ref, ...]:
    return tuple(
        Ref(study, {name: value}, f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}")
        for value in values
    )


BASELINE = Ref("fig-2.05", name="baseline")
PLAIN_32 = Ref("fig-2.16", {"dropout": 0.0}, "no dropout")
ALL_METHODS = Ref("fig-2.19", name="all methods")
DROPOUT_AND_SCHEDULE = Ref("fig-2.15-corrected", name="dropout and schedule")

RATES_AND_BATCHES = (
    Finding(
        "small-rates-learn-nothing",
        "fig-2.02",
        "report",
        "Rates of 1e-5 and below learn nothing in 15 epochs.",
        of=_sweep("fig-2.02", "lr", 1e-7, 1e-6, 1e-5),
        judge=all_of(at_chance(0, 1, 2, classes=CLASSES)),
    ),
    Finding(
        "largest-rate-overfits",
        "fig-2.02",
        "report",
        "At 0.1 the network overfits within 15 epochs: its test loss turns and climbs.",
        of=_sweep("fig-2.02", "lr", 0.1),
        judge=all_of(between(epoch_of_lowest("test_loss"), 0, high=14), between(overshoot("test_loss"), 0, low=0.2)),
    ),
    Finding(
        "fits-better-generalises-no-better",
        "fig-2.02",
        "data",
        "0.1 fits the training set better than 0.01, and is no better on the test set.",
        of=_sweep("fig-2.02", "lr", 0.1, 0.01),
        judge=all_of(
            more(_short("train_accuracy"), 0, 1, by=0.05),
            more(_short(), 1, 0, by=-0.01),
            more(final("test_loss"), 0, 1, by=0.3),
        ),
    ),
    Finding(
        "stopped-in-time",
        "fig-2.02",
        "data",
        "At its best epoch, near the sixth, 0.1 has the test loss that 0.01 needs all 15 for.",
        of=_sweep("fig-2.02", "lr", 0.01, 0.1),
        judge=all_of(
            between(epoch_of_lowest("test_loss").assuming(1.0, "assumed"), 1, low=3, high=9),
            alike(lowest("test_loss"), 0, 1, within=0.1),
        ),
    ),
    Finding(
        "larger-batch-learns-less",
        "fig-2.03",
        "report",
        "At one learning rate every doubling of the batch learns less in 15 epochs.",
        of=_sweep("fig-2.03", "batch_size", 16, 32, 64, 128, 256, 512, 1024),
        judge=all_of(falling(_short("train_accuracy"), *range(7)), falling(_short(), *range(7))),
    ),
    Finding(
        "small-batches-zigzag",
        "fig-2.03",
        "report",
        "Small batches make the path less direct: the test loss of 16 zigzags more than that of 256.",
        of=_sweep("fig-2.03", "batch_size", 16, 256),
        judge=all_of(more(roughness("test_loss"), 0, 1)),
    ),
    Finding(
        "linear-scaling-keeps-the-result",
        "fig-2.04",
        "report",
        "Batch and rate multiplied by the same factor, up to 9, keep the accuracy within 5 points.",
        of=tuple(Ref("fig-2.04", {"batch_size": 32 * k}, f"k={k}") for k in range(1, 10)),
        judge=all_of(alike(_short(), 0, *range(1, 9), within=0.05)),
    ),
    Finding(
        "scaling-beats-none",
        "fig-2.04",
        "data",
        "Without scaling the rate, a batch of 256 loses more than 10 points against k=8.",
        of=(Ref("fig-2.04", {"batch_size": 256}, "scaled"), Ref("fig-2.03", {"batch_size": 256}, "unscaled")),
        judge=all_of(more(_short(), 0, 1, by=0.1)),
    ),
)

BASELINE_AND_INPUTS = (
    Finding(
        "test-starts-above-train",
        "fig-2.05",
        "report",
        "After the first epoch the test accuracy is above the train accuracy, a mean over the whole epoch.",
        of=(BASELINE,),
        judge=all_of(between(lead_of_test(1), 0, low=0.0)),
    ),
    Finding(
        "overfits",
        "fig-2.05",
        "report",
        "The baseline overfits: the train accuracy goes on to the end without the test accuracy.",
        of=(BASELINE,),
        judge=all_of(between(_long("train_accuracy"), 0, low=0.95), between(gap(), 0, low=0.15)),
    ),
    Finding(
        "plateau-from-30",
        "fig-2.05",
        "report",
        "From epoch 30 on the test accuracy stays at about 60 %.",
        of=(BASELINE,),
        judge=all_of(between(rise("test_accuracy", 30), 0, low=-0.03, high=0.03)),
    ),
    Finding(
        "loss-turns-accuracy-rises",
        "fig-2.05",
        "data",
        "The accuracy goes on rising after epoch 30; what turns, near epoch 42, is the test loss.",
        of=(BASELINE,),
        judge=all_of(
            between(rise("test_accuracy", 30), 0, low=0.03),
            between(epoch_of_lowest("test_loss"), 0, low=32, high=52),
            between(overshoot("test_loss"), 0, low=0.5),
        ),
    ),
    Finding(
        "standardising-is-20-epochs-sooner",
        "fig-2.06",
        "report",
        "Standardised inputs reach 95 and 99 % of train accuracy at least 20 epochs sooner.",
        of=(Ref("fig-2.06", name="standardised"), BASELINE),
        judge=all_of(
            sooner(reaches("train_accuracy", 0.95), 0, 1, low=20), sooner(reaches("train_accuracy", 0.99), 0, 1, low=20)
        ),
    ),
    Finding(
        "rather-25-epochs",
        "fig-2.06",
        "data",
        "It is rather 25 epochs, 20 to 30.",
        of=(Ref("fig-2.06", name="standardised"), BASELINE),
        judge=all_of(
            sooner(reaches("train_accuracy", 0.95), 0, 1, low=20, high=30),
            sooner(reaches("train_accuracy", 0.99), 0, 1, low=20, high=30),
        ),
    ),
    Finding(
        "standardising-is-stabler",
        "fig-2.06",
        "report",
        "Loss and accuracy are more stable with standardised inputs.",
        of=(BASELINE, Ref("fig-2.06", name="standardised")),
        judge=all_of(more(roughness("test_loss"), 0, 1), more(roughness("test_accuracy"), 0, 1)),
    ),
    Finding(
        "standardising-generalises",
        "fig-2.06",
        "data",
        "The gain is not only time: more than 4 points of test accuracy, and a lower test loss, found earlier.",
        of=(Ref("fig-2.06", name="standardised"), BASELINE),
        judge=all_of(
            more(_long(), 0, 1, by=0.04),
            more(lowest("test_loss"), 1, 0, by=0.05),
            more(epoch_of_lowest("test_loss"), 1, 0),
        ),
    ),
    Finding(
        "l1-fails",
        "fig-2.07",
        "report",
        "Divided by their sum, pixels are too small to learn anything from.",
        of=_sweep("fig-2.07", "standardize", "l1"),
        judge=all_of(at_chance(0, classes=CLASSES)),
    ),
    Finding(
        "l2-does-not-generalise",
        "fig-2.07",
        "report",
        "l2 does well in training and falls more than 10 points behind per-channel standardising in the test.",
        of=_sweep("fig-2.07", "standardize", "l2", "channel-published"),
        judge=all_of(between(_long("train_accuracy"), 0, low=0.85), more(_long(), 1, 0, by=0.1)),
    ),
    Finding(
        "channel-is-among-the-best",
        "fig-2.07",
        "report",
        "No other scheme is better than per-channel standardising by half a point.",
        of=_sweep("fig-2.07", "standardize", "channel-published", "gcn", "pca-published", "minmax", "l2", "l1"),
        judge=all_of(more(_long(), 0, 1, 2, 3, 4, 5, by=-0.005)),
    ),
    Finding(
        "channel-and-gcn-are-alike",
        "fig-2.07",
        "report",
        "There is next to no difference between per channel and per image (GCN): 2 points at most.",
        of=_sweep("fig-2.07", "standardize", "channel-published", "gcn"),
        judge=all_of(alike(_long(), 0, 1, within=0.02)),
    ),
    Finding(
        "pca-doubles-the-time",
        "fig-2.07",
        "report",
        "PCA doubles the time of training: more than half as long again.",
        of=_sweep("fig-2.07", "standardize", "pca-published", "channel-published"),
        judge=all_of(more(training_time(), 0, 1, by=0.585)),
    ),
    Finding(
        "pca-as-run-loses",
        "fig-2.07",
        "data",
        "What ran as PCA groups three neighbouring pixels instead of the channels, and loses against standardising.",
        of=_sweep("fig-2.07", "standardize", "channel-published", "pca-published"),
        judge=all_of(more(_long(), 0, 1, by=0.01)),
    ),
    Finding(
        "zca-was-never-run",
        "fig-2.07-corrected",
        "data",
        "ZCA, named and never run, does better than the PCA that was.",
        of=(
            Ref("fig-2.07-corrected", {"standardize": "zca"}, "zca"),
            Ref("fig-2.07", {"standardize": "pca-published"}, "pca as run"),
        ),
        judge=all_of(more(_long(), 0, 1)),
    ),
    Finding(
        "zca-beats-pca",
        "fig-2.07-corrected",
        "report",
        "ZCA keeps the images what they are, where PCA destroys them: a convolution learns better from it.",
        of=_sweep("fig-2.07-corrected", "standardize", "zca", "pca"),
        judge=all_of(more(_long(), 0, 1)),
    ),
    Finding(
        "augmentation-generalises",
        "fig-2.08",
        "report",
        "Crops and mirroring generalise much better, and overfit less.",
        of=(Ref("fig-2.08", name="augmented"), BASELINE),
        judge=all_of(more(_long(), 0, 1, by=0.04), more(gap(), 1, 0, by=0.1)),
    ),
    Finding(
        "augmented-loss-does-not-turn",
        "fig-2.08",
        "data",
        "After 100 epochs its test loss is still near its lowest.",
        of=(Ref("fig-2.08", name="augmented"),),
        judge=all_of(between(overshoot("test_loss"), 0, high=0.1)),
    ),
)

OPTIMISATION = (
    Finding(
        "decay-is-stabler",
        "fig-2.10",
        "report",
        "With a decaying rate the loss is more stable than the baseline's.",
        of=(BASELINE, Ref("fig-2.10", name="decay")),
        judge=all_of(more(roughness("test_loss"), 0, 1)),
    ),
    Finding(
        "decay-improves",
        "fig-2.10",
        "report",
        "Decaying the rate improves on the baseline.",
        of=(Ref("fig-2.10", name="decay"), BASELINE),
        judge=all_of(more(_long(), 0, 1)),
    ),
    Finding(
        "decay-loses",
        "fig-2.10",
        "data",
        "With batches of 128 it loses more than 4 points: the rate is gone before the network has learned.",
        of=(Ref("fig-2.10", name="decay"), BASELINE),
        judge=all_of(more(_long(), 1, 0, by=0.04), between(_long("train_accuracy"), 0, high=0.8)),
    ),
    Finding(
        "decay-with-small-batches-gets-there",
        "fig-2.10-batch-32",
        "data",
        "With batches of 32, four times the steps, the same decay gets to the end of the training set.",
        of=(Ref("fig-2.10-batch-32", name="decay, batch 32"), Ref("fig-2.10", name="decay, batch 128")),
        judge=all_of(between(_long("train_accuracy"), 0, low=0.98), more(_long(), 0, 1, by=0.05)),
    ),
    Finding(
        "constant-and-linear-collapse",
        "fig-2.12",
        "report",
        "Constant and Linear do well at first and badly in the end: more than 20 points below their peak.",
        of=_sweep("fig-2.12", "scheduler", "constant", "linear"),
        judge=all_of(between(drop("test_accuracy"), 0, 1, low=0.2)),
    ),
    Finding(
        "constant-and-linear-increase-the-rate",
        "fig-2.12",
        "report",
        "These two tend to increase the learning rate as training goes on.",
        of=_sweep("fig-2.12", "scheduler", "constant", "linear"),
        judge=all_of(between(rise("lr", 10), 0, 1, low=1e-9)),
    ),
    Finding(
        "constant-and-linear-are-warm-ups",
        "fig-2.12",
        "data",
        "Both only warm up for five epochs; from then on the rate is 0.1.",
        of=_sweep("fig-2.12", "scheduler", "constant", "linear"),
        judge=all_of(*(between(m, 0, 1, low=0.0999, high=0.1001) for m in (after(10, "lr"), final("lr")))),
    ),
    Finding(
        "polynomial-is-modest",
        "fig-2.12",
        "report",
        "Polynomial comes to rest first, at about 80 % in training and 70 % in the test.",
        of=_sweep("fig-2.12", "scheduler", "polynomial"),
        judge=all_of(
            between(_long("train_accuracy"), 0, low=0.75, high=0.87), between(_long(), 0, low=0.66, high=0.75)
        ),
    ),
    Finding(
        "polynomial-stands-still",
        "fig-2.12",
        "data",
        "Its rate is 0 from the fifth epoch on: nothing changes any more.",
        of=_sweep("fig-2.12", "scheduler", "polynomial"),
        judge=all_of(
            between(after(10, "lr"), 0, high=1e-12),
            between(rise("test_accuracy", 6).assuming(0.0, "exact"), 0, low=-1e-6, high=1e-6),
        ),
    ),
    Finding(
        "three-best-schedules",
        "fig-2.12",
        "report",
        "Exponential, Step and Cosine are the best three.",
        of=_sweep("fig-2.12", "scheduler", "exponential", "step", "cosine", "polynomial", "constant", "linear"),
        judge=all_of(*(more(_long(), i, 3, 4, 5) for i in range(3))),
    ),
    Finding(
        "step-and-exponential-are-alike",
        "fig-2.12",
        "report",
        "Step and Exponential behave alike: 2 points apart at most.",
        of=_sweep("fig-2.12", "scheduler", "exponential", "step"),
        judge=all_of(alike(_long(), 0, 1, within=0.02)),
    ),
    Finding(
        "cosine-overfits",
        "fig-2.12",
        "data",
        "Cosine ends no better than Polynomial in the test, with a test loss above 3: the rate stayed high for long.",
        of=_sweep("fig-2.12", "scheduler", "polynomial", "cosine"),
        judge=all_of(alike(_long(), 0, 1, within=0.02), between(final("test_loss").assuming(0.3, "assumed"), 1, low=3)),
    ),
    Finding(
        "adagrad-is-best",
        "fig-2.13",
        "report",
        "Adagrad is the best of five optimisers, before Adadelta; Adam follows, AdamW and RMSprop come last.",
        of=_sweep("fig-2.13", "optimizer", "adagrad", "adadelta", "adam", "adamw", "rmsprop"),
        judge=all_of(more(_long(), 0, 1), more(_long(), 1, 2), more(_long(), 2, 3, 4)),
    ),
    Finding(
        "better-than-sgd",
        "fig-2.13",
        "report",
        "There are optimisers that do better than SGD: Adagrad does.",
        of=(
            Ref("fig-2.13", {"optimizer": "adagrad"}, "adagrad"),
            Ref("fig-2.13", {"optimizer": "sgd", "momentum": 0.0}, "sgd"),
        ),
        judge=all_of(more(_long(), 0, 1)),
    ),
    Finding(
        "adamw-and-rmsprop-are-unstable",
        "fig-2.13",
        "report",
        "AdamW and RMSprop are unstable in the test, more than Adagrad.",
        of=_sweep("fig-2.13", "optimizer", "adamw", "rmsprop", "adagrad"),
        judge=all_of(more(roughness("test_loss"), 0, 2), more(roughness("test_loss"), 1, 2)),
    ),
    Finding(
        "none-overfits",
        "fig-2.13",
        "report",
        "No optimiser overfits: train and test stay within 8 points.",
        of=_sweep("fig-2.13", "optimizer", "adam", "adamw", "adagrad", "adadelta", "rmsprop"),
        judge=all_of(between(gap(), *range(5), high=0.08)),
    ),
    Finding(
        "plain-network-overfits",
        "fig-2.13-corrected",
        "data",
        "That is the work of the regularised network: on the plain one Adagrad and Adadelta overfit by 15 points.",
        of=_sweep("fig-2.13-corrected", "optimizer", "adagrad", "adadelta"),
        judge=all_of(between(gap(), 0, 1, low=0.15)),
    ),
)

REGULARISATION = (
    Finding(
        "dropout-reduces-overfitting",
        "fig-2.14",
        "report",
        "Dropout of 0.5 overfits less and does better in the test.",
        of=(Ref("fig-2.14", name="dropout"), PLAIN_32),
        judge=all_of(more(gap(), 1, 0, by=0.05), more(_long(), 0, 1)),
    ),
    Finding(
        "published-without-schedule",
        "fig-2.14-corrected",
        "report",
        "The published curve, which ends at 89 % in training, is one without a schedule.",
        of=(Ref("fig-2.14-corrected", name="no schedule"),),
        judge=all_of(between(_long("train_accuracy"), 0, low=0.86, high=0.92)),
    ),
    Finding(
        "published-with-schedule",
        "fig-2.14",
        "data",
        "It is one with a schedule: without it training goes further.",
        of=(Ref("fig-2.14", name="schedule"), Ref("fig-2.14-corrected", name="no schedule")),
        judge=all_of(
            between(_long("train_accuracy"), 0, low=0.86, high=0.92), more(_long("train_accuracy"), 1, 0, by=0.02)
        ),
    ),
    Finding(
        "dropout-and-schedule-reach-84",
        "fig-2.15-corrected",
        "report",
        "Dropout and a schedule reach about 84 % in the test.",
        of=(DROPOUT_AND_SCHEDULE,),
        judge=all_of(between(_long(), 0, low=0.82)),
    ),
    Finding(
        "dropout-and-schedule-reach-74",
        "fig-2.15-corrected",
        "data",
        "By themselves they reach about 74.5 %.",
        of=(DROPOUT_AND_SCHEDULE,),
        judge=all_of(between(_long(), 0, low=0.72, high=0.77)),
    ),
    Finding(
        "it-is-all-methods",
        "fig-2.15",
        "data",
        "What the figure shows is all methods at once, which reach 84.7 %.",
        of=(Ref("fig-2.15", name="as shown"), DROPOUT_AND_SCHEDULE),
        judge=all_of(between(_long(), 0, low=0.83, high=0.87), more(_long(), 0, 1, by=0.05)),
    ),
    Finding(
        "little-dropout-overfits",
        "fig-2.16",
        "report",
        "A small rate trains well and overfits.",
        of=_sweep("fig-2.16", "dropout", 0.1),
        judge=all_of(between(_long("train_accuracy"), 0, low=0.95), between(gap(), 0, low=0.15)),
    ),
    Finding(
        "much-dropout-mitigates",
        "fig-2.16",
        "report",
        "A high rate takes most of the overfitting away.",
        of=_sweep("fig-2.16", "dropout", 0.1, 0.9),
        judge=all_of(between(gap(), 1, high=0.08), more(gap(), 0, 1, by=0.1)),
    ),
    Finding(
        "all-dropped-learns-nothing",
        "fig-2.16",
        "report",
        "With every unit dropped nothing is learned.",
        of=_sweep("fig-2.16", "dropout", 1.0),
        judge=all_of(at_chance(0, classes=CLASSES)),
    ),
    Finding(
        "train-falls-with-dropout",
        "fig-2.16",
        "data",
        "From 0 to 0.9 more dropout always means less train accuracy.",
        of=_sweep("fig-2.16", "dropout", 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        judge=all_of(falling(_long("train_accuracy"), *range(10))),
    ),
    Finding(
        "broad-optimum",
        "fig-2.16",
        "data",
        "From 0.4 to 0.9 the rate hardly matters in the test, and any of them is better than none.",
        of=_sweep("fig-2.16", "dropout", 0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        judge=all_of(alike(_long(), 1, *range(2, 7), within=0.03), less(_long(), 0, *range(1, 7), by=0.01)),
    ),
    Finding(
        "batch-norm-gains",
        "fig-2.17",
        "data",
        "Batch normalisation gains more than 5 points in the test, and overfits as much as before.",
        of=(Ref("fig-2.17", name="batch norm"), PLAIN_32),
        judge=all_of(more(_long(), 0, 1, by=0.05), between(gap(), 0, low=0.15)),
    ),
    Finding(
        "batch-norm-learns-sooner",
        "fig-2.17",
        "report",
        "A batch-normalised network learns faster: it reaches 90 % of train accuracy sooner.",
        of=(Ref("fig-2.17", name="batch norm"), PLAIN_32),
        judge=all_of(sooner(reaches("train_accuracy", 0.9), 0, 1, low=1)),
    ),
    Finding(
        "dropout-adds-to-batch-norm",
        "fig-2.18",
        "data",
        "Dropout adds some two points to batch normalisation.",
        of=(Ref("fig-2.18", name="both"), Ref("fig-2.17", name="batch norm")),
        judge=all_of(more(_long(), 0, 1, by=0.005)),
    ),
    Finding(
        "all-methods-generalise",
        "fig-2.19",
        "report",
        "All methods at once are far better than the baseline, with next to no overfitting.",
        of=(ALL_METHODS, BASELINE),
        judge=all_of(more(_long(), 0, 1, by=0.1), between(gap(), 0, high=0.06)),
    ),
    Finding(
        "no-better-than-dropout-and-schedule",
        "fig-2.19",
        "report",
        "They come out like dropout with a schedule: 3 points apart at most.",
        of=(ALL_METHODS, DROPOUT_AND_SCHEDULE),
        judge=all_of(alike(_long(), 0, 1, within=0.03)),
    ),
    Finding(
        "ten-points-better",
        "fig-2.19",
        "data",
        "Against dropout with a schedule, really run, they gain some ten points; the figure compared them with itself.",
        of=(ALL_METHODS, DROPOUT_AND_SCHEDULE),
        judge=all_of(more(_long(), 0, 1, by=0.07)),
    ),
)

EXTRA = (
    Finding(
        "batch-norm-likes-large-rates",
        "lab2-extra",
        "data",
        "Batch normalisation alone, without a schedule, does better at 0.1 than at 0.01.",
        of=(
            Ref("lab2-extra", {"optimizer": "sgd", "lr": 0.1}, "lr 0.1"),
            Ref("lab2-extra", {"optimizer": "sgd", "lr": 0.01}, "lr 0.01"),
        ),
        judge=all_of(more(_long(), 0, 1, by=0.01)),
    ),
    Finding(
        "sgd-is-enough",
        "lab2-extra",
        "data",
        "With all methods on, plain SGD does better than Adagrad and Adam.",
        of=(
            ALL_METHODS,
            Ref("lab2-extra", {"optimizer": "adagrad"}, "adagrad"),
            Ref("lab2-extra", {"optimizer": "adam"}, "adam"),
        ),
        judge=all_of(more(_long(), 0, 1, by=0.01), more(_long(), 0, 2, by=0.01)),
    ),
)

FINDINGS = (*RATES_AND_BATCHES, *BASELINE_AND_INPUTS, *OPTIMISATION, *REGULARISATION, *EXTRA)
