"""CPU seconds of a dense assignment for what the bench `matching` calls optimal, on the same patients:

    pip install numpy==2.4.4 scipy==1.17.1
    python matching_peers.py scores.csv ...

The smallest of three repetitions is printed, beside the number of pairs and the total distance, which
must agree before a time means anything. One thread. The matrix has a cell for each exposed patient
and comparator: 150 MB for ten thousand patients, so larger files are out of reach.
"""

import os
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy
from scipy.optimize import linear_sum_assignment

# A pair that the caliper forbids costs more than any number of allowed ones.
FORBIDDEN = 1e6


def optimal(exposed, comparators, caliper):
    distance = numpy.abs(exposed[:, None] - comparators[None, :])
    cost = distance if caliper is None else numpy.where(distance <= caliper, distance, FORBIDDEN)
    rows, columns = linear_sum_assignment(cost)
    chosen = cost[rows, columns]
    kept = chosen[chosen < FORBIDDEN]
    return len(kept), kept.sum()


def cpu_seconds(work, repetitions=3):
    def once():
        begin = time.process_time()
        work()
        return time.process_time() - begin

    return min(once() for _ in range(repetitions))


for path in sys.argv[1:]:
    table = numpy.loadtxt(path, delimiter=",", skiprows=1)
    is_exposed, score = table[:, 0] == 1, table[:, 1]
    exposed, comparators = score[is_exposed], score[~is_exposed]
    for name, caliper in (("optimal in a caliper", 0.2 * score.std(ddof=1)), ("optimal", None)):
        n_pairs, total = optimal(exposed, comparators, caliper)
        seconds = cpu_seconds(lambda: optimal(exposed, comparators, caliper))
        print(f"{name}, n = {len(score)}: {n_pairs} pairs, total {total!r}, {seconds:.5f} s")
