"""`make bench`: every benchmark in turn."""

from benchmarks import loop_overhead, steps_per_second

for benchmark in (loop_overhead, steps_per_second):
    benchmark.main()
    print(flush=True)
