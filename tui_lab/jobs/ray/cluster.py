"""Everything that a driver asks of Ray."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayActorError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from tui_lab.errors import TuiLabError, UsageError
from tui_lab.jobs.ray.address import check_answers
from tui_lab.jobs.ray.seat import About, Keeper, Seat, Stay
from tui_lab.runs.directory import versions

REFUSED = "Something answers there: is it a Ray cluster, with the token and the version of Ray that are here?"
NAMESPACE = "tui-lab"
MUST_AGREE = ("python", "tui-lab", "torch")
ANSWER_S = 5.0  # that an actor may take to say what it has, or a node to say its versions while runs wait
HAND_OVER_S = 60.0

Actor = Any
Reference = Any


class GoneError(TuiLabError):
    """An actor has died, or its node has."""


class UnavailableError(TuiLabError):
    """An actor cannot be reached now. It may be again, or turn out to be gone."""


class NodeError(TuiLabError):
    """Something went wrong on a node; the actor lives."""


@dataclass(frozen=True)
class Node:
    """A node that is alive. `versions` are empty while it has not said them; `problem`, why it is of no use, if so."""

    id: str
    title: str
    address: str
    cpus: float
    gpus: float
    versions: Mapping[str, str]
    problem: str = ""

    def room(self, cpus: int, gpus: float) -> int:
        """How many runs with so many CPUs and GPUs have room on it when it is empty."""
        by_cpu = int(self.cpus // cpus)
        return min(by_cpu, int(self.gpus / gpus + 1e-6)) if gpus else by_cpu


def node_id() -> str:
    """Of the node that this process is on."""
    return str(ray.get_runtime_context().get_node_id())


def _leave() -> None:
    os._exit(0)  # from any thread; Ray's own way out is for the thread of a call


def open_seat(threads: int) -> Seat:
    """A seat in the actor that this process is."""
    return Seat(node_id(), threads, _hand_over, _leave)


def _hand_over(stay: Stay) -> None:
    here = NodeAffinitySchedulingStrategy(node_id(), soft=False)
    keeper = ray.remote(KeeperActor).options(
        name=f"keeper of {stay.order.key}", lifetime="detached", num_cpus=0, scheduling_strategy=here
    )
    ray.get(keeper.remote(stay).do.remote("about"), timeout=HAND_OVER_S)


class KeeperActor(Keeper):
    """A `Keeper` as an actor."""

    def __init__(self, stay: Stay) -> None:
        super().__init__(node_id(), stay, _leave)

    async def do(self, method: str, *arguments: Any) -> Any:
        return await getattr(self, method)(*arguments)


class Cluster:
    """A connection to a cluster.

    Args:
        address: as `ray.init` takes it.

    Raises UsageError when no cluster answers there, or when it refuses this driver.
    """

    def __init__(self, address: str) -> None:
        check_answers(address)
        try:
            ray.init(address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RayError, RuntimeError, ValueError, OSError) as error:
            lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
            said = lines[-1] if lines[0].endswith(":") else lines[0]  # a traceback follows, from the head
            raise UsageError(
                f"No Ray cluster can be used at {address}: {said.strip().rstrip('.')}.",
                REFUSED,
            ) from error
        self.nodes: dict[str, Node] = {}
        self._seat_class = ray.remote(_seat_class())
        self.refresh()

    def refresh(self) -> None:
        """See which nodes are alive."""
        alive = {found["NodeID"]: found for found in ray.nodes() if found["Alive"]}
        names = [found["NodeManagerHostname"] for found in alive.values()]
        for node_id, found in alive.items():
            if node_id in self.nodes:
                continue
            host, address = found["NodeManagerHostname"], found["NodeManagerAddress"]
            title = host if names.count(host) == 1 else f"{host} {node_id[:4]}"
            cpus, gpus = (found["Resources"].get(name, 0.0) for name in ("CPU", "GPU"))
            self.nodes[node_id] = Node(node_id, title, address, cpus, gpus, {})
        for gone in self.nodes.keys() - alive.keys():
            del self.nodes[gone]

    def survey(self, timeout_s: float) -> list[Node]:
        """Ask the nodes that have not said their versions for them, and wait so long.

        Returns the nodes that have turned out to be of no use; one that does not answer is none of them.
        """
        asked = {}
        for node in self.fit:
            if not node.versions:
                here = NodeAffinitySchedulingStrategy(node.id, soft=False)
                teller = ray.remote(_version_teller()).options(num_cpus=0, scheduling_strategy=here)
                asked[teller.remote()] = node
        answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=timeout_s) if asked else ([], [])
        useless = []
        for reference in answered:
            try:
                node = self.greeted(asked[reference].id, ray.get(reference))
            except RayError as error:
                problem = f"Node {asked[reference].title} does not say its versions: {str(error).splitlines()[0]}"
                node = self.nodes[asked[reference].id] = replace(asked[reference], problem=problem)
            if node.problem:
                useless.append(node)
        return useless

    def greeted(self, node_id: str, told: Mapping[str, str]) -> Node:
        """The node that has told its versions; its `problem` says what differs."""
        node = self.nodes.get(node_id) or Node(
            node_id, node_id[:4], "", 0.0, 0.0, {}
        )  # so new that no look has seen it
        node = replace(node, versions=told, problem=disagreement(node.title, told))
        self.nodes[node_id] = node
        return node

    @property
    def fit(self) -> list[Node]:
        """The nodes that may work."""
        return [node for node in self.nodes.values() if not node.problem]

    def seat(self, cpus: int, gpus: float) -> Actor:
        """A new seat on whichever fit node has room, now or later; they spread over the nodes. `greet` it."""
        among = ",".join(node.id for node in self.fit)
        options = {
            "name": f"seat {uuid.uuid4().hex[:12]}",
            "lifetime": "detached",
            "num_cpus": cpus,
            "num_gpus": gpus,
            "scheduling_strategy": "SPREAD",
            "label_selector": {"ray.io/node-id": f"in({among})"},
        }
        expected = {name: versions()[name] for name in MUST_AGREE}
        return self._seat_class.options(**options).remote(expected, cpus)

    def greet(self, seat: Actor) -> Reference:
        """The id of the node that a new seat is on, and its versions, as `greeted` takes them."""
        return seat.greet.remote()

    def found(self) -> list[tuple[Actor, About]]:
        """Every seat and keeper that there is, whoever made it, with what it says of itself."""
        actors = [ray.get_actor(name) for name in ray.util.list_named_actors()]
        asked = {self.call(actor, "about"): actor for actor in actors}
        answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_S) if asked else ([], [])
        told = []
        for reference in answered:
            try:
                told.append((asked[reference], ray.get(reference)))
            except RayError:
                continue  # it is just ending
        return told

    def call(self, actor: Actor, method: str, *arguments: Any) -> Reference:
        """Have a seat or keeper do what its class says."""
        return actor.do.remote(method, *arguments)

    def ready(self, references: Iterable[Reference], timeout_s: float) -> list[Reference]:
        """Those of the references that have an outcome, as soon as there is one or the time is up."""
        asked = list(references)
        first, rest = ray.wait(asked, num_returns=1, timeout=timeout_s)
        if first and rest:
            more, _ = ray.wait(rest, num_returns=len(rest), timeout=0)
            return [*first, *more]
        return list(first)

    def outcome(self, reference: Reference) -> Any:
        """The value of a ready reference.

        Raises UnavailableError, GoneError, or NodeError with what went wrong there.
        """
        try:
            return ray.get(reference)
        except ActorUnavailableError as error:
            raise UnavailableError("It cannot be reached.") from error
        except RayTaskError as error:
            cause = error.cause
            said = str(cause) if isinstance(cause, (TuiLabError, OSError)) else f"{type(cause).__name__}: {cause}"
            raise NodeError(said) from error
        except RayActorError as error:
            raise GoneError(str(error)) from error

    def put(self, array: Any) -> Reference:
        """An array for every node that asks for it, as long as this driver lives."""
        return ray.put(array)

    def kill(self, actor: Actor) -> None:
        """End an actor at once, wherever it is."""
        ray.kill(actor)

    def close(self) -> None:
        ray.shutdown()


def _version_teller() -> Callable[[], dict[str, str]]:
    """A function that Ray carries to a node as it is, whatever is installed there."""

    def tell() -> dict[str, str]:
        import importlib.metadata
        import platform

        found = {"python": platform.python_version()}
        for package in ("tui-lab", "torch", "ray"):
            try:
                found[package] = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                found[package] = ""
        return found

    return tell


def _seat_class() -> type:
    """A `Seat` as an actor, of a class that Ray carries to a node as it is, whatever is installed there.

    Where the versions are those of here, it opens the seat at once; elsewhere it only says what they are.
    """
    tell = _version_teller()

    class SeatActor:
        def __init__(self, expected: Mapping[str, str], threads: int) -> None:
            self._versions = tell()
            self._seat: Seat | None = None
            if all(self._versions[name] == version for name, version in expected.items()):
                from tui_lab.jobs.ray.cluster import open_seat

                self._seat = open_seat(threads)

        async def greet(self) -> tuple[str, dict[str, str]]:
            import ray

            return str(ray.get_runtime_context().get_node_id()), self._versions

        async def do(self, method: str, *arguments: Any) -> Any:
            return await getattr(self._seat, method)(*arguments)

    return SeatActor


def disagreement(title: str, told: Mapping[str, str]) -> str:
    """A sentence on the versions of a node that are not those of here; empty when all agree."""
    own = versions()
    differing = [name for name in MUST_AGREE if told.get(name, "") != own.get(name, "")]
    if not differing:
        return ""
    parts = [f"{name} {told.get(name) or '(not installed)'} instead of {own.get(name)}" for name in differing]
    return f"Node {title} has {', '.join(parts)}: runs there would not be the same."
