"""Checkpoints: what is kept, what counts as damage, what as change."""

import json
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.train.checkpoint_files import sealed, steps_in
from deeplearn.train.checkpoints import Checkpoints
from deeplearn.train.parallel import local, make_layout
from deeplearn.train.state import checksum

TREE = {"a": jnp.arange(1000.0), "b": [jnp.ones((3, 4), jnp.bfloat16), jnp.array([True, False])], "n": jnp.int32(7)}


def abstract(tree):
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), tree)


def saved(directory, steps, best=None, metrics=None):
    checkpoints = Checkpoints(directory, best)
    for step in steps:
        tree = {**TREE, "n": jnp.int32(step)}
        checkpoints.save(step, tree, (metrics or {}).get(step, {}), {"seconds": step}, wait=True)
    return checkpoints


def restore(directory, tree=None):
    """(restored or None, sentences said)."""
    said = []
    checkpoints = Checkpoints(directory)
    try:
        return checkpoints.restore(lambda step: abstract(tree or TREE), said.append), said
    finally:
        checkpoints.close()


def test_the_latest_two_and_the_best_are_kept(tmp_path):
    metrics = {step: {"nll": value} for step, value in [(1, 3.0), (2, 1.0), (3, 2.0), (4, 5.0), (5, 4.0)]}
    saved(tmp_path, range(1, 6), "-nll", metrics).close()
    assert Checkpoints(tmp_path, "-nll").steps() == [2, 4, 5]
    saved(tmp_path / "up", range(1, 6), "nll", metrics).close()
    assert Checkpoints(tmp_path / "up", "nll").steps() == [4, 5]


def test_three_remain_after_any_number_of_stops_and_the_best_is_among_them(tmp_path):
    values = {5: 2.0, 10: 1.0, 15: 3.0}
    for start in range(0, 20, 5):  # each start saves one or two and is stopped, or killed before it could tidy
        checkpoints = Checkpoints(tmp_path, "-nll")
        if start:
            checkpoints.restore(lambda step: abstract(TREE), pytest.fail)
        for step in (start + 3, start + 5):
            metrics = {"nll": values[step]} if step in values else {}
            checkpoints.save(step, TREE, metrics, {}, wait=True)
        checkpoints.close()
    assert Checkpoints(tmp_path, "-nll").steps() == [10, 18, 20]
    shutil.copytree(tmp_path / "18", tmp_path / "17")  # as a kill before its removal would leave it
    description = json.loads((tmp_path / "18" / "meta" / "metadata").read_text())
    del description["seal"]
    write = (tmp_path / "17" / "meta" / "metadata").write_text
    write(json.dumps(sealed({**description, "step": 17})))
    checkpoints = Checkpoints(tmp_path, "-nll")
    checkpoints.restore(lambda step: abstract(TREE), pytest.fail)
    assert checkpoints.steps() == [10, 18, 20]
    checkpoints.close()


def test_what_is_restored_equals_what_was_saved(tmp_path):
    saved(tmp_path, [3]).close()
    (step, state, notes), said = restore(tmp_path)
    assert (step, notes, said) == (3, {"seconds": 3}, [])
    for old, new in zip(jax.tree.leaves({**TREE, "n": jnp.int32(3)}), jax.tree.leaves(state), strict=True):
        assert old.dtype == new.dtype
        np.testing.assert_array_equal(np.asarray(old, np.float32), np.asarray(new, np.float32))
    assert restore(tmp_path / "empty") == (None, [])


def flip(file, position):
    content = bytearray(file.read_bytes())
    content[position] ^= 0x10
    file.write_bytes(content)


def files(directory):
    return sorted(f for f in directory.rglob("*") if f.is_file() and f.stat().st_size)


