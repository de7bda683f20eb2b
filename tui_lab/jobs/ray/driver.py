"""The process between a command and a cluster: `python -m tui_lab.jobs.ray.driver OPTIONS`.

It gives runs to seats and writes their directories from what the seats tell. No other process here holds a connection
to Ray, because Ray ends the process that loses its cluster.

OPTIONS are those of `options.py`, as JSON. Orders come as JSON lines on standard input, as to a queue:
`{"submit": PATH}`, `{"withdraw": true}`, `{"kill": true}`. What happens is told as JSON lines on standard output:
`{"connected": NODES}`, `{"active": [...], "waiting": [...]}`, `{"ended": PATH}`, `{"error": SENTENCE, "hint": ...}`.

When the orders end, it works on what is under way, and ends; with `stays`, on everything that it was given.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from tui_lab.errors import TuiLabError
from tui_lab.jobs.executor import KILLED_BY_USER
from tui_lab.jobs.queue import Orders
from tui_lab.jobs.ray import exchange
from tui_lab.jobs.ray.address import SEE
from tui_lab.jobs.ray.attempts import MOST_KILLED, count, fail, key_of, was_cut_off
from tui_lab.jobs.ray.cluster import ANSWER_S, Cluster, GoneError, Node, NodeError, UnavailableError
from tui_lab.jobs.ray.exchange import Changes
from tui_lab.jobs.ray.options import Options
from tui_lab.jobs.ray.places import Place, Work
from tui_lab.jobs.ray.seat import Order
from tui_lab.jobs.ray.supplies import Supplies
from tui_lab.processes import named_end
from tui_lab.runs import killing
from tui_lab.runs.control import request
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.status import FINAL_STATES

POLL_S = 0.1  # between two looks at orders and at the wishes of users
REFRESH_S = 3.0  # between two looks at the nodes
UNREACHABLE_S = 10.0  # after which a seat that cannot be reached counts as lost
GO_S = 5.0  # that seats may take to end
MOST_NAMED = 3  # nodes in a sentence
MOST_MISSED = 3  # seats in a row that could not be opened, after which no other is tried

NODE_DIED = "node has died"  # in what Ray says of an actor


class Driver:
    """Works through a queue on a cluster.

    Args:
        cluster: connected.
        options: what was asked for.
        tell: takes what is said on standard output.
    """

    def __init__(self, cluster: Cluster, options: Options, tell: Callable[[Mapping[str, Any]], None]) -> None:
        self.cluster, self.options, self._tell = cluster, options, tell
        self._queue: deque[RunDirectory] = deque()
        self._places: list[Place] = []
        self._found = cluster.found()  # seats and keepers of earlier drivers
        self._killed: Counter[Path] = Counter()
        self._missed = 0  # seats in a row that could not be opened
        self._supplies = Supplies(cluster.put)
        self._going: list[Any] = []  # the last calls of seats
        self._refresh_at = time.monotonic() + REFRESH_S
        self._said: Mapping[str, Any] = {}

    @property
    def is_busy(self) -> bool:
        return bool(self._queue) or any(place.work for place in self._places)

    def submit(self, run: RunDirectory) -> None:
        known = [place.work.run.path for place in self._places if place.work] + [run.path for run in self._queue]
        if run.path not in known:
            self._queue.append(run)

    def withdraw(self) -> None:
        """Empty the queue; what is under way goes on."""
        self._queue.clear()

    def kill(self) -> None:
        """End the workers at once; their runs can be resumed."""
        for place in self._places:
            if place.work is not None:
                self._kill(place)

    def tick(self, timeout_s: float) -> None:
        """Do what is to be done now, and wait at most so long for a seat to answer."""
        if time.monotonic() >= self._refresh_at:
            self.cluster.refresh()
            self._refresh_at = time.monotonic() + REFRESH_S
        self._dispatch()
        self._pass_on_wishes()
        self._say()
        by_reference = {place.reference: place for place in self._places if place.reference is not None}
        if not by_reference:
            time.sleep(timeout_s)
            return
        for reference in self.cluster.ready(by_reference, timeout_s):
            self._take(by_reference[reference])
        self._say()

    def close(self) -> None:
        """Let the seats go, and wait until they have heard it."""
        for place in list(self._places):
            self._let_go(place)
        end = time.monotonic() + GO_S
        while self._going and time.monotonic() < end:
            gone = self.cluster.ready(self._going, POLL_S)
            self._going = [reference for reference in self._going if reference not in gone]

    # From the queue to a seat

    def _dispatch(self) -> None:
        while self._queue:
            run = self._queue[0]
            status = run.read_status()
            if status.state != "queued":  # stopped while it waited, or taken up by somebody else
                self._queue.popleft()
                self._end(run)
                continue
            place = self._holder_of(run) if status.node else None
            place = place or next((other for other in self._places if other.is_free), None)
            if place is None:
                break
            self._queue.popleft()
            try:
                self._give(place, run)
            except (TuiLabError, OSError) as error:
                if place.holds:  # another driver has taken it over: it is not ours to end, or to give another run
                    self._places.remove(place)
                self._tell({"error": str(error), "hint": ""})
                self._end(run)
        self._make_room()

    def _make_room(self) -> None:
        """As many seats as there are runs for them, and room on the nodes; those left over go."""
        idle = [place for place in self._places if place.work is None]
        if not self._queue:
            for place in idle:
                self._let_go(place)
            return
        room = sum(node.room(self.options.cpus, self.options.gpus) for node in self.cluster.fit)
        if not room and not self._places:
            self._give_up()
            return
        wanted = min(self.options.jobs or room, room, len(self._places) - len(idle) + len(self._queue))
        while len(self._places) < wanted:
            place = Place(self.cluster.seat(self.options.cpus, self.options.gpus), threads=self.options.cpus)
            self._places.append(place)
            place.then, place.reference = self._greeted, self.cluster.greet(place.actor)

    def _greeted(self, place: Place, told: tuple[str, dict[str, str]]) -> None:
        """A seat is there. On a node of other versions it is not sat down on."""
        was_fit = told[0] not in self.cluster.nodes or not self.cluster.nodes[told[0]].problem
        node = self.cluster.greeted(*told)
        if node.problem:
            self._leave_out(was_fit * [node])
            self._drop(place, "", is_killed=False)
            return
        self._missed = 0
        place.node, place.has_arrived = node.title, True

    def _leave_out(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            self._tell({"error": node.problem, "hint": "It is left out."})

    def _miss(self, place: Place, reason: str) -> None:
        """A seat could not be opened: its node may be gone, or be one that no seat of ours can be opened on."""
        self._drop(place, "", is_killed=False)
        useless = self.cluster.survey(ANSWER_S)
        self._leave_out(useless)
        self._missed += not useless
        if self._missed >= MOST_MISSED:
            lines = [line for line in reason.splitlines() if line.strip()]
            self._tell({"error": f"No seat can be opened on the cluster: {lines[-1].strip()}", "hint": SEE})
            self._return_queue()

    def _give_up(self) -> None:
        """No node will ever have room."""
        nodes = self.cluster.fit
        what = "There is no node that could work."
        if nodes:
            asked = _amount(self.options.cpus, "CPU")
            asked += f" and {_amount(self.options.gpus, 'GPU')}" if self.options.gpus else ""
            largest = sorted(nodes, key=lambda node: (-node.gpus, -node.cpus))[:MOST_NAMED]
            has = (f"{node.title} {_amount(node.cpus, 'CPU')} and {_amount(node.gpus, 'GPU')}" for node in largest)
            what = f"A run asks for {asked}, and no node has that: {', '.join(has)}."
        self._tell({"error": what, "hint": SEE})
        self._return_queue()

    def _return_queue(self) -> None:
        """The runs stay queued, for another time."""
        for run in self._queue:
            self._end(run)
        self._queue.clear()

    def _holder_of(self, run: RunDirectory) -> Place | None:
        """The seat or keeper that has had a run since an earlier driver, and that a run goes on with."""
        key, attempt = key_of(run), run.read_status().attempts
        for actor, about in self._found:
            held = about.held
            if held is not None and held.key == key and held.attempt == attempt:
                self._found.remove((actor, about))
                node = self.cluster.nodes.get(about.node_id)
                title = node.title if node else about.node_id[:4]
                place = Place(actor, title, about.threads, has_arrived=True, holds=True)
                self._places.append(place)
                return place
        return None

    def _give(self, place: Place, run: RunDirectory) -> None:
        """Begin a run in a seat, or go on with the one that it has.

        Raises RunBusyError, UsageError or OSError: it is held, or it or what it needs cannot be read.
        """
        hold = ExitStack()
        hold.enter_context(run.held())
        try:
            if place.holds:
                self._go_on(place, run, hold)
                return
            killing.take(run)  # meant for an earlier worker
            asked = run.read_request()
            status = run.read_status()
            if status.node and was_cut_off(run):  # by an earlier driver, and its seat is gone
                count(run, status, f"Its worker on {status.node} was lost")
            status.node = place.node
            status.write(run.status)
            files = exchange.packed(run)
            own, dataset = self._supplies.own_of(asked), self._supplies.dataset_of(asked)
            order = Order(run.id, key_of(run), status.attempts, files, dataset, own)
        except BaseException:
            hold.close()
            raise
        place.work = Work(run, order, hold, exchange.position_of(run), files.get(run.control.name, b""))
        self._call(place, self._begun, "begin", order, {})

    def _go_on(self, place: Place, run: RunDirectory, hold: ExitStack) -> None:
        """Take over what a seat or keeper has done without a driver."""
        place.holds = False
        killing.take(run)  # meant for an earlier driver, that did not live to see it
        status = run.read_status()
        status.node = place.node
        status.write(run.status)
        order = Order(run.id, key_of(run), status.attempts, {})
        place.work = Work(run, order, hold, exchange.position_of(run), has_begun=True)
        self._ask_for_changes(place)

    def _begun(self, place: Place, missing: list[str]) -> None:
        work = place.its_work
        if missing:
            asked = work.run.read_request()
            offered = {name: self._supplies.parcel(asked, name) for name in missing}
            self._call(place, self._begun, "begin", work.order, offered)
            return
        work.has_begun = True
        if work.run.read_status().state == "stopped":  # withdrawn while it was handed over
            request(work.run.control, "stop")
        self._ask_for_changes(place)

    def _ask_for_changes(self, place: Place) -> None:
        work = place.its_work
        if work.is_killed:  # while it was handed over, or while its seat could not be reached
            self.cluster.call(place.actor, "kill", work.order.key)
        self._call(place, self._changed, "changes", work.order.key, work.position)

    # From a seat to the directory

    def _changed(self, place: Place, changes: Changes | None) -> None:
        work = place.its_work
        if changes is None:
            self._lose(place, f"Its seat on {place.node} does not have it any more", is_killed=False)
            return
        try:
            exchange.write(work.run, changes, work.position)
        except OSError as error:
            self._abandon(place, f"{work.run.path} cannot be written: {error.strerror}.")
            return
        if changes.code is None:
            self._ask_for_changes(place)
        elif work.run.read_status().state in FINAL_STATES:
            self._release(place)
        elif self._is_killed(work):
            work.run.record_crash(KILLED_BY_USER)
            self._release(place)
        else:
            self._lose(place, f"Its worker on {place.node} ended with {named_end(changes.code)}", is_killed=True)

    def _release(self, place: Place) -> None:
        """The run has ended, and everything of it is here."""
        work = place.its_work
        place.work = None
        work.hold.close()
        self._end(work.run)
        self._free(place, work)

    def _free(self, place: Place, work: Work) -> None:
        """Have it clear up, which it does before anything that it is asked later."""
        self.cluster.call(place.actor, "collected", work.order.key)
        if place.threads != self.options.cpus:
            self._let_go(place)

    def _abandon(self, place: Place, reason: str) -> None:
        """The directory cannot be written: whatever the seat does with the run is of no use."""
        work = place.its_work
        place.work = None
        work.run.record_crash(reason)
        work.hold.close()
        self._end(work.run)
        self._let_go(place)

    def _lose(self, place: Place, reason: str, *, is_killed: bool) -> None:
        """A worker is gone that could not say how its run ended: the next one goes on from the last checkpoint.

        `is_killed`: it was the worker that died, and not the node; what happens to one may happen to the next.
        """
        work = place.its_work
        place.work, run = None, work.run
        self._killed[run.path] += is_killed
        status = run.read_status()
        try:
            if status.state in FINAL_STATES:
                pass  # it had said so before
            elif self._is_killed(work):
                run.record_crash(KILLED_BY_USER)
            elif self._killed[run.path] >= MOST_KILLED:
                fail(run, reason)
            else:
                status.node = ""  # nothing of it is left there
                count(run, status, reason)
                run.requeue()
                self._queue.appendleft(run)
        except OSError as error:
            run.record_crash(f"{run.path} cannot be written: {error.strerror}.")
        work.hold.close()
        if run not in self._queue:
            self._end(run)
        if place in self._places:
            self._free(place, work)

    def _end(self, run: RunDirectory) -> None:
        self._tell({"ended": str(run.path)})

    # Talking to seats

    def _kill(self, place: Place) -> None:
        """Have the worker of a run killed: no other takes its place."""
        work = place.its_work
        work.is_killed = True
        self.cluster.call(place.actor, "kill", work.order.key)

    def _is_killed(self, work: Work) -> bool:
        """Whether it was to be killed, also if nobody has looked since that was wished."""
        work.is_killed = killing.take(work.run) or work.is_killed
        return work.is_killed

    def _call(self, place: Place, then: Callable[[Place, Any], None], method: str, *arguments: Any) -> None:
        place.then, place.asked = then, (method, *arguments)
        place.reference = self.cluster.call(place.actor, method, *arguments)

    def _take(self, place: Place) -> None:
        """Go on with what a place has answered."""
        if place not in self._places:
            return
        reference, then = place.reference, place.then
        place.reference = None
        try:
            value = self.cluster.outcome(reference)
        except UnavailableError:
            if not place.has_arrived:
                self._miss(place, "It cannot be reached.")
                return
            place.unreachable_since = place.unreachable_since or time.monotonic()
            if time.monotonic() - place.unreachable_since < UNREACHABLE_S:
                assert then is not None
                time.sleep(POLL_S)
                self._call(place, then, *place.asked)
            else:
                self._drop(place, f"The connection to its seat on {place.node} was lost", is_killed=False)
        except GoneError as error:
            if not place.has_arrived:
                self._miss(place, str(error))
                return
            is_node = NODE_DIED in str(error)
            what = f"{'The node' if is_node else 'Its seat on'} {place.node} was lost"
            self._drop(place, what, is_killed=not is_node)
        except NodeError as error:
            if place.work is not None:
                self._lose(place, f"On {place.node}: {str(error).rstrip('.')}", is_killed=True)
            else:
                self._let_go(place)
        else:
            place.unreachable_since = 0.0
            assert then is not None
            then(place, value)

    def _drop(self, place: Place, reason: str, *, is_killed: bool) -> None:
        """Do without a place from here on."""
        self._places.remove(place)
        with suppress(TuiLabError, ValueError):
            self.cluster.kill(place.actor)  # if it lives after all, its worker must not
        if place.work is not None:
            self._lose(place, reason, is_killed=is_killed)

    def _let_go(self, place: Place) -> None:
        """It ends when it has cleared up; one that has not arrived yet has nothing to clear."""
        self._places.remove(place)
        if place.has_arrived:
            self._going.append(self.cluster.call(place.actor, "go"))
        else:
            self.cluster.kill(place.actor)

    def _pass_on_wishes(self) -> None:
        """What users have asked of runs since the last call."""
        for place in self._places:
            work = place.work
            if work is None:
                continue
            if killing.take(work.run):
                self._kill(place)
            if work.is_killed or not work.has_begun:
                continue
            with suppress(OSError):
                content = work.run.control.read_bytes()
                if content != work.control:
                    work.control = content
                    self.cluster.call(place.actor, "control", work.order.key, content)

    def _say(self) -> None:
        """Which runs are under way and which wait, when that has changed."""
        active = [str(place.work.run.path) for place in self._places if place.work is not None]
        now = {"active": active, "waiting": [str(run.path) for run in self._queue]}
        if now != self._said:
            self._said = now
            self._tell(now)


def _amount(count: float, what: str) -> str:
    return f"{count:g} {what}{'' if count == 1 else 's'}"


def carry_out(order: Mapping[str, Any], driver: Driver) -> None:
    """Do what an order says; what it says in no known way is passed over."""
    match order:
        case {"submit": str(path)} if Path(path).is_dir():
            driver.submit(RunDirectory(Path(path)))
        case {"withdraw": True}:
            driver.withdraw()
        case {"kill": True}:
            driver.kill()


def main(arguments: list[str]) -> int:
    options = Options(**json.loads(arguments[0]))
    talk = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever Ray prints

    def tell(message: Mapping[str, Any]) -> None:
        with suppress(BrokenPipeError):
            talk.write(json.dumps(message).encode() + b"\n")

    try:
        driver = Driver(Cluster(options.address), options, tell)
    except TuiLabError as error:
        tell({"error": error.message, "hint": error.hint, "is_final": True})
        return error.exit_code
    tell({"connected": len(driver.cluster.nodes)})
    for path in arguments[1:]:
        driver.submit(RunDirectory(Path(path)))
    orders = Orders(0)
    while driver.is_busy or not orders.are_over:
        were_over = orders.are_over
        for order in orders.wait(0):
            carry_out(order, driver)
        if orders.are_over and not were_over and not options.stays:
            driver.withdraw()
        driver.tick(POLL_S)
    driver.close()
    driver.cluster.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
