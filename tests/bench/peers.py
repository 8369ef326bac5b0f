"""CPU seconds of other packages for what the bench `survival` does, on the same patients:

    pip install survival==2.0.0 greenwood==0.8.0 lifelines==0.30.3
    python peers.py patients.csv ...

The smallest of several repetitions is printed, beside the answers, which must agree before a time
means anything. One thread.
"""

import os
import sys
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[variable] = "1"

import greenwood
import lifelines
import lifelines.statistics
import lifelines.utils
import numpy
import survival

warnings.simplefilter("ignore")


def cpu_seconds(work, repetitions):
    def once():
        begin = time.process_time()
        work()
        return time.process_time() - begin

    return min(once() for _ in range(repetitions))


def survival_median(patients):
    fit = survival.survfit(survival.Surv(patients["time"], patients["event"]))
    return survival.quantile(fit, probs=[0.5])


def survival_test(patients):
    response = survival.Surv(patients["time"], patients["event"])
    return survival.survdiff(response, group=patients["exposed"]).chisq


def greenwood_median(patients):
    response = greenwood.Surv(patients["time"], patients["event"])
    return greenwood.KaplanMeier().fit(response).median(ci=True)


def greenwood_test(patients):
    response = greenwood.Surv(patients["time"], patients["event"])
    return greenwood.logrank_test(response, patients["exposed"]).statistic


def lifelines_median(patients):
    fit = lifelines.KaplanMeierFitter().fit(patients["time"], patients["event"])
    # Its limits are log-log ones, those of the others log ones.
    return fit.median_survival_time_, lifelines.utils.median_survival_times(fit.confidence_interval_)


def lifelines_test(patients):
    return lifelines.statistics.multivariate_logrank_test(
        patients["time"], patients["exposed"], patients["event"]
    ).test_statistic


def report(name, work, patients):
    size = len(patients["time"])
    answer = " ".join(str(work(patients)).split())
    repetitions = 1 if size > 2e6 else 3
    print(f"{name} {cpu_seconds(lambda: work(patients), repetitions):.5f} s: {answer[:300]}", flush=True)


for file in sys.argv[1:]:
    table = numpy.loadtxt(file, delimiter=",", skiprows=1)
    patients = {
        "time": numpy.ascontiguousarray(table[:, 0]),
        "event": table[:, 1].astype(int),
        "exposed": table[:, 2].astype(int),
    }
    del table
    print(f"n = {len(patients['time'])}")
    for package in ("survival", "greenwood", "lifelines"):
        report(f"{package}: kaplan-meier with median", globals()[f"{package}_median"], patients)
        report(f"{package}: log-rank", globals()[f"{package}_test"], patients)