@pytest.mark.parametrize("harm", ["truncate", "remove", "empty directory", "flip"])
def test_a_damaged_newest_checkpoint_is_reported_and_the_one_before_is_used(tmp_path, harm):
    saved(tmp_path, [1, 2]).close()
    newest = tmp_path / "2"
    data = max(files(newest), key=lambda f: f.stat().st_size)  # the arrays' payload
    if harm == "truncate":
        data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    elif harm == "remove":
        data.unlink()
    elif harm == "flip":
        flip(data, data.stat().st_size // 2)
    else:
        shutil.rmtree(newest)
        newest.mkdir()
    (step, state, _), said = restore(tmp_path)
    assert step == 1 and int(state["n"]) == 1
    assert len(said) == 1 and "checkpoint" in said[0] and "is damaged" in said[0] and "step 1" in said[0]
    assert (tmp_path / "damaged-2").exists() and not newest.exists()  # renamed, not deleted
    again, said = restore(tmp_path)
    assert again[0] == 1 and said == []
    later = saved(tmp_path, [2])  # the run comes by step 2 again
    assert later.steps() == [1, 2]
    later.close()


def test_an_error_of_the_machine_is_not_damage(tmp_path, monkeypatch):
    def no_memory(place, leaves):
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    saved(tmp_path, [1, 2]).close()
    monkeypatch.setattr("deeplearn.train.checkpoints.read_arrays", no_memory)
    with pytest.raises(RuntimeError, match="RESOURCE_EXHAUSTED"):
        restore(tmp_path)
    assert steps_in(tmp_path) == [1, 2]


def test_the_same_step_may_be_damaged_again(tmp_path):
    saved(tmp_path, [1, 2]).close()
    for number in range(3):
        (tmp_path / "2" / "meta" / "metadata").write_text(f"{number}")
        (step, _, _), said = restore(tmp_path)
        assert step == 1 and len(said) == 1
        saved(tmp_path, [2]).close()
    assert sorted(one.name for one in tmp_path.glob("damaged*")) == ["damaged-2", "damaged-2-2", "damaged-2-3"]
    assert (tmp_path / "damaged-2-3" / "meta" / "metadata").read_text() == "2"


def test_a_checkpoint_under_the_name_of_another_step_is_noticed(tmp_path):
    saved(tmp_path, [1, 2]).close()
    (tmp_path / "2").rename(tmp_path / "3")
    (step, _, _), said = restore(tmp_path)
    assert step == 1 and "3 is damaged (it is of step 2)" in said[0]


def test_two_bytes_of_the_description_are_damage_and_no_other_version(tmp_path):
    saved(tmp_path / "whole", [1, 2]).close()
    meta = "2/meta/metadata"
    length = (tmp_path / "whole" / meta).stat().st_size
    for number, position in enumerate(range(5, length - 1, length // 12)):
        place = tmp_path / str(number)
        shutil.copytree(tmp_path / "whole", place)
        flip(place / meta, position)
        flip(place / meta, position + 1)
        (step, _, _), said = restore(place)
        assert step == 1 and "is damaged" in said[0], position


def test_a_checkpoint_of_before_descriptions_had_checksums_is_read(tmp_path):
    saved(tmp_path, [1]).close()
    file = tmp_path / "1" / "meta" / "metadata"
    description = json.loads(file.read_text())
    file.write_text(json.dumps({key: description[key] for key in ("checksum", "specification", "notes")}))
    assert restore(tmp_path)[0][0] == 1


HARM = {
    "flipped": lambda file, position: flip(file, position),
    "truncated": lambda file, position: file.write_bytes(file.read_bytes()[:position]),
    "emptied": lambda file, position: file.write_bytes(b""),
    "deleted": lambda file, position: file.unlink(),
}


@pytest.mark.parametrize("harm", HARM)
def test_whatever_file_is_damaged_one_of_the_two_states_is_restored_whole(tmp_path, capfd, harm):
    saved(tmp_path / "whole", [1, 2]).close()
    rng = np.random.default_rng(0)
    for number, file in enumerate(files(tmp_path / "whole" / "2")):
        place = tmp_path / f"copy{number}"
        shutil.copytree(tmp_path / "whole", place)
        HARM[harm](place / "2" / file.relative_to(tmp_path / "whole" / "2"), rng.integers(file.stat().st_size))
        (step, state, _), said = restore(place)
        assert int(state["n"]) == step and len(said) == 2 - step
        np.testing.assert_array_equal(state["a"], TREE["a"])
    assert capfd.readouterr() == ("", "")


def test_when_all_are_damaged_nothing_is_changed(tmp_path):
    saved(tmp_path, [1, 2]).close()
    for step in ("1", "2"):
        data = max(files(tmp_path / step), key=lambda f: f.stat().st_size)
        data.write_bytes(b"")
    with pytest.raises(UserError, match=r"all checkpoints in .* are damaged"):
        restore(tmp_path)
    assert (tmp_path / "1").exists() and (tmp_path / "2").exists()


@pytest.mark.parametrize("change", [{"a": jnp.arange(900.0)}, {"a": jnp.arange(1000)}, {"c": jnp.ones(2)}])
def test_a_changed_model_is_an_error_and_no_damage(tmp_path, change):
    saved(tmp_path, [1, 2]).close()
    with pytest.raises(UserError, match="made by another version of this experiment"):
        restore(tmp_path, {**TREE, **change})
    assert (tmp_path / "2").exists()


def test_a_checkpoint_moves_between_numbers_of_devices(tmp_path):
    layout = make_layout("data:2,model:2", "jit")
    tree = {"w": jnp.arange(64.0).reshape(8, 8)}
    spread = jax.device_put(tree, layout.shardings(tree))
    np.testing.assert_array_equal(checksum(spread), checksum(tree))
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, spread, {}, {}, wait=True)
    checkpoints.close()
    (_, state, _), _ = restore(tmp_path, tree)
    assert len(state["w"].devices()) == 1
    np.testing.assert_array_equal(state["w"], tree["w"])
    (_, state, _), _ = restore(tmp_path, spread)
    assert len(state["w"].devices()) == 4
    np.testing.assert_array_equal(local(state)["w"], tree["w"])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "uint8", "bool"])
