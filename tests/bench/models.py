"""CPU seconds of regression models, of R and of other packages, in turns on the same patients:

    pip install numpy==2.2.6 edi-kernels==1.0.2 survival==2.0.0
    cargo build --release -p equipoise-bench --bin bench-models
    python models.py BENCH_MODELS FOLDER [ROUNDS [N ...]]

All programs stay alive with the patients in memory; in each round every one of them does its task, so
that what else the machine does falls upon all alike. The smallest of the rounds is printed, with the
largest difference of estimates and standard errors to those of R at its closest, relative where they
exceed 1: R's defaults stop short of the maximum, at about 1e-8 in a screen and 1e-5 in the standard
errors of a logistic model.
"""

import os
import subprocess
import sys

BESIDE = os.path.dirname(os.path.abspath(__file__))
SIZES = [(488, 12), (10_000, 20), (100_000, 20), (1_000_000, 10)]
# How often a task is repeated for one time, by the program that answers it; R's clock has steps of a
# millisecond.
REPETITIONS = {
    488: {"ours": 300, "R": 30, "peers": 30},
    10_000: {"ours": 20, "R": 2, "peers": 3},
    100_000: {"ours": 3, "R": 1, "peers": 1},
    1_000_000: {"ours": 1, "R": 1, "peers": 1},
}
# What is compared with comes first.
TASKS = {
    "cox": [
        ("R", "coxph"), ("R", "coxph.fit"), ("ours", "cold"), ("ours", "sorted"), ("ours", "prepared"),
        ("ours", "query"), ("peers", "survival"), ("peers", "edi"),
    ],
    "start-stop": [
        ("R", "coxph"), ("R", "agreg.fit"), ("ours", "cold"), ("ours", "sorted"), ("ours", "query"),
        ("peers", "survival"),
    ],
    "screen": [("R", "coxph"), ("ours", "query")],
    "logistic": [("R", "glm"), ("R", "glm.fit"), ("ours", "cold"), ("peers", "edi")],
}


class Program:
    def __init__(self, command):
        one = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | one
        )

    def ask(self, task, repetitions):
        self.process.stdin.write(f"{task} {repetitions}\n")
        self.process.stdin.flush()
        seconds, *answers = map(float, self.process.stdout.readline().split())
        return seconds, answers

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def difference(answers, reference):
    if len(answers) > len(reference):
        return float("nan")
    pairs = zip(answers, reference)
    return max((abs(a - b) / max(1, abs(b)) for a, b in pairs), default=float("nan"))


def compare(bench_models, folder, n, p, rounds):
    patients = os.path.join(folder, str(n))
    subprocess.run([bench_models, str(n), str(p), "write", patients], check=True)
    size = [patients, str(n), str(p)]
    programs = {
        "ours": Program([bench_models, str(n), str(p)]),
        "R": Program(["Rscript", os.path.join(BESIDE, "models.R"), *size]),
        "peers": Program([sys.executable, os.path.join(BESIDE, "model_peers.py"), *size]),
    }
    for task, runs in TASKS.items():
        least = {}
        for _ in range(rounds):
            for program, way in runs:
                repetitions = REPETITIONS[n][program]
                seconds, answers = programs[program].ask(f"{task} {way}", repetitions)
                if (program, way) not in least or seconds < least[program, way][0]:
                    least[program, way] = seconds, answers
        _, reference = programs["R"].ask(f"{task} reference", 1)
        slowest = least[runs[0]][0]
        for (program, way), (seconds, answers) in least.items():
            ratio, apart = slowest / seconds, difference(answers, reference)
            print(
                f"{n:>8} {p:>3}  {task:<11} {program:<6} {way:<10} {seconds * 1000:>10.3f} ms"
                f" {ratio:>7.1f}  {apart:.1e}",
                flush=True,
            )
    for program in programs.values():
        program.end()


def main():
    bench_models, folder = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    wanted = [int(n) for n in sys.argv[4:]] or [n for n, _ in SIZES]
    print("       n   p  task        program way              CPU    R / it  difference")
    for n, p in SIZES:
        if n in wanted:
            compare(bench_models, folder, n, p, rounds)


main()
