"""Which executor works, which cluster is meant, and whether it may be talked to: all of it without Ray."""

import socket
import subprocess
import sys

import pytest

from tests.waiting import wait_until
from tui_lab.errors import MissingDataError, TuiLabError, UsageError
from tui_lab.jobs.choosing import Placement, choose, executor_for
from tui_lab.jobs.local import LocalExecutor
from tui_lab.jobs.ray import address, executor
from tui_lab.jobs.ray.executor import RayExecutor, start_driver
from tui_lab.jobs.ray.options import Options
from tui_lab.runs.status import Status


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """A machine on which Ray is installed, no cluster runs, and no token lies about."""
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(address, "is_installed", lambda: True)


@pytest.fixture
def running(tmp_path):
    """The address of what answers on this machine, and says that it is a cluster."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = f"127.0.0.1:{server.getsockname()[1]}"
        (tmp_path / "ray").mkdir()
        (tmp_path / "ray" / "ray_current_cluster").write_text(found)
        yield found


def test_this_machine_works_unless_something_else_is_asked_for(store):
    assert choose() == choose("auto") == Placement(None, 1)
    assert choose("local", 3) == Placement(None, 3)
    run = store.create("mlp", {})
    made = executor_for(choose("auto"), [run])
    assert isinstance(made, LocalExecutor)
    assert made.waiting == [run]


def test_auto_takes_a_cluster_that_runs_here_or_is_named(running, monkeypatch, tmp_path):
    assert choose("auto").cluster == Options(running)
    (tmp_path / "ray" / "ray_current_cluster").unlink()
    assert choose("auto").cluster is None
    monkeypatch.setenv("RAY_ADDRESS", running)
    assert choose("auto").cluster == Options(running)


def test_auto_passes_over_a_cluster_that_has_ended(tmp_path):
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")
    assert choose("auto").cluster is None


def test_what_is_asked_of_a_cluster_is_passed_on(running):
    assert choose("ray", 4, 2, 0.5).cluster == Options(running, jobs=4, cpus=2, gpus=0.5)


def test_the_cluster_s_options_are_refused_here():
    with pytest.raises(UsageError, match="are for a cluster"):
        choose("local", cpus_per_run=2)


def test_without_a_cluster_or_without_ray_a_sentence_says_what_to_do(monkeypatch):
    with pytest.raises(UsageError, match="No Ray cluster runs on this machine") as error:
        choose("ray")
    assert "ray start --head" in error.value.hint
    monkeypatch.setattr(address, "is_installed", lambda: False)
    with pytest.raises(MissingDataError, match="Ray is not installed"):
        choose("ray://gpubox:10001")


@pytest.mark.parametrize(
    "on", ["gpubox", "ray://", "ray://gpubox", "http://gpubox:80", "gpubox:port", "gpubox:70000", "a b:1"]
)
def test_what_is_no_address_is_refused(on):
    with pytest.raises(UsageError, match="is no address"):
        choose(on)


def test_an_address_where_nobody_answers_is_said_at_once():
    with pytest.raises(UsageError, match=r"No Ray cluster answers at 127\.0\.0\.1:1: Connection refused"):
        choose("127.0.0.1:1")


def test_where_the_environment_names_a_bad_cluster_the_environment_is_named(monkeypatch):
    for named in ("gpubox", "127.0.0.1:1"):
        monkeypatch.setenv("RAY_ADDRESS", named)
        with pytest.raises(UsageError) as error:
            choose("ray")
        assert named in error.value.message
        assert error.value.hint == "Correct or unset RAY_ADDRESS."


@pytest.mark.parametrize("on", ["ray://gpubox:10001", "10.0.0.5:6379", "ray://[fe80::1]:10001"])
def test_a_cluster_that_others_reach_is_not_talked_to_without_a_token(on, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="without one anybody on the network could use it"):
        choose(on)
    monkeypatch.setattr(address, "check_answers", lambda address: None)
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("secret")
    assert choose(on).cluster == Options(on)
    assert address.environment(on)["RAY_AUTH_MODE"] == "token"
    (tmp_path / ".ray" / "auth_token").unlink()
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    assert address.environment(on)["RAY_AUTH_MODE"] == "token"


def test_whoever_sets_the_mode_has_decided(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert "RAY_AUTH_MODE" not in address.environment("ray://gpubox:10001")


@pytest.mark.parametrize("on", ["127.0.0.1:6379", "ray://localhost:10001", "ray://[::1]:10001", "127.0.0.2:6379"])
def test_loopback_needs_no_token(on):
    assert "RAY_AUTH_MODE" not in address.environment(on)


def test_the_local_executor_imports_nothing_of_ray():
    program = (
        "import sys; from tui_lab.jobs.choosing import choose; from tui_lab.jobs.local import LocalExecutor;"
        "LocalExecutor(choose('auto').jobs).poll();"
        "print([name for name in sys.modules if name == 'ray' or name.startswith(('ray.', 'tui_lab.jobs.ray.c'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# The process that holds the connection

DRIVER = """
import json, os, sys
folder, script = sys.argv[1], open(sys.argv[1] + "/script").read()
with open(folder + "/starts", "a") as file:
    print(os.getpid(), file=file)
def tell(**message): print(json.dumps(message), flush=True)
exec(script)
"""


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A driver that does what `script` says, in place of the one that talks to Ray."""
    (tmp_path / "driver.py").write_text(DRIVER)
    monkeypatch.setattr(executor, "DRIVER", [sys.executable, "-I", "-S", str(tmp_path / "driver.py"), str(tmp_path)])
    monkeypatch.setattr(executor, "RETRY_S", 0.0)

    def make(script):
        (tmp_path / "script").write_text(script)
        made = RayExecutor(Options("127.0.0.1:1"))
        made_here.append(made)
        return made

    made_here: list[RayExecutor] = []
    make.starts = lambda: len((tmp_path / "starts").read_text().split())
    yield make
    for made in made_here:
        if made._process is not None:
            made._process.kill()
            made._process.wait()


