"""A whole study of a large table: makes it, runs it, and says how long it took and how much memory
each process had.

    python tests/bench/large_study.py make 1000000 FOLDER
    python tests/bench/large_study.py run target/release/equipoise FOLDER

The patients are drawn from a fixed seed: thirty columns, a fifth exposed, numbers with few digits as
in hospital tables. The study is run embedded and deployed (a coordinator and four services, each a
process of its own), and both reports must have the same bytes. Needs Linux.
"""

import argparse
import hashlib
import json
import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path

SEED = 20261129
CONTINUOUS = [f"lab_{index:02}" for index in range(1, 16)]
BINARY = [f"history_{index}" for index in range(1, 8)]
SITES = ["north", "east", "south", "west"]
STAGES = ["I", "II", "III"]
HEADER = ["id", "days", "death", "drug", "age", "stage", "site", *CONTINUOUS, *BINARY, "bmi"]
SERVICES = ["matching", "survival", "regression", "bootstrap"]

STUDY = """schema = "equipoise/1"

[study]
id = "large"
title = "Generated patients"
time_unit = "months"

[data]
file = "patients.csv"
id = "id"

[variables]
age = {{ type = "continuous", label = "Age", unit = "years" }}
bmi = {{ type = "continuous", label = "Body mass index" }}
stage = {{ type = "ordinal", label = "Stage", levels = ["I", "II", "III"] }}
site = {{ type = "categorical", label = "Site", levels = ["north", "east", "south", "west"] }}
{variables}

[exposure]
column = "drug"
exposed = {{ value = 1, label = "drug" }}
comparator = {{ value = 0, label = "none" }}

[[endpoint]]
id = "os"
label = "Overall survival"
event = {{ column = "death", value = 1 }}
time = {{ column = "days", unit = "days" }}
times = [12, 36, 60]

[propensity]
covariates = [{covariates}]

[matching]
caliper = {{ width = 0.2, scale = "sd_logit" }}

[balance]
tests = ["chi_squared", "mann_whitney"]

[survival]
interval = ["log"]
median_ci = ["log"]
followup_ci = ["log_log"]
restricted_mean = [60]
tests = ["log_rank"]

[cox]
populations = ["all", "matched"]
variance = "robust"

[[cox.multivariable]]
id = "adjusted"
label = "All variables"

[[subgroup]]
id = "stage"
label = "Stage"
variables = ["stage"]
population = "matched"
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    make = commands.add_parser("make")
    make.add_argument("rows", type=int)
    make.add_argument("folder", type=Path)
    make.set_defaults(run=lambda arguments: write_study(arguments.rows, arguments.folder))
    run = commands.add_parser("run")
    run.add_argument("program")
    run.add_argument("folder", type=Path)
    run.set_defaults(run=lambda arguments: run_study(arguments.program, arguments.folder))
    arguments = parser.parse_args()
    return arguments.run(arguments)


def write_study(n, folder):
    folder.mkdir(parents=True, exist_ok=True)
    continuous = [f'{name} = {{ type = "continuous", label = "{name}" }}' for name in CONTINUOUS]
    binary = [f'{name} = {{ type = "binary", label = "{name}" }}' for name in BINARY]
    covariates = ["age", "bmi", "stage", "site", *CONTINUOUS, *BINARY]
    text = STUDY.format(
        variables="\n".join(continuous + binary),
        covariates=", ".join(f'"{name}"' for name in covariates),
    )
    (folder / "study.toml").write_text(text)
    draw = random.Random(SEED)
    with open(folder / "patients.csv", "w") as table:
        table.write(",".join(HEADER) + "\n")
        for number in range(1, n + 1):
            table.write(patient(draw, number, n) + "\n")


def patient(draw, number, n):
    age = min(95.0, max(18.0, draw.gauss(62, 12)))
    stage = draw.choices((0, 1, 2), (5, 3, 2))[0]
    labs = [draw.gauss(0, 1) for _ in CONTINUOUS]
    history = [int(draw.random() < 0.1 + 0.05 * index) for index in range(len(BINARY))]
    risk = 0.03 * (age - 62) + 0.4 * stage + 0.2 * labs[0] - 0.1 * labs[1] + 0.3 * history[0]
    drug = draw.random() < 1 / (1 + math.exp(1.7 - 0.5 * risk))
    hazard = math.exp(-7.6 + risk - 0.3 * drug)
    death = draw.expovariate(hazard)
    end = draw.uniform(200, 3650)
    # Ids are shuffled, so that rows have to be put in order.
    shuffled = (number * 7919) % 10 ** len(str(n))
    cells = [
        f"P{shuffled:0{len(str(n))}}",
        max(1, round(min(death, end))),
        int(death <= end),
        int(drug),
        round(age),
        STAGES[stage],
        draw.choice(SITES),
        *(f"{100 + 15 * lab:.1f}" for lab in labs),
        *history,
        f"{draw.gauss(27, 4):.1f}",
    ]
    return ",".join(map(str, cells))


def run_study(program, folder):
    print("| run | seconds | process | peak memory, MiB |")
    print("| --- | --- | --- | --- |")
    embedded = folder / "embedded"
    seconds, peak = timed([program, "run", str(folder), "--out", str(embedded)])
    print(f"| embedded | {seconds:.1f} | equipoise | {peak / 2**20:.0f} |", flush=True)
    deployed = folder / "deployed"
    servers = {name: Server(program, name, []) for name in SERVICES}
    addresses = [text for name, server in servers.items() for text in (f"--{name}", server.address)]
    servers["coordinator"] = Server(program, "coordinator", addresses)
    try:
        command = [program, "run", str(folder), "--out", str(deployed)]
        command += ["--coordinator", servers["coordinator"].address]
        seconds, peak = timed(command)
        print(f"| deployed | {seconds:.1f} | equipoise | {peak / 2**20:.0f} |")
        for name, server in servers.items():
            print(f"| | | {name} | {server.peak() / 2**20:.0f} |")
    finally:
        for server in servers.values():
            server.process.kill()
    same = all(digest(embedded / name) == digest(deployed / name) for name in REPORT)
    print("the reports have the same bytes" if same else "THE REPORTS DIFFER")
    return 0 if same else 1


REPORT = ["report.json", "report.html", "matched_pairs.csv"]


def timed(command):
    """Seconds and peak bytes of a command that must succeed."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    return time.monotonic() - begin, usage.ru_maxrss * 1024


class Server:
    """A service as a process, on a port that the system chose."""

    def __init__(self, program, name, arguments):
        command = [program, "serve", name, "--listen", "127.0.0.1:0", "--log-format", "json"]
        self.process = subprocess.Popen(
            command + arguments, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        for line in self.process.stderr:
            record = json.loads(line)
            fields = record.get("fields", record)
            if "address" in fields:
                self.address = f"http://{fields['address']}"
                return
        sys.exit(f"{name} did not start")

    def peak(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
