"""The JSON Schema of preset files, for editors that complete and check TOML."""

from __future__ import annotations

from typing import Any

from tui_lab.hyperparameters import Declaration
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.labs.exercise import Exercise
from tui_lab.presets.arms import METRICS, MOST_ARMS
from tui_lab.presets.preset import MOST_SEEDS, REQUIRED

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """What `load_preset` accepts, as far as a schema can say: which hyperparameters depends on the exercise."""
    metrics = {
        name: {"type": "number", "minimum": 0, **({"maximum": 1} if name.endswith("accuracy") else {})}
        for name in METRICS
    }
    return {
        "$schema": DIALECT,
        "title": "Preset of tui_lab",
        "type": "object",
        "properties": {
            "title": {"type": "string", "minLength": 1, "description": "one line"},
            "exercise": {"enum": list(EXERCISES), "description": "what is trained"},
            "text": {"type": "string", "description": "Markdown: what it shows and what to look for"},
            "hyperparameters": {"type": "object", "description": "what differs from the defaults of the exercise"},
            "seeds": {
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_SEEDS,
                "description": "runs of each configuration, each with a seed of its own",
            },
            "sweep": {"type": "object", "minProperties": 1, "description": "lists of values: every combination is run"},
            "arms": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_ARMS,
                "description": "in place of a sweep: what is run, one by one",
                "items": _arm(metrics),
            },
            "published": {
                "type": "object",
                "description": "what the practical reports: shares from 0 to 1, losses in nats; with a sweep, a list "
                "with one value an arm",
                "properties": {name: {"anyOf": [value, _column(value)]} for name, value in metrics.items()},
                "additionalProperties": False,
            },
        },
        "required": list(REQUIRED),
        "additionalProperties": False,
        "allOf": [_of_exercise(name) for name in EXERCISES],
        "$defs": {name: _hyperparameters(exercise) for name, exercise in EXERCISES.items()}
        | {f"{name} sweep": _sweep(exercise) for name, exercise in EXERCISES.items()},
    }


def _arm(metrics: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "hyperparameters": {"type": "object"},
            "published": {"type": "object", "properties": metrics, "additionalProperties": False},
        },
        "additionalProperties": False,
    }


def _column(metric: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": metric}


def _of_exercise(name: str) -> dict[str, Any]:
    values = {"$ref": f"#/$defs/{name}"}
    arms = {"items": {"properties": {"hyperparameters": values}}}
    return {
        "if": {"properties": {"exercise": {"const": name}}, "required": ["exercise"]},
        "then": {
            "properties": {"hyperparameters": values, "sweep": {"$ref": f"#/$defs/{name} sweep"}, "arms": arms},
        },
    }


def _sweep(exercise: Exercise) -> dict[str, Any]:
    """Lists of what the hyperparameters themselves may be."""
    settings = _hyperparameters(exercise)["properties"]
    return {
        "type": "object",
        "properties": {
            name: {"type": "array", "minItems": 1, "items": {k: v for k, v in value.items() if k != "default"}}
            for name, value in settings.items()
            if name != "seed"
        },
        "additionalProperties": False,
    }


def _hyperparameters(exercise: Exercise) -> dict[str, Any]:
    """The schema of the exercise's pydantic model, with what is tui_lab's own put into the descriptions."""
    generated = exercise.hyperparameters.model_json_schema()["properties"]
    return {
        "type": "object",
        "title": exercise.title,
        "properties": {
            name: _property(declaration, generated[name]) for name, declaration in exercise.declarations.items()
        },
        "additionalProperties": False,
    }


def _property(declaration: Declaration, generated: dict[str, Any]) -> dict[str, Any]:
    own = {"title", "topic", "question", "only_if", "allowed", "description"}
    description = declaration.help
    if declaration.only_if:
        description += f"; only if {declaration.condition}"
    if declaration.question:
        description += f" (question {declaration.question})"
    return {**{key: value for key, value in generated.items() if key not in own}, "description": description}