def test_the_checksum_sees_every_single_bit(dtype):
    rng = np.random.default_rng(0)
    raw = rng.integers(0, 2 if dtype == "bool" else 256, 64, np.uint8)
    whole = raw.astype(bool) if dtype == "bool" else raw.view(jnp.dtype(dtype))
    right = checksum([jnp.asarray(whole)])
    for bit in rng.choice(64 if dtype == "bool" else 512, 40, replace=False):
        changed = raw.copy()
        if dtype == "bool":
            changed[bit] ^= 1
        else:
            changed[bit // 8] ^= 1 << (bit % 8)
        changed = changed.astype(bool) if dtype == "bool" else changed.view(jnp.dtype(dtype))
        assert checksum([jnp.asarray(changed)])[0] != right[0]
    assert checksum([jnp.asarray(whole[::-1])])[0] != right[0]


@pytest.mark.slow
def test_a_failed_save_is_one_sentence_and_no_traceback(tmp_path):
    """Of many arrays, each of which Orbax would print: a limit on the size of files stands in for a full disk."""
    code = """
        import resource, sys
        import numpy as np
        from deeplearn.errors import UserError
        from deeplearn.train.checkpoints import Checkpoints
        checkpoints = Checkpoints(__import__("pathlib").Path(sys.argv[1]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        tree = {f"{number}": np.random.default_rng(number).normal(size=9000) for number in range(50)}
        try:
            checkpoints.save(1, tree, {}, {}, wait=True)
        except UserError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "checkpoints")]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60)
    assert ended.stdout.startswith("cannot save the checkpoint of step 1 in") and ended.stdout.count("\n") == 1
    assert ended.stderr == ""


def test_a_directory_that_vanishes_is_one_sentence_at_once(tmp_path):
    checkpoints = saved(tmp_path / "checkpoints", [1])
    shutil.rmtree(tmp_path / "checkpoints")
    threads = threading.active_count()
    with pytest.raises(UserError, match="cannot save the checkpoint of step 2"):
        checkpoints.save(2, TREE, {}, {})
    assert threading.active_count() == threads  # none that the end of the process would wait for


def test_an_unwritable_place_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot use .* for checkpoints"):
        Checkpoints(tmp_path / "file" / "checkpoints")
