"""`make bench`: every benchmark in turn."""

from benchmarks import (
    autoencoders,
    dalle,
    denoiser,
    loop_overhead,
    modulated,
    networks,
    rbm,
    recurrent,
    steps_per_second,
    transformer,
    trees,
    word_vectors,
)

for benchmark in (
    loop_overhead,
    networks,
    modulated,
    denoiser,
    recurrent,
    transformer,
    dalle,
    trees,
    autoencoders,
    rbm,
    word_vectors,
    steps_per_second,
):
    benchmark.main()
    print(flush=True)
