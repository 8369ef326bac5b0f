"""A thin client of the Equipoise services, to be copied or imported.

It compiles the messages from `proto/` when it is loaded, so there is nothing to generate
beforehand. `Client` holds a stub per service; the functions make the messages that every
request needs.
"""

import atexit
import hashlib
import importlib
import shutil
import struct
import sys
import tempfile
from pathlib import Path

import grpc
import grpc_tools
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[3] / "proto"

# Requests carry patient tables, and the default of gRPC is 4 MiB.
MESSAGE_LIMIT_BYTES = 64 << 20


def compile_messages(proto=PROTO):
    """Makes the packages of `proto` importable, as `equipoise.survival.v1.survival_pb2`."""
    folder = tempfile.mkdtemp(prefix="equipoise-stubs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    files = sorted(str(path.relative_to(proto)) for path in proto.rglob("*.proto"))
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    paths = [f"-I{proto}", f"-I{well_known}"]
    outputs = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    if protoc.main(["protoc", *paths, *outputs, *files]) != 0:
        raise RuntimeError(f"could not compile the messages of {proto}")
    sys.path.insert(0, folder)


def messages(package):
    """The messages of a package, such as `survival`."""
    return importlib.import_module(f"equipoise.{package}.v1.{package}_pb2")


def stubs(package):
    """The stubs of a package."""
    return importlib.import_module(f"equipoise.{package}.v1.{package}_pb2_grpc")


compile_messages()
bootstrap = messages("bootstrap")
cohorts = messages("cohort")
common = messages("common")
matching = messages("matching")
regression = messages("regression")
study = messages("study")
survival = messages("survival")


class Client:
    """Stubs of all services behind one address, as `equipoise serve all` offers them."""

    def __init__(self, address):
        sizes = ["grpc.max_send_message_length", "grpc.max_receive_message_length"]
        self.channel = grpc.insecure_channel(
            address, [(size, MESSAGE_LIMIT_BYTES) for size in sizes]
        )
        self.bootstrap = stubs("bootstrap").BootstrapServiceStub(self.channel)
        self.cohorts = stubs("cohort").CohortServiceStub(self.channel)
        self.matching = stubs("matching").MatchingServiceStub(self.channel)
        self.regression = stubs("regression").RegressionServiceStub(self.channel)
        self.study = stubs("study").StudyServiceStub(self.channel)
        self.survival = stubs("survival").SurvivalServiceStub(self.channel)


def cohort(ids=(), **columns):
    """A cohort from lists of equal length: numbers, or text for a column of categories.

    `None` is a missing value. Levels are in alphabetical order.
    """
    return common.Cohort(ids=ids, columns=[column(name, cells) for name, cells in columns.items()])


def column(name, cells):
    """One column of a cohort."""
    missing_rows = [row for row, cell in enumerate(cells) if cell is None]
    if any(isinstance(cell, str) for cell in cells):
        levels = sorted({cell for cell in cells if cell is not None})
        codes = [0 if cell is None else levels.index(cell) for cell in cells]
        return common.Column(name=name, levels=levels, codes=codes, missing_rows=missing_rows)
    values = [0.0 if cell is None else cell for cell in cells]
    return common.Column(name=name, values=values, missing_rows=missing_rows)


def digest(cohort):
    """The digest of a cohort, as `CohortAnnouncement` of the messages defines it."""
    rows = row_count(cohort)
    named = sorted(cohort.columns, key=lambda column: column.name.encode())
    columns = b"".join(column_digest(column, rows) for column in named)
    ids = b"\0"
    if cohort.ids:
        ids = b"\1" + sha256(b"equipoise ids 1", count(rows), *map(text, cohort.ids))
    whole = sha256(b"equipoise cohort 1", count(rows), ids, count(len(named)), columns)
    return "v1:" + whole.hex()


def column_digest(column, rows):
    missing = set(column.missing_rows)
    if column.levels or column.codes:
        kind = [b"\1", count(len(column.levels)), *map(text, column.levels)]
        codes = [-1 if row in missing else code for row, code in enumerate(column.codes)]
        cells = struct.pack(f"<{rows}i", *codes)
    else:
        kind = [b"\0"]
        nan = struct.pack("<Q", 0x7FF8000000000000)
        # Adding 0 turns -0 into 0.
        numbers = [struct.pack("<d", number + 0.0) for number in column.values]
        cells = b"".join(nan if row in missing else number for row, number in enumerate(numbers))
    return sha256(b"equipoise column 1", text(column.name), *kind, count(rows), cells)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def count(number):
    return struct.pack("<q", number)


def text(string):
    return count(len(string.encode())) + string.encode()


def row_count(cohort):
    first = cohort.columns[0]
    return max(len(first.values), len(first.codes))


def upload(cohort, size=1 << 16):
    """The requests by which a cohort is uploaded, in chunks of so many rows."""
    request = cohorts.UploadCohortRequest
    rows = row_count(cohort)
    headers = [
        cohorts.ColumnHeader(name=column.name, levels=column.levels) for column in cohort.columns
    ]
    announcement = cohorts.CohortAnnouncement(
        digest=digest(cohort), row_count=rows, has_ids=bool(cohort.ids), columns=headers
    )
    yield request(announcement=announcement)
    for first in range(0, rows, size):
        chunk = slice(first, first + size)
        if cohort.ids:
            yield request(ids=cohorts.IdChunk(first_row=first, ids=cohort.ids[chunk]))
        for column in cohort.columns:
            missing = [row - first for row in column.missing_rows if first <= row < first + size]
            cells = cohorts.ColumnChunk(
                name=column.name,
                first_row=first,
                values=column.values[chunk],
                codes=column.codes[chunk],
                missing_rows=missing,
            )
            yield request(column=cells)


def terms(*columns):
    """The terms of a model, each a column as it is."""
    return [common.ModelTerm(column=name) for name in columns]


def number(estimate):
    """The number of an estimate, or an error with the reason why there is none."""
    if not estimate.HasField("value"):
        raise ValueError(common.NotEstimable.Name(estimate.reason))
    return estimate.value


def pieces(request, study_file, table, size=1 << 20):
    """The requests by which a study file and a table are streamed; `request` is their class."""
    for name, content in (("study_file", study_file), ("table", table)):
        for start in range(0, len(content), size):
            yield request(**{name: content[start : start + size]})


def reason(error):
    """The reason of a failure, such as COHORT_NOT_FOUND."""
    info = error_details_pb2.ErrorInfo()
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        if detail.Unpack(info):
            return info.reason
    return ""


def field_violations(error):
    """Path and description of every field that a service refused."""
    bad_request = error_details_pb2.BadRequest()
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        if detail.Unpack(bad_request):
            return [(item.field, item.description) for item in bad_request.field_violations]
    return []