OBEY = """
tell(connected=2)
for line in sys.stdin:
    order = json.loads(line)
    if "submit" in order:
        tell(active=[order["submit"]], waiting=[])
        tell(active=[], waiting=[])
        tell(ended=order["submit"])
"""


def gather(made):
    ended, errors = [], []

    def look():
        try:
            ended.extend(made.poll())
        except TuiLabError as error:
            errors.append(error)
        return not made.active and not made.waiting

    wait_until(look)
    try:
        ended.extend(made.poll())
    except TuiLabError as error:
        errors.append(error)
    return [run.id for run in ended], errors


def test_runs_end_in_the_order_in_which_they_were_submitted(store, driver):
    runs = [store.create("mlp", {"seed": seed}) for seed in range(3)]
    made = driver(OBEY)
    for run in [*runs, runs[0]]:
        made.submit(run)
    assert (made.active, [run.id for run in made.waiting]) == ([], [run.id for run in runs])
    assert gather(made) == ([run.id for run in runs], [])


def test_a_driver_that_cannot_connect_says_why_once_and_the_runs_stay_queued(store, driver):
    run = store.create("mlp", {})
    made = driver("tell(error='No cluster.', hint='Start one.', is_final=True)")
    made.submit(run)
    ended, [error] = gather(made)
    assert (ended, error.message, error.hint) == ([run.id], "No cluster.", "Start one.")
    assert run.read_status().state == "queued"


def test_a_driver_that_dies_is_followed_by_another_with_the_same_runs(store, driver):
    run = store.create("mlp", {})
    made = driver(
        "tell(connected=1)\nsubmitted = json.loads(sys.stdin.readline())['submit']\n"
        "if len(open(folder + '/starts').read().split()) < 3:\n"
        "    tell(active=[submitted], waiting=[])\n    os._exit(1)\n"
        "tell(active=[], waiting=[])\ntell(ended=submitted)\nsys.stdin.read()"
    )
    made.submit(run)
    assert gather(made) == ([run.id], [])
    assert driver.starts() == 3


def test_a_cluster_that_does_not_come_back_leaves_runs_that_can_be_resumed(store, driver, monkeypatch):
    begun, waiting = store.create("mlp", {"epochs": 5}), store.create("mlp", {"epochs": 5})
    made = driver(
        "if len(open(folder + '/starts').read().split()) > 1:\n"
        "    tell(error='No cluster.', hint='', is_final=True)\n    sys.exit(1)\n"
        f"tell(connected=1)\ntell(active=[{str(begun.path)!r}], waiting=[{str(waiting.path)!r}])\n"
        "os.write(2, b'Raylet is gone')\nos._exit(1)"
    )
    monkeypatch.setattr(executor, "RECOVER_S", -1.0)
    for run in (begun, waiting):
        made.submit(run)
    Status(state="running", epoch=2, epochs=5).write(begun.status)
    ended, [error] = gather(made)
    assert sorted(ended) == sorted([begun.id, waiting.id])
    assert "was lost" in error.message
    assert "Raylet is gone" in error.hint
    assert (begun.read_status().state, waiting.read_status().state) == ("crashed", "queued")
    assert f"tui-lab runs resume {begun.id}" in begun.read_status().hint


def test_who_kills_twice_waits_for_nobody_and_is_told_what_may_be_left(store, driver):
    run = store.create("mlp", {"epochs": 5})
    made = driver(f"tell(connected=1)\ntell(active=[{str(run.path)!r}], waiting=[])\nsys.stdin.read()")
    made.submit(run)
    wait_until(lambda: made.poll() or made.active)
    Status(state="running", epoch=2, epochs=5).write(run.status)
    made.kill()
    assert run.read_status().state == "running"
    made.kill()
    assert made.active == []
    assert (run.read_status().state, "may still be at work" in run.read_status().message) == ("crashed", True)


# One that is left to itself


def test_a_command_that_leaves_is_told_what_keeps_its_runs_from_beginning(store, driver):
    run = store.create("mlp", {})
    driver("tell(error='No cluster.', hint='Start one.', is_final=True)")
    with pytest.raises(TuiLabError, match=r"No cluster\. Start one\."):
        start_driver([run], Options("127.0.0.1:1"))
    driver("tell(connected=1)\ntell(error='No room.', hint='')\ntell(ended='it')\ntell(active=[], waiting=[])")
    with pytest.raises(TuiLabError, match=r"No room\."):
        start_driver([run], Options("127.0.0.1:1"))
    driver("os._exit(1)")
    with pytest.raises(TuiLabError, match=r"127\.0\.0\.1:1 cannot be used\. See what there is with: tui-lab doctor"):
        start_driver([run], Options("127.0.0.1:1"))


def test_a_command_that_leaves_does_not_wait_for_runs_to_begin(store, driver, tmp_path):
    run = store.create("mlp", {})
    driver(
        "tell(connected=1)\ntell(active=[], waiting=sys.argv[3:])\n"
        "while not os.path.exists(folder + '/left'): pass\n"
        "try: tell(active=sys.argv[3:], waiting=[])\n"
        "except BrokenPipeError: open(folder + '/alone', 'w').close()\nos._exit(0)"
    )
    start_driver([run], Options("127.0.0.1:1"))
    (tmp_path / "left").touch()
    wait_until((tmp_path / "alone").exists)
