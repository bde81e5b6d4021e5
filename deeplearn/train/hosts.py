"""Several hosts as one: they meet, begin with the same flags and data, and stop at the same moment."""

from __future__ import annotations

import contextlib
import functools
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental.multihost_utils import process_allgather
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from deeplearn.errors import UserError, brief
from deeplearn.interruption import INTERRUPTION, Stopped, end

OWN = ("coordinator", "process_id", "data_dir")  # flags that may differ between hosts
MEETING = 20  # seconds in which all must have come


def start_processes(coordinator: str, processes: int, process: int) -> None:
    """Joins the other hosts through JAX's own runtime; "auto" reads the cluster's environment.

    Where they are not together after `MEETING` seconds, the process ends with a sentence: JAX would abort it.
    """
    if not coordinator:
        if processes or process >= 0:
            raise UserError("--num_processes and --process_id need --coordinator=HOST:PORT (or auto)")
        return
    flag = f"--coordinator={coordinator}"
    if coordinator != "auto":
        if processes < 1 or not 0 <= process < processes:
            raise UserError(f"{flag} needs --num_processes and a --process_id from 0 to one less")
        _check_address(coordinator, serve=process == 0)
    missing = f"{flag} did not answer" if process > 0 else f"not all processes came to {flag}"
    late = (
        f"error: {missing} within {MEETING} s: start every --process_id from 0 to --num_processes - 1, all at once"
    )
    timer = threading.Timer(MEETING, end, (2, late))
    timer.daemon = True
    timer.start()
    # It would take SIGTERM away from us; the loop's `Agreement` is for all hosts.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        if coordinator == "auto":
            jax.distributed.initialize()
        else:
            jax.distributed.initialize(coordinator, processes, process)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"cannot join the processes at {flag}: {brief(error)}") from error
    finally:
        timer.cancel()
    if jax.process_count() > 1:
        INTERRUPTION.several = True
        INTERRUPTION.saving = True  # no host stops alone: the others would wait for it


def _check_address(address: str, serve: bool) -> None:
    """UserError where HOST:PORT cannot be: JAX would end the process with a segmentation fault."""
    host, _, port = address.rpartition(":")
    try:
        if not host or not 0 < int(port) < 2**16:
            raise ValueError
        socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except ValueError:
        raise UserError(f"--coordinator={address} is not of the form HOST:PORT, or auto") from None
    except OSError as error:
        raise UserError(f"--coordinator={address}: there is no host {host} ({error.strerror})") from None
    if not serve:
        return
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("", int(port)))  # JAX listens at all addresses of this machine
    except OSError as error:
        raise UserError(
            f"process 0 cannot listen at --coordinator={address} ({error.strerror}): name a free port"
        ) from None


@contextlib.contextmanager
def together(identity: Mapping[str, Any]) -> Iterator[None]:
    """Several hosts prepare inside, each for itself; all go on, or all are told in a sentence why not.

    A host that fails outside ends at once, and JAX ends the others. identity: what must be the same on all, except
    for `OWN`; more may be added inside. UserError on every host if one failed inside, or differs.
    """
    if jax.process_count() == 1:
        yield
        return
    INTERRUPTION.apart = False
    problem: BaseException | None = None
    try:
        yield
    except BaseException as error:
        problem = error
    if INTERRUPTION.wanted is not None:
        problem = Stopped(INTERRUPTION.wanted, INTERRUPTION.sentence)
    told = str(problem) if isinstance(problem, UserError | Stopped) else brief(problem) if problem else ""
    mine = json.dumps({"problem": told, "identity": identity})
    hosts = [json.loads(text) for text in _gathered(mine)]
    if problem:
        raise problem
    for number, host in enumerate(hosts):
        if host["problem"]:
            raise UserError(f"process {number} cannot begin: {host['problem']}")
    for number, host in enumerate(hosts):
        first, other = hosts[0]["identity"], host["identity"]
        for name in [name for name in first | other if name not in OWN]:
            if first.get(name) != other.get(name):
                raise UserError(
                    f"process {number} was started with {name}={other.get(name)}, process 0 with "
                    f"{name}={first.get(name)}: all must be started with the same flags"
                )
    INTERRUPTION.apart = True


def _gathered(text: str) -> list[str]:
    """The text of each host."""
    content = np.frombuffer(text.encode(), np.uint8)
    longest = int(np.max(process_allgather(np.int32(len(content)))))
    padded = np.zeros(longest, np.uint8)
    padded[: len(content)] = content
    return [bytes(row).rstrip(b"\0").decode() for row in process_allgather(padded)]


class Agreement:
    """Whether to stop, asked after every advance of the loop; several hosts get the same answer at the same one.

    JAX's own preemption service finds a step for all to stop at. It does not serve here: a compiled loop jumps over
    that step, and Orbax asks it too, with numbers of its own, from a thread.
    """

    def __init__(self) -> None:
        self._asked: jax.Array | None = None

    def stop(self) -> bool:
        """With several hosts the answer is that of the advance before, so that no step is waited for."""
        if jax.process_count() == 1:
            return INTERRUPTION.wanted is not None
        answer, self._asked = self._asked, _wishes()
        if jax.default_backend() == "cpu":  # two programs at once can block each other there
            self._asked.block_until_ready()
        return answer is not None and _any(answer)

    def stop_at_the_end(self) -> bool:
        """The answer now."""
        return INTERRUPTION.wanted is not None if jax.process_count() == 1 else _any(_wishes())


def _wishes() -> jax.Array:
    """How many devices belong to hosts that were asked to stop, on every host."""
    mesh = Mesh(np.array(jax.devices()), ("devices",))
    mine = np.full(jax.local_device_count(), INTERRUPTION.wanted is not None, np.int32)
    wishes = jax.make_array_from_process_local_data(NamedSharding(mesh, PartitionSpec("devices")), mine)
    return _summed(mesh)(wishes)


@functools.cache
def _summed(mesh: Mesh) -> Any:
    return jax.jit(lambda x: x.sum(), out_shardings=NamedSharding(mesh, PartitionSpec()))


def _any(wishes: jax.Array) -> bool:
    return int(np.asarray(wishes.addressable_data(0))) > 0
