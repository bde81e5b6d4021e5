import numpy as np
import pytest

from deeplearn.data import Arrays, split
from deeplearn.errors import UserError
from tests.data.test_streams import N, in_memory, on_disk, same


def test_records_and_arrays_are_the_same_split():
    memory, disk = in_memory(), on_disk()
    assert len(memory) == len(disk) == N
    assert memory.spec == disk.spec
    indices = np.array([3, 49, 3, 0])
    same(memory.gather(indices), disk.gather(indices))
    same(memory.arrays(), disk.arrays())
    same(memory.arrays(7), disk.arrays(7))
    assert len(disk.arrays(7)["label"]) == 7


def test_spec_describes_what_comes_out():
    example = in_memory().gather(np.array([1]))
    for key, spec in in_memory().spec.items():
        assert example[key].shape[1:] == spec.shape
        assert example[key].dtype == spec.dtype


def test_images_are_levels_over_the_highest_level(monkeypatch):
    image = np.arange(17, dtype=np.uint8).reshape(17, 1, 1, 1)
    ready = Arrays({"image": image}, levels=17).arrays()["image"]
    monkeypatch.setattr(split, "FLOAT_BYTES", 0)
    compact = Arrays({"image": image}, levels=17)
    assert compact._columns["image"].dtype == np.uint8
    np.testing.assert_array_equal(ready, compact.arrays()["image"])
    np.testing.assert_array_equal(ready, compact.gather(np.arange(17))["image"])
    np.testing.assert_array_equal(ready.ravel(), np.float32(np.arange(17) / 16))
    assert compact.spec["image"].dtype == np.float32


def test_nobody_can_write_into_a_split():
    with pytest.raises(ValueError, match="read-only"):
        in_memory().arrays()["label"][0] = 1


def test_a_user_error_in_a_decoding_thread_arrives():
    def decode(record):
        raise UserError("broken.png cannot be read")

    records = split.Records([1, 2, 3], decode, {"label": ((), np.int32)})
    with pytest.raises(UserError, match=r"broken\.png"):
        records.gather(np.arange(3))
