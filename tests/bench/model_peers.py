"""Other packages for what the program `bench-models` does, on the same patients:

    python model_peers.py FOLDER N P

It reads tasks, one a line, and answers as bench-models does, with the coefficients alone. `edi` has
none but Breslow's ties, so that its Cox models say nothing to compare.
"""

import sys
import time

import edi_kernels
import numpy
import survival

folder, n, p = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def column(name):
    return numpy.fromfile(f"{folder}/{name}", dtype="<f8")


follow_up = {name: column(name) for name in ("entry", "time", "event")}
treated = column("treated")
columns = column("x").reshape(p, n)
x = numpy.asfortranarray(columns.T)
with_intercept = numpy.asfortranarray(numpy.column_stack([numpy.ones(n), x]))
table = follow_up | {f"x{j + 1}": columns[j] for j in range(p)}
names = " + ".join(f"x{j + 1}" for j in range(p))


def of_survival(response):
    fit = survival.coxph(f"{response} ~ {names}", data=table)
    return fit.coefficients


def edi_cox():
    edi_kernels.fast_coxph_regression(x, follow_up["time"], follow_up["event"])
    return []


TASKS = {
    "cox survival": lambda: of_survival("Surv(time, event)"),
    "start-stop survival": lambda: of_survival("Surv(entry, time, event)"),
    "cox edi": edi_cox,
    "logistic edi": lambda: edi_kernels.fast_logistic_regression(with_intercept, treated)["b"],
}

for line in sys.stdin:
    task, repetitions = line.rsplit(" ", 1)
    answer = []
    begin = time.process_time()
    for _ in range(int(repetitions)):
        answer = TASKS[task]()
    seconds = (time.process_time() - begin) / int(repetitions)
    print(seconds, *[repr(float(number)) for number in answer], flush=True)
