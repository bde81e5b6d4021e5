"""Several hosts, as far as one process can show them; real ones are in test_resume."""

import json
import socket

import jax
import pytest

from deeplearn.errors import UserError
from deeplearn.train import hosts


def two(monkeypatch, other, problem=""):
    """Two hosts, of which this is the first and the other has this identity."""
    answer = json.dumps({"problem": problem, "identity": other})
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(hosts, "_gathered", lambda text: [text, answer])


def test_hosts_that_differ_are_told(monkeypatch):
    two(monkeypatch, {"seed": 1, "process_id": 1, "data": "x"})
    for mine, sentence in (({"seed": 0}, "seed=1, process 0 with seed=0"), ({"seed": 1}, "data=x, process 0 with")):
        told = pytest.raises(UserError, match=f"process 1 was started with {sentence}")
        with told, hosts.together({**mine, "process_id": 0}):
            pass


def test_what_one_host_is_told_all_are(monkeypatch):
    two(monkeypatch, {"seed": 0}, "there is no data set digitz")
    told = pytest.raises(UserError, match="process 1 cannot begin: there is no data set digitz")
    with told, hosts.together({"seed": 0}):
        pass
    with pytest.raises(UserError, match="my own"), hosts.together({"seed": 0}):
        raise UserError("my own")


def test_hosts_that_agree_go_on(monkeypatch):
    two(monkeypatch, {"seed": 0, "process_id": 1})
    with hosts.together({"seed": 0, "process_id": 0}):
        pass


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("nowhere", "is not of the form HOST:PORT"),
        ("127.0.0.1:", "is not of the form HOST:PORT"),
        ("127.0.0.1:70000", "is not of the form HOST:PORT"),
        ("no.host.invalid:80", "there is no host no.host.invalid"),
    ],
)
def test_an_address_that_cannot_be_is_a_mistake(address, sentence):
    with pytest.raises(UserError, match=sentence):
        hosts.start_processes(address, 2, 0)


def test_a_port_that_is_taken_is_a_mistake():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="cannot listen"):
            hosts.start_processes(f"127.0.0.1:{taken.getsockname()[1]}", 2, 0)
