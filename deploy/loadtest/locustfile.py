"""Load of the Equipoise services by Locust: replicates, curves and Cox models of a study.

Needs the stubs in `stubs/` and the requests of a study in the folder that EQUIPOISE_REQUESTS names (by
default `requests/`); README.md has the commands that make both. The host is that of `equipoise serve
all`, or of one service whose tasks alone are run (`--tags bootstrap`).

Locust's users wait for their answer before they ask again. So the rate falls when the service is slow,
and latencies leave out the calls that were not made meanwhile: take `equipoise load` for the knee.
"""

import json
import os
import sys
import time
from pathlib import Path

import grpc
import grpc.experimental.gevent as grpc_gevent
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from locust import User, constant_throughput, events, tag, task

# Without this one call would stop the calls of all users.
grpc_gevent.init_gevent()

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER / "stubs"))

from equipoise.bootstrap.v1 import bootstrap_pb2, bootstrap_pb2_grpc  # noqa: E402
from equipoise.regression.v1 import regression_pb2, regression_pb2_grpc  # noqa: E402
from equipoise.survival.v1 import survival_pb2, survival_pb2_grpc  # noqa: E402

REQUESTS = Path(os.environ.get("EQUIPOISE_REQUESTS", FOLDER / "requests"))
REPLICATES = int(os.environ.get("EQUIPOISE_REPLICATES", "1000"))
CALLS_PER_SECOND = float(os.environ.get("EQUIPOISE_CALLS_PER_SECOND", "2"))
DEADLINE_SECONDS = float(os.environ.get("EQUIPOISE_DEADLINE_SECONDS", "10"))

# Requests carry patient tables, and the default of gRPC is 4 MiB.
MESSAGE_LIMIT_BYTES = 64 << 20


def requests_of(kind, message):
    """The requests of a kind that `equipoise load --write-requests` wrote."""
    index = json.loads((REQUESTS / "index.json").read_text())
    found = [entry for entry in index if entry["kind"] == kind]
    return [message.FromString((REQUESTS / entry["files"][0]).read_bytes()) for entry in found]


CURVES = requests_of("curves", survival_pb2.EstimateCurvesRequest)
MODELS = requests_of("cox", regression_pb2.FitCoxRequest)
RATIO = requests_of("replicates-ratio", bootstrap_pb2.RunReplicatesRequest)[0]
RATIO.plan.replicate_count = RATIO.replicate_count = REPLICATES

replicates = {"count": 0, "begin": 0.0}


def failure(error):
    """The class of an error: gRPC's code and the reason of the service."""
    reason = ""
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            reason = info.reason
    return RuntimeError(f"{error.code().name} {reason}".strip())


class Caller(User):
    """One caller, who asks at most so often a second."""

    wait_time = constant_throughput(CALLS_PER_SECOND)

    def on_start(self):
        sizes = ["grpc.max_send_message_length", "grpc.max_receive_message_length"]
        options = [(size, MESSAGE_LIMIT_BYTES) for size in sizes]
        # A channel of its own for each user: connections are shared otherwise.
        options.append(("grpc.use_local_subchannel_pool", 1))
        address = self.host.removeprefix("http://")
        self.channel = grpc.insecure_channel(address, options)
        self.bootstrap = bootstrap_pb2_grpc.BootstrapServiceStub(self.channel)
        self.regression = regression_pb2_grpc.RegressionServiceStub(self.channel)
        self.survival = survival_pb2_grpc.SurvivalServiceStub(self.channel)
        self.turn = 0

    def on_stop(self):
        self.channel.close()

    def measured(self, name, call):
        """Makes a call and tells Locust what came of it; `call` gives the bytes of the answer."""
        begin, length, error = time.perf_counter(), 0, None
        try:
            length = call()
        except grpc.RpcError as failed:
            error = failure(failed)
        self.environment.events.request.fire(
            request_type="grpc",
            name=name,
            response_time=(time.perf_counter() - begin) * 1000,
            response_length=length,
            exception=error,
            context={},
        )

    def next_of(self, requests):
        self.turn += 1
        return requests[self.turn % len(requests)]

    @tag("bootstrap")
    @task(2)
    def run_replicates(self):
        def call():
            length, count = 0, 0
            for piece in self.bootstrap.RunReplicates(RATIO, timeout=DEADLINE_SECONDS):
                length += piece.ByteSize()
                count += piece.replicate_count
            if count != REPLICATES:
                raise RuntimeError(f"{count} of {REPLICATES} replicates came")
            replicates["count"] += count
            return length

        self.measured("RunReplicates", call)

    @tag("survival")
    @task(2)
    def estimate_curves(self):
        request = self.next_of(CURVES)
        self.measured(
            "EstimateCurves",
            lambda: self.survival.EstimateCurves(request, timeout=DEADLINE_SECONDS).ByteSize(),
        )

    @tag("regression")
    @task(1)
    def fit_cox(self):
        request = self.next_of(MODELS)
        self.measured(
            "FitCox",
            lambda: self.regression.FitCox(request, timeout=DEADLINE_SECONDS).ByteSize(),
        )


@events.test_start.add_listener
def note_begin(**_):
    replicates["begin"] = time.perf_counter()


@events.test_stop.add_listener
def tell_replicates(**_):
    seconds = time.perf_counter() - replicates["begin"]
    print(f"{replicates['count'] / seconds:.0f} replicates a second over {seconds:.1f} s")
