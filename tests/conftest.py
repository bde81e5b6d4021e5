"""For all tests: four virtual devices, one directory of prepared data, one of compiled programs."""

import contextlib
import ctypes
import gc
import os
from collections.abc import Iterator
from pathlib import Path

# Before JAX is imported anywhere: the tests of meshes need several devices, wherever they run.
os.environ["JAX_NUM_CPU_DEVICES"] = "4"
os.environ["JAX_PLATFORMS"] = "cpu"
# Tests spend far more time on compiling than on computing. A program's parts are fused by the older emitters, and
# not cut into modules that threads would compile: together a third of the time.
os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
)
# Threads of small matrix products only wait for each other when several tests run at once.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import pytest

# Traces are many small objects that stay alive: searching them all for cycles took a tenth of the tests' time.
gc.set_threshold(50_000, 20, 20)


MEMORY = {"limit": 1.5 * 2**30}  # bytes that a process may hold before its compiled programs are let go
GROWTH = 0.4 * 2**30  # what is freed does not all go back to the system: the next limit lies above what is left


def resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not say."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.exists() else 0


@pytest.fixture(autouse=True)
def let_programs_go() -> Iterator[None]:
    """Compiled programs stay until a process is full of them; the cache on disk has those that come again."""
    yield
    if resident() > MEMORY["limit"]:
        import jax

        jax.clear_caches()
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):  # glibc's; it gives back what is free
            ctypes.CDLL(None).malloc_trim(0)
        MEMORY["limit"] = max(MEMORY["limit"], resident() + GROWTH)


@pytest.fixture(scope="session")
def data_dir(request: pytest.FixtureRequest) -> Path:
    """Prepared data sets, kept from one run of the tests to the next."""
    return Path(request.config.cache.mkdir("tfds"))


@pytest.fixture(scope="session", autouse=True)
def user_cache(request: pytest.FixtureRequest) -> Path:
    """In place of the user's own cache: the judges of data sets that have no directory are kept there."""
    directory = Path(request.config.cache.mkdir("user"))
    os.environ["XDG_CACHE_HOME"] = str(directory)
    return directory


@pytest.fixture(scope="session", autouse=True)
def compilation_cache(request: pytest.FixtureRequest) -> Path:
    """The cache of compiled programs, used also by processes that tests start."""
    directory = Path(request.config.cache.mkdir("jax"))
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(directory)
    import jax

    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    return directory
