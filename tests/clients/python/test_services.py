"""Calls every service on a table small enough to check by hand.

    pip install -r tests/clients/python/requirements.txt
    equipoise serve all
    python tests/clients/python/test_services.py --address 127.0.0.1:50051

Prints a line per check and ends with 1 if one fails.
"""

import argparse
import hashlib
import io
import json
import math
import re
import struct
import sys
import traceback
import zipfile
from pathlib import Path
from statistics import NormalDist

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

import equipoise_client as eq

HER2 = Path(__file__).resolve().parents[2] / "studies" / "her2"

# Seconds that a call may take; every call of a program should have such a limit.
TIMEOUT = 60

# Seconds that the server may take to start.
START_TIMEOUT = 10

SERVICES = [
    "equipoise.bootstrap.v1.BootstrapService",
    "equipoise.cohort.v1.CohortService",
    "equipoise.matching.v1.MatchingService",
    "equipoise.regression.v1.RegressionService",
    "equipoise.study.v1.StudyService",
    "equipoise.survival.v1.SurvivalService",
]

# Four patients in two arms; all have the event, in turns.
TURNS = {"time": [1, 2, 3, 4], "event": [1, 1, 1, 1], "arm": ["new", "old", "new", "old"]}

# A table of two by two: of four exposed three have the outcome, of four others one.
TWO_BY_TWO = {"exposed": [1, 1, 1, 1, 0, 0, 0, 0], "outcome": [1, 1, 1, 0, 1, 0, 0, 0]}


def main():
    arguments = argparse.ArgumentParser(description="Calls every service of Equipoise.")
    arguments.add_argument("--address", required=True, help="host:port of `equipoise serve all`")
    address = arguments.parse_args().address
    client = eq.Client(address)
    try:
        grpc.channel_ready_future(client.channel).result(timeout=START_TIMEOUT)
    except grpc.FutureTimeoutError:
        print(f"no server answers at {address}")
        return 1
    failed = [check.__name__ for check in CHECKS if not passes(check, client)]
    print(f"{len(CHECKS) - len(failed)} of {len(CHECKS)} checks passed")
    return 1 if failed else 0


def passes(check, client):
    try:
        found = check(client)
    except Exception:
        print(f"FAILED {check.__name__}")
        traceback.print_exc()
        return False
    print(f"ok     {check.__name__}: {found}")
    return True


def health(client):
    stub = health_pb2_grpc.HealthStub(client.channel)
    for name in ["", *SERVICES]:
        answer = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=TIMEOUT)
        equal(answer.status, health_pb2.HealthCheckResponse.SERVING)
    return "every service is serving"


def reflection(client):
    database = ProtoReflectionDescriptorDatabase(client.channel)
    offered = set(database.get_services())
    equal([name for name in SERVICES if name not in offered], [])
    file = database.FindFileContainingSymbol("equipoise.survival.v1.EstimateCurvesRequest")
    equal(file.package, "equipoise.survival.v1")
    return f"{len(offered)} services describe themselves"


def estimate_curves(client):
    """Events at 1, 3 and 4, censored at 2: S is 3/4, then 3/4 · 1/2, then 0."""
    request = eq.survival.EstimateCurvesRequest(
        cohort=eq.cohort(time=[1, 2, 3, 4], event=[1, 0, 1, 1]),
        endpoint=endpoint(),
        options=eq.survival.CurveOptions(quantile_probabilities=[0.5], times=[2.5]),
    )
    answer = client.survival.EstimateCurves(request, timeout=TIMEOUT)
    (group,) = answer.groups
    equal(list(group.curve.at_risk_counts), [4, 3, 2, 1])
    for survival, expected in zip(group.curve.survival, [3 / 4, 3 / 4, 3 / 8, 0], strict=True):
        close(survival, expected)
    close(eq.number(group.quantiles[0].estimate), 3)
    close(eq.number(group.at_times[0].survival), 3 / 4)
    equal([caveat.code for caveat in group.at_times[0].caveats], [eq.common.CAVEAT_CODE_FEW_AT_RISK])
    equal(answer.options.interval_rule, eq.survival.INTERVAL_RULE_LOG)
    return "S(3) = 3/8, median 3"


def estimate_weighted_curves(client):
    """Weights 1, 3 and 2, the first has the event: S moves by -5/36 and 1/36 per unit of weight."""
    request = eq.survival.EstimateCurvesRequest(
        cohort=eq.cohort(time=[1, 2, 3], event=[1, 0, 1], weight=[1, 3, 2]),
        endpoint=endpoint(),
        case_weights=eq.common.CaseWeights(
            column="weight", kind=eq.common.WEIGHT_KIND_SAMPLING
        ),
        options=eq.survival.CurveOptions(
            cumulative_hazards=[eq.survival.HAZARD_ESTIMATOR_NELSON_AALEN]
        ),
    )
    answer = client.survival.EstimateCurves(request, timeout=TIMEOUT)
    equal(answer.options.variance, eq.survival.CURVE_VARIANCE_INFINITESIMAL_JACKKNIFE)
    (group,) = answer.groups
    equal(list(group.curve.at_risk_counts), [3, 2, 1])
    equal(list(group.curve.weighted_at_risk), [6, 5, 2])
    close(group.curve.survival[0], 5 / 6)
    close(group.curve.standard_errors[0], math.sqrt(5**2 + 3**2 + 2**2) / 36)
    (hazard,) = group.cumulative_hazards
    close(hazard.hazards[0], 1 / 6)
    close(hazard.survival[0], math.exp(-1 / 6))
    return "S(1) = 5/6 with robust error √38/36"


def summarise_weighted_follow_up(client):
    """Weights 2, 1 and 1, the first has the event: 2 in 2 + 2 + 4 units of time, and influences of 3/4,
    -1/4 and -1/2 on the logarithm of the rate."""
    request = eq.survival.SummariseFollowUpRequest(
        cohort=eq.cohort(time=[1, 2, 4], event=[1, 0, 0], weight=[2, 1, 1]),
        endpoint=endpoint(),
        options=eq.survival.FollowUpOptions(rate_unit=100),
        case_weights=eq.common.CaseWeights(
            column="weight", kind=eq.common.WEIGHT_KIND_SAMPLING
        ),
    )
    total = client.survival.SummariseFollowUp(request, timeout=TIMEOUT).total
    equal((total.subject_count, total.event_count, total.person_time), (3, 1, 7))
    sums = total.weighted
    equal((sums.subjects, sums.events, sums.person_time), (4, 2, 8))
    close(eq.number(total.rate), 25)
    distance = NormalDist().inv_cdf(0.975) * math.sqrt(14) / 4
    close(total.rate_interval.upper, 25 * math.exp(distance), 1e-9)
    return "25 weighted events per 100 units of time"


def contrast_paired_curves(client):
    """The pairs move one mean by 1/2, the other by 1/4, both in one direction: they differ by 1/4."""
    request = eq.survival.ContrastCurvesRequest(
        cohort=eq.cohort(
            time=[1, 3, 2, 5], event=[1, 0, 1, 0], arm=["A", "A", "B", "B"], pair=[1, 2, 1, 2]
        ),
        endpoint=endpoint(),
        group_column="arm",
        cluster_column="pair",
    )
    answer = client.survival.ContrastCurves(request, timeout=TIMEOUT)
    (mean,) = answer.contrasts[0].restricted_means
    close(eq.number(mean.difference.estimate), 1 / 2)
    close(eq.number(mean.difference.standard_error), math.sqrt(2 / 16))
    return f"means up to {mean.tau:g} differ by 1/2 ± √(1/8)"


def estimate_bands(client):
    """One event among four: at a single time a band has the pointwise limits, 3/4 · (1 - z / √12)."""
    kinds = [eq.survival.BAND_KIND_HALL_WELLNER, eq.survival.BAND_KIND_EQUAL_PRECISION]
    request = eq.survival.EstimateCurvesRequest(
        cohort=eq.cohort(time=[1, 2, 3, 4], event=[1, 0, 0, 0]),
        endpoint=endpoint(),
        options=eq.survival.CurveOptions(
            interval_rule=eq.survival.INTERVAL_RULE_PLAIN,
            bands=[eq.survival.Band(kind=kind) for kind in kinds],
        ),
    )
    (group,) = client.survival.EstimateCurves(request, timeout=TIMEOUT).groups
    equal([band.band.kind for band in group.bands], kinds)
    z = NormalDist().inv_cdf(0.975)
    for band in group.bands:
        equal((band.limits.from_time, band.limits.to_time), (1, 1))
        close(band.limits.from_share, 1 / 4)
        close(band.limits.lower_limits[0], 3 / 4 * (1 - z / math.sqrt(12)), 1e-9)
    return "both bands have the pointwise limit"


def estimate_from_a_start(client):
    """Of four who die in turns three live to 2, where one of them dies."""
    request = eq.survival.EstimateCurvesRequest(
        cohort=eq.cohort(**TURNS),
        endpoint=endpoint(),
        options=eq.survival.CurveOptions(start_time=2, restricted_mean_times=[3]),
    )
    (group,) = client.survival.EstimateCurves(request, timeout=TIMEOUT).groups
    equal((group.subject_count, list(group.curve.times)), (3, [2, 3, 4]))
    close(group.curve.survival[0], 2 / 3)
    close(eq.number(group.restricted_means[0].mean), 2 + 2 / 3)
    return "S(2) = 2/3, mean 8/3"


def estimate_hazard(client):
    """One event among three at risk: a step of 1/3 under a kernel of 3/4 and a bandwidth of 2."""
    request = eq.survival.EstimateHazardRequest(
        cohort=eq.cohort(time=[1, 2, 3, 4], event=[0, 1, 0, 0]),
        endpoint=endpoint(),
        options=eq.survival.HazardOptions(bandwidth=2, times=[2], fewest_at_risk=1),
    )
    (group,) = client.survival.EstimateHazard(request, timeout=TIMEOUT).groups
    (at,) = group.at_times
    close(eq.number(at.hazard), 1 / 8)
    close(eq.number(at.standard_error), 1 / 8)
    equal(group.smoothing.bandwidth_source, eq.survival.BANDWIDTH_SOURCE_CHOSEN)
    return "hazard 1/8 at 2"


def compare_curves(client):
    """Of the events of arm new 1/2 + 1/3 + 1/2 are expected, with variance 1/4 + 2/9 + 1/4."""
    request = eq.survival.CompareCurvesRequest(
        cohort=eq.cohort(**TURNS), endpoint=endpoint(), group_column="arm"
    )
    answer = client.survival.CompareCurves(request, timeout=TIMEOUT)
    new = answer.groups[0]
    equal((new.group, new.observed), ("new", 2))
    close(new.expected, 4 / 3)
    close(eq.number(answer.test.chi_squared), 8 / 13)
    return "log-rank chi-squared 8/13"


def compare_trend_and_pairs(client):
    """Deaths at 1, 2 and 3, one in each arm: O - E is 2/3, 1/6 and -5/6, with the scores 1, 2, 3 it
    is -3/2 with variance 11/12. Each pair has z = -1, and Holm's p-values are three times the raw."""
    request = eq.survival.CompareCurvesRequest(
        cohort=eq.cohort(time=[1, 2, 3], event=[1, 1, 1], arm=["a", "b", "c"]),
        endpoint=endpoint(),
        group_column="arm",
        options=eq.survival.ComparisonOptions(
            trend=eq.survival.TrendOptions(),
            pairwise=eq.survival.PairwiseOptions(corrections=[eq.common.CORRECTION_HOLM]),
        ),
    )
    answer = client.survival.CompareCurves(request, timeout=TIMEOUT)
    close(eq.number(answer.trend.test.z) ** 2, 27 / 11)
    pairs = [(pair.first.group, pair.second.group) for pair in answer.pairwise]
    equal(pairs, [("a", "b"), ("a", "c"), ("b", "c")])
    for pair in answer.pairwise:
        close(eq.number(pair.test.z), -1)
        close(eq.number(pair.adjusted[0].p_value), 3 * math.erfc(math.sqrt(1 / 2)))
    return "trend chi-squared 27/11, pairs with z = -1"


def compare_by_the_largest_test(client):
    """In turns, old less new: the log-rank score is -2/3 with variance 13/18; of the late events,
    weighted by 0, 1/4, 1/2 and 3/4, -1/6 with variance 11/144 and covariance 13/72."""
    request = eq.survival.CompareCurvesRequest(
        cohort=eq.cohort(**TURNS),
        endpoint=endpoint(),
        group_column="arm",
        options=eq.survival.ComparisonOptions(
            max_combo=eq.survival.MaxComboOptions(
                weights=[
                    eq.survival.FlemingHarrington(),
                    eq.survival.FlemingHarrington(late_power=1),
                ],
            ),
        ),
    )
    tested = client.survival.CompareCurves(request, timeout=TIMEOUT).max_combo
    for found, expected in zip(
        tested.covariance.values, [13 / 18, 13 / 72, 13 / 72, 11 / 144], strict=True
    ):
        close(found, expected)
    close(eq.number(tested.statistic), 2 / 3 / math.sqrt(13 / 18))
    smallest = min(eq.number(one.test.p_value) for one in tested.components)
    p_value = eq.number(tested.p_value)
    if not smallest < p_value < 2 * smallest:
        raise AssertionError(f"{p_value} does not lie between {smallest} and twice that")
    return f"the largest of two tests has p = {p_value:.4f}"


def compare_with_weights(client):
    """The first death of arm old counts three times. Expected of it are 4/6, 3 · 4/5, 1/2 and 1."""
    request = eq.survival.CompareCurvesRequest(
        cohort=eq.cohort(weight=[1, 3, 1, 1], **TURNS),
        endpoint=endpoint(),
        group_column="arm",
        case_weights=eq.common.CaseWeights(column="weight", kind=eq.common.WEIGHT_KIND_SAMPLING),
    )
    old = client.survival.CompareCurves(request, timeout=TIMEOUT).groups[1]
    equal((old.group, old.event_count, old.observed), ("old", 2, 4))
    close(old.expected, 2 / 3 + 12 / 5 + 1 / 2 + 1)
    return "137/30 weighted events expected"


def estimate_incidence(client):
    """Relapse at 1 and death at 2 of four: 1/4 each; the last two are censored."""
    request = eq.survival.EstimateIncidenceRequest(
        cohort=eq.cohort(time=[1, 2, 3, 4], cause=[1, 2, 0, 0]),
        endpoint=causes(),
        options=eq.survival.IncidenceOptions(times=[3]),
    )
    answer = client.survival.EstimateIncidence(request, timeout=TIMEOUT)
    (at,) = answer.groups[0].at_times
    close(eq.number(at.event_free.probability), 1 / 2)
    for cause in at.causes:
        close(eq.number(cause.incidence.probability), 1 / 4)
        close(eq.number(cause.incidence.standard_error), math.sqrt(3) / 8)
    return "incidence 1/4 of relapse and of death"


def compare_incidence(client):
    """Whoever has died counts on: either arm expects half of the relapse of the first."""
    request = eq.survival.CompareIncidenceRequest(
        cohort=eq.cohort(
            time=[1, 2, 3, 4], cause=[2, 1, 0, 0], arm=["new", "new", "old", "old"]
        ),
        endpoint=causes(),
        group_column="arm",
    )
    relapse = client.survival.CompareIncidence(request, timeout=TIMEOUT).causes[0]
    equal([group.observed for group in relapse.groups], [1, 0])
    equal([group.expected for group in relapse.groups], [0.5, 0.5])
    return "half a relapse expected in each arm"


def fit_cox(client):
    """The score equation of TURNS is θ² - θ - 4 = 0 in the hazard ratio θ of arm new."""
    request = eq.regression.FitCoxRequest(
        cohort=eq.cohort(**TURNS),
        model=old_and_new(),
    )
    fit = client.regression.FitCox(request, timeout=TIMEOUT).fit
    close(eq.number(fit.coefficients[0].hazard_ratio), (1 + math.sqrt(17)) / 2, 1e-8)
    return f"{fit.coefficients[0].name}: hazard ratio (1 + √17) / 2"


def fit_cox_with_weights(client):
    """Turns taken by weights 1, 2, 1, 2: as many patients as the weights say, by Breslow's ties."""
    def fit(columns, **weights):
        request = eq.regression.FitCoxRequest(
            cohort=eq.cohort(**columns),
            model=eq.regression.CoxModel(
                endpoint=endpoint(),
                terms=eq.terms("arm"),
                options=eq.regression.CoxOptions(ties=eq.regression.TIES_BRESLOW),
                **weights,
            ),
        )
        return client.regression.FitCox(request, timeout=TIMEOUT).fit

    sampling = eq.common.CaseWeights(column="weight", kind=eq.common.WEIGHT_KIND_SAMPLING)
    weighted = fit({"weight": [1, 2, 1, 2], **TURNS}, case_weights=sampling)
    repeated = fit({name: values + values[1::2] for name, values in TURNS.items()})
    by_weights, by_rows = (
        eq.number(fit.coefficients[0].hazard_ratio) for fit in (weighted, repeated)
    )
    close(by_weights, by_rows, 1e-8)
    equal([fit.HasField("robust_covariance") for fit in (weighted, repeated)], [True, False])
    return f"hazard ratio {by_rows:.6f} by weights and by rows"


def fit_fine_gray(client):
    """Relapse, death, relapse, the first two exposed: the hazard ratio is the root of 1/2."""
    request = eq.regression.FitFineGrayRequest(
        cohort=eq.cohort(time=[1, 2, 3], cause=[1, 2, 1], rt=[1, 1, 0]),
        endpoint=causes(),
        cause="relapse",
        terms=eq.terms("rt"),
    )
    (rt,) = client.regression.FitFineGray(request, timeout=TIMEOUT).fit.coefficients
    close(eq.number(rt.hazard_ratio), math.sqrt(1 / 2), 1e-8)
    return "subdistribution hazard ratio √(1/2)"


def screen_cox(client):
    """Twice the covariate has half the coefficient; a constant has none, and harms nobody."""
    new = [1.0 if arm == "new" else 0.0 for arm in TURNS["arm"]]
    columns = {"time": TURNS["time"], "event": TURNS["event"], "new": new}
    doubled = [2 * value for value in new]
    request = eq.regression.ScreenCoxRequest(
        cohort=eq.cohort(**columns, doubled=doubled, constant=[7.0] * 4),
        model=eq.regression.CoxModel(endpoint=endpoint()),
        candidates=eq.terms("new", "doubled", "constant"),
    )
    lines = client.regression.ScreenCox(request, timeout=TIMEOUT).terms
    equal([line.term for line in lines], ["new", "doubled", "constant"])
    once, twice, constant = (line.fit.coefficients[0].estimate for line in lines)
    close(eq.number(once), 2 * eq.number(twice), 1e-8)
    equal(constant.HasField("value"), False)
    return f"constant: {eq.common.NotEstimable.Name(constant.reason)}"


def diagnose_cox(client):
    """By the hazard ratio θ of TURNS the hazard steps by 1/(2θ+2), 1/(θ+2), 1/(θ+1) and 1."""
    ratio = (1 + math.sqrt(17)) / 2
    steps = [1 / (2 * ratio + 2), 1 / (ratio + 2), 1 / (ratio + 1), 1]
    request = eq.regression.DiagnoseCoxRequest(
        cohort=eq.cohort(**TURNS),
        model=old_and_new(),
        diagnostics=eq.regression.CoxDiagnosticOptions(
            residuals=[
                eq.regression.COX_RESIDUAL_KIND_MARTINGALE,
                eq.regression.COX_RESIDUAL_KIND_SCHOENFELD,
            ],
            influence=eq.regression.CoxInfluenceOptions(row_limit=2),
        ),
    )
    answer = client.regression.DiagnoseCox(request, timeout=TIMEOUT)
    (martingale,), (schoenfeld,) = answer.residuals.by_subject, answer.residuals.by_event
    for row, risk in enumerate([ratio, 1, ratio, 1]):
        close(martingale.values[row], 1 - risk * sum(steps[: row + 1]), 1e-8)
    close(schoenfeld.values[0], 1 - 2 * ratio * steps[0], 1e-8)
    equal(list(answer.residuals.event_rows), [0, 1, 2, 3])
    equal((answer.influence.threshold, len(answer.influence.displacement_rows)), (1.0, 2))
    return "martingale residual of the first 1 - θ/(2θ + 2)"


def predict_cox(client):
    """The old arm has the hazard itself, the new one θ times as much; S is exp(-hazard)."""
    ratio = (1 + math.sqrt(17)) / 2
    hazard = 1 / (2 * ratio + 2) + 1 / (ratio + 2)
    request = eq.regression.PredictCoxRequest(
        cohort=eq.cohort(**TURNS),
        model=old_and_new(),
        profiles=eq.cohort(arm=["old", "new"]),
        prediction=eq.regression.CoxPredictionOptions(times=[2.5, 5], average_over="arm"),
    )
    answer = client.regression.PredictCox(request, timeout=TIMEOUT)
    close(answer.baseline[0].cumulative_hazards[1], hazard, 1e-8)
    for curve, risk in zip(answer.curves, [1, ratio], strict=True):
        at, beyond = curve.at_times
        close(eq.number(at.survival), math.exp(-risk * hazard), 1e-8)
        equal(beyond.survival.reason, eq.common.NOT_ESTIMABLE_BEYOND_FOLLOW_UP)
    # Everybody in one arm is everybody with the curve of the arm.
    new, old = answer.averages
    equal((new.level, old.level), ("new", "old"))
    close(eq.number(old.at_times[0].survival), math.exp(-hazard), 1e-8)
    request.profiles.columns[0].levels[0] = "newer"
    error = refused(lambda: client.regression.PredictCox(request, timeout=TIMEOUT))
    ((field, _),) = eq.field_violations(error)
    equal(field, "profiles.columns[0].codes[1]")
    return "S of both arms at 2.5"


def fit_piecewise_cox(client):
    """Until 2 the score 1 - θ/(θ+1) - θ/(θ+2) is 0 at θ = √2; after 2 the new arm dies first."""
    request = eq.regression.FitPiecewiseCoxRequest(
        cohort=eq.cohort(**TURNS),
        model=old_and_new(),
        cut_points=[2],
    )
    answer = client.regression.FitPiecewiseCox(request, timeout=TIMEOUT)
    early, late = answer.intervals
    close(eq.number(early.coefficients[0].hazard_ratio), math.sqrt(2), 1e-8)
    equal(late.coefficients[0].estimate.reason, eq.common.NOT_ESTIMABLE_MONOTONE)
    equal((early.event_count, late.event_count, list(answer.changing_terms)), (2, 2, ["arm"]))
    return f"{early.coefficients[0].name}: hazard ratio √2"


def fit_penalised_cox(client):
    """The likelihood θ/(θ+1) of two patients rises for ever. Firth's penalty, half the logarithm of
    θ/(θ+1)², makes 3 the best; there a ridge of 1/(4 ln 3) pulls with the force of the score, 1/4."""
    request = eq.regression.FitCoxRequest(
        cohort=eq.cohort(time=[1, 2], event=[1, 1], x=[1, 0]),
        model=eq.regression.CoxModel(endpoint=endpoint(), terms=eq.terms("x")),
    )
    plain = client.regression.FitCox(request, timeout=TIMEOUT).fit
    equal(plain.coefficients[0].estimate.reason, eq.common.NOT_ESTIMABLE_MONOTONE)
    close(eq.number(plain.firth.coefficients[0].hazard_ratio), 3, 1e-8)
    close(eq.number(plain.firth.coefficients[0].standard_error), 4 / math.sqrt(3), 1e-8)
    request.model.options.penalty = eq.regression.PENALTY_FIRTH
    firth = client.regression.FitCox(request, timeout=TIMEOUT).fit
    close(eq.number(firth.coefficients[0].hazard_ratio), 3, 1e-8)
    request.model.options.penalty = eq.regression.PENALTY_RIDGE
    request.model.options.ridge_lambda = 1 / (4 * math.log(3))
    ridge = client.regression.FitCox(request, timeout=TIMEOUT).fit
    close(eq.number(ridge.coefficients[0].hazard_ratio), 3, 1e-8)
    return "hazard ratio 3 by either penalty"


def fit_cox_with_profile_limits(client):
    """At either limit twice the log-likelihood of TURNS is lower by the square of 1.96."""
    request = eq.regression.FitCoxRequest(cohort=eq.cohort(**TURNS), model=old_and_new())
    request.model.options.profile_limits = True
    (arm,) = client.regression.FitCox(request, timeout=TIMEOUT).fit.coefficients
    z = NormalDist().inv_cdf(0.975)
    best = turns_log_likelihood((1 + math.sqrt(17)) / 2)
    for limit in (arm.profile.interval.lower, arm.profile.interval.upper):
        close(2 * (best - turns_log_likelihood(limit)), z**2, 1e-8)
    tested = arm.profile.test.chi_squared
    close(eq.number(tested), 2 * (best - turns_log_likelihood(1)), 1e-8)
    return f"{arm.profile.interval.lower:.3f} to {arm.profile.interval.upper:.3f}"


def select_cox(client):
    """The arm of TURNS has p = 0.43: it leaves at 0.4, stays at 0.5 and enters at 0.5."""
    statistic = 2 * (turns_log_likelihood((1 + math.sqrt(17)) / 2) - turns_log_likelihood(1))
    p_value = math.erfc(math.sqrt(statistic / 2))

    def select(method, **limits):
        request = eq.regression.SelectCoxRequest(
            cohort=eq.cohort(**TURNS),
            model=eq.regression.CoxModel(endpoint=endpoint()),
            candidates=eq.terms("arm"),
            rule=eq.regression.SelectionRule(method=method, **limits),
        )
        return client.regression.SelectCox(request, timeout=TIMEOUT)

    backward = eq.regression.SELECTION_METHOD_BACKWARD
    out = select(backward, remove_above=0.4)
    equal([list(step.terms) for step in out.steps], [["arm"], []])
    equal(out.steps[0].removed, "arm")
    close(eq.number(out.steps[0].removal_tests[0].test.p_value), p_value, 1e-8)
    equal(len(select(backward, remove_above=0.5).fit.coefficients), 1)
    for method in (
        eq.regression.SELECTION_METHOD_FORWARD,
        eq.regression.SELECTION_METHOD_P_THRESHOLD,
    ):
        entered = select(method, enter_below=0.5, remove_above=0.6)
        equal(list(entered.steps[0].entered), ["arm"])
        close(eq.number(entered.steps[0].entry_tests[0].test.chi_squared), statistic, 1e-8)
        codes = [caveat.code for caveat in entered.fit.caveats]
        equal(eq.common.CAVEAT_CODE_DATA_DRIVEN_SELECTION in codes, True)
    return f"p-value of the arm {p_value:.3f}"


def check_intervals(client):
    """Patient 1 is seen without a break, patient 2 twice at once, and patient 3 after a pause."""
    request = eq.regression.CheckIntervalsRequest(
        cohort=eq.cohort(
            patient=[1, 1, 2, 2, 3, 3],
            entry=[0, 2, 0, 2, 0, 3],
            time=[2, 5, 3, 4, 1, 4],
            event=[1, 1, 0, 1, 0, 1],
        ),
        endpoint=eq.common.Endpoint(
            entry_column="entry", time_column="time", event_column="event"
        ),
        id_column="patient",
    )
    found = client.regression.CheckIntervals(request, timeout=TIMEOUT)
    equal((found.row_count, found.id_count), (6, 3))
    equal((list(found.overlapping_rows), list(found.rows_after_gap)), ([3], [5]))
    equal((found.duplicate_count, found.id_with_several_events_count), (0, 1))
    return "row 3 overlaps, row 5 comes after a gap"


def two_by_two(terms=None, **rest):
    """The logistic model of the outcome of TWO_BY_TWO by these terms, the exposure if none."""
    terms = eq.terms("exposed") if terms is None else terms
    return eq.regression.LogisticModel(
        outcome_column="outcome", outcome_level="1", terms=terms, **rest
    )


def fit_logistic(client):
    """The log odds ratio of a table of two by two is ln(3 · 3 / (1 · 1)), with error √(8/3)."""
    request = eq.regression.FitLogisticRequest(
        cohort=eq.cohort(**TWO_BY_TWO), model=two_by_two()
    )
    fit = client.regression.FitLogistic(request, timeout=TIMEOUT).fit
    equal([item.name for item in fit.coefficients], ["intercept", "exposed"])
    close(eq.number(fit.coefficients[1].estimate), math.log(9), 1e-8)
    close(eq.number(fit.coefficients[1].standard_error), math.sqrt(8 / 3), 1e-8)
    return "log odds ratio ln 9"


def fit_logistic_with_a_penalty(client):
    """Firth's penalty adds half a count to every cell: ln(3.5² / 1.5²)."""
    options = eq.regression.LogisticOptions(penalty=eq.regression.PENALTY_FIRTH)
    request = eq.regression.FitLogisticRequest(
        cohort=eq.cohort(**TWO_BY_TWO), model=two_by_two(options=options)
    )
    fit = client.regression.FitLogistic(request, timeout=TIMEOUT).fit
    close(eq.number(fit.coefficients[1].estimate), 2 * math.log(3.5 / 1.5), 1e-8)
    # The weight 4 · 3.5 · 1.5 / 25 of each column, and 1 + 1/4 times that.
    close(eq.number(fit.coefficients[1].standard_error), math.sqrt(2 / 0.84), 1e-8)
    close(eq.number(fit.coefficients[1].augmented_standard_error), math.sqrt(2 / 1.05), 1e-8)
    request.model.options.link = eq.regression.LINK_PROBIT
    error = refused(lambda: client.regression.FitLogistic(request, timeout=TIMEOUT))
    ((field, _),) = eq.field_violations(error)
    equal(field, "model.options.penalty")
    return "log odds ratio 2 ln(3.5 / 1.5)"


def fit_probit(client):
    """Shares of 3/4 and 1/4 are 0.6745 above and below 0 in normal deviates, no ratio of odds."""
    options = eq.regression.LogisticOptions(link=eq.regression.LINK_PROBIT)
    request = eq.regression.FitLogisticRequest(
        cohort=eq.cohort(**TWO_BY_TWO), model=two_by_two(options=options)
    )
    fit = client.regression.FitLogistic(request, timeout=TIMEOUT).fit
    exposed = fit.coefficients[1]
    close(eq.number(exposed.estimate), 2 * 0.6744897501960817, 1e-8)
    limits = exposed.estimate_interval
    close((limits.lower + limits.upper) / 2, 2 * 0.6744897501960817, 1e-8)
    for nothing in (exposed.odds_ratio.reason, exposed.interval.lower_reason):
        equal(nothing, eq.common.NOT_ESTIMABLE_NOT_DEFINED)
    return "difference of normal deviates 1.349, no odds ratio"


def refuse_unknown_names(client):
    """Each name that leads nowhere is refused at the field that holds it, all of them at once."""
    model = two_by_two(
        offset_column="nowhere",
        cluster_column="nobody",
        terms=[eq.common.ModelTerm(column="exposed"), eq.common.ModelTerm(column="x")],
    )
    request = eq.regression.FitLogisticRequest(cohort=eq.cohort(**TWO_BY_TWO), model=model)
    error = refused(lambda: client.regression.FitLogistic(request, timeout=TIMEOUT))
    fields = [field for field, _ in eq.field_violations(error)]
    equal(fields, ["model.terms[1].column", "model.offset_column", "model.cluster_column"])
    model = two_by_two(options=eq.regression.LogisticOptions(profile_columns=["exposed", "x"]))
    request = eq.regression.FitLogisticRequest(cohort=eq.cohort(**TWO_BY_TWO), model=model)
    error = refused(lambda: client.regression.FitLogistic(request, timeout=TIMEOUT))
    ((field, _),) = eq.field_violations(error)
    equal(field, "model.options.profile_columns[1]")
    return "fields of a term, an offset, clusters and a coefficient"


def fit_logistic_in_full(client):
    """Of a table robust errors are those of the model, and every subject has the leverage 1/4."""
    options = eq.regression.LogisticOptions(
        profile_limits=True,
        term_likelihood_ratios=True,
        robust_variance=True,
        subjects=True,
        performance=True,
    )
    request = eq.regression.FitLogisticRequest(
        cohort=eq.cohort(**TWO_BY_TWO), model=two_by_two(options=options)
    )
    fit = client.regression.FitLogistic(request, timeout=TIMEOUT).fit
    exposed = fit.coefficients[1]
    close(eq.number(exposed.robust_standard_error), math.sqrt(8 / 3), 1e-8)
    statistic = 16 * math.log(2) + 4 * (3 * math.log(3 / 4) + math.log(1 / 4))
    for test in (exposed.profile.test, fit.term_likelihood_ratio_tests[0].test):
        close(eq.number(test.chi_squared), statistic, 1e-8)
    for leverage in fit.subjects.leverages:
        close(leverage, 1 / 4, 1e-8)
    close(eq.number(fit.performance.discrimination.c_statistic), 0.75, 1e-12)
    close(fit.performance.brier_score, 3 / 16, 1e-8)
    return "leverage 1/4, c-statistic 3/4"


def validate_predictions(client):
    """Predictions of 3/4 and 1/4 that come true in 3/4 and 1/4 have the slope 1 and intercept 0."""
    request = eq.regression.ValidatePredictionsRequest(
        cohort=eq.cohort(**TWO_BY_TWO, risk=[0.75] * 4 + [0.25] * 4),
        outcome_column="outcome",
        outcome_level="1",
        prediction_column="risk",
    )
    found = client.regression.ValidatePredictions(request, timeout=TIMEOUT).performance
    close(eq.number(found.calibration.slope.estimate), 1, 1e-8)
    close(eq.number(found.calibration.in_the_large.estimate), 0, 1e-8)
    equal([(group.subject_count, group.outcome_count) for group in found.groups], [(4, 1), (4, 3)])
    return "calibration slope 1"


def fit_logistic_with_a_spline(client):
    """Through two values any curve goes: deviance -4 (3 ln 3/4 + ln 1/4), whatever the basis."""
    term = eq.common.ModelTerm(
        column="exposed", kind=eq.common.TERM_KIND_SPLINE, degrees_of_freedom=1
    )
    request = eq.regression.FitLogisticRequest(
        cohort=eq.cohort(**TWO_BY_TWO), model=two_by_two(terms=[term])
    )
    fit = client.regression.FitLogistic(request, timeout=TIMEOUT).fit
    equal([item.name for item in fit.coefficients], ["intercept", "ns(exposed)1"])
    close(fit.deviance, -4 * (3 * math.log(3 / 4) + math.log(1 / 4)), 1e-8)
    request.model.terms[0].degrees_of_freedom = 3
    error = refused(lambda: client.regression.FitLogistic(request, timeout=TIMEOUT))
    ((field, _),) = eq.field_violations(error)
    equal(field, "model.terms[0].degrees_of_freedom")
    return "one curve through two values, none of three columns"


def estimate_propensity(client):
    """With one binary covariate the score is the share of the exposed at each of its values."""
    request = eq.matching.EstimatePropensityRequest(
        cohort=eq.cohort(rt=TWO_BY_TWO["outcome"], bone=TWO_BY_TWO["exposed"]),
        model=eq.regression.LogisticModel(
            outcome_column="rt", outcome_level="1", terms=eq.terms("bone")
        ),
    )
    answer = client.matching.EstimatePropensity(request, timeout=TIMEOUT)
    equal(list(answer.rows), list(range(8)))
    for probability, bone in zip(answer.probabilities, TWO_BY_TWO["exposed"], strict=True):
        close(probability, 3 / 4 if bone else 1 / 4, 1e-8)
    close(eq.number(answer.c_statistic), 12 / 16)
    equal(answer.overlap.exposed.patient_count, 4)
    equal(eq.number(answer.overlap.share_in_equipoise), 0)
    # The two comparators at 0 lie below all exposed; without them the scores are shares again.
    request = eq.matching.EstimatePropensityRequest(
        cohort=eq.cohort(rt=[0, 0, 1, 0, 0, 1, 1, 0], x=[0, 0, 1, 1, 1, 2, 2, 2]),
        model=eq.regression.LogisticModel(
            outcome_column="rt", outcome_level="1", terms=eq.terms("x")
        ),
        discard=eq.matching.DISCARD_RULE_COMPARATORS,
    )
    answer = client.matching.EstimatePropensity(request, timeout=TIMEOUT)
    equal((list(answer.discarded_rows), list(answer.rows)), ([0, 1], [2, 3, 4, 5, 6, 7]))
    for probability, wanted in zip(answer.probabilities, [1 / 3] * 3 + [2 / 3] * 3, strict=True):
        close(probability, wanted, 1e-8)
    return "scores 3/4 and 1/4, c 12/16, nobody in equipoise"


def estimate_weights(client):
    """By scores 3/4 and 1/4 the arms of four become 8 each; balance has one solution, 3 and 1/3."""
    table = eq.cohort(
        rt=TWO_BY_TWO["outcome"],
        bone=TWO_BY_TWO["exposed"],
        score=[3 / 4 if bone else 1 / 4 for bone in TWO_BY_TWO["exposed"]],
    )
    arms = {"cohort": table, "exposure_column": "rt", "exposed_level": "1"}
    request = eq.matching.EstimateWeightsRequest(score_column="score", **arms)
    answer = client.matching.EstimateWeights(request, timeout=TIMEOUT)
    expected = [4 / 3, 4 / 3, 4 / 3, 4, 4, 4 / 3, 4 / 3, 4 / 3]
    for weight, wanted in zip(answer.weights, expected, strict=True):
        close(weight, wanted)
    close(answer.exposed.sum, 8)
    close(answer.exposed.effective_sample_size, 64 / (3 * 16 / 9 + 16))

    request = eq.matching.EstimateWeightsRequest(
        terms=eq.terms("bone"),
        options=eq.matching.WeightOptions(
            method=eq.matching.WEIGHT_METHOD_ENTROPY_BALANCING,
            estimand=eq.matching.WEIGHT_ESTIMAND_EXPOSED,
        ),
        **arms,
    )
    answer = client.matching.EstimateWeights(request, timeout=TIMEOUT)
    for weight, wanted in zip(answer.weights, [1, 1, 1, 3, 1, 1 / 3, 1 / 3, 1 / 3], strict=True):
        close(weight, wanted)
    (mean,) = answer.means
    close(mean.target, 3 / 4)
    close(mean.comparator_mean, 3 / 4)
    return "arms of 8 from scores, comparators 3 and 1/3 by balance"


def match_pairs(client):
    """Two exposed patients have a neighbour within 0.5, the third has none."""
    request = eq.matching.MatchPairsRequest(
        cohort=eq.cohort(rt=[1, 1, 1, 0, 0, 0], score=[1.0, 5.0, 20.0, 5.25, 9.0, 1.125]),
        exposure_column="rt",
        exposed_level="1",
        distance_column="score",
        options=eq.matching.MatchOptions(caliper=0.5, caliper_scale=eq.matching.CALIPER_SCALE_RAW),
    )
    answer = client.matching.MatchPairs(request, timeout=TIMEOUT)
    equal(list(zip(answer.exposed_rows, answer.comparator_rows)), [(0, 5), (1, 3)])
    equal(list(answer.distances), [0.125, 0.25])
    equal(list(answer.unmatched_exposed_rows), [2])
    equal(list(answer.weights), [1, 1, 0, 1, 0, 1])
    equal(list(answer.subclasses), [1, 2, 0, 2, 0, 1])
    # Of ids that are not given the row counts, from 1.
    lines = "".join(f"{exposed + 1},{comparator + 1}\n" for exposed, comparator in [(0, 5), (1, 3)])
    equal(answer.certificate.digest, hashlib.sha256(lines.encode()).hexdigest())
    close(eq.number(answer.certificate.largest_over_caliper), 0.25 / 0.5)
    return "pairs (0, 5) and (1, 3), row 2 alone"


def match_optimally(client):
    """Scores 2 and 3 against 2.5 and 9: greedy pairs lie 0.5 and 7 apart, the best 0.5 and 6."""

    def total(method, **options):
        request = eq.matching.MatchPairsRequest(
            cohort=eq.cohort(rt=[1, 1, 0, 0], score=[2.0, 3.0, 2.5, 9.0]),
            exposure_column="rt",
            exposed_level="1",
            distance_column="score",
            options=eq.matching.MatchOptions(method=method, **options),
        )
        answer = client.matching.MatchPairs(request, timeout=TIMEOUT)
        return answer.certificate.total_distance, list(answer.subclasses)

    equal(total(eq.matching.MATCH_METHOD_NEAREST), (7.5, [1, 2, 2, 1]))
    equal(total(eq.matching.MATCH_METHOD_OPTIMAL), (6.5, [1, 2, 1, 2]))
    equal(total(eq.matching.MATCH_METHOD_FULL), (6.5, [1, 2, 1, 2]))
    # When one of two comparators may be left out, both exposed share 2.5, at 0.5 each, unless pairs are wanted.
    share = {"method": eq.matching.MATCH_METHOD_FULL, "omitted_share": 0.5}
    equal(total(**share), (1.0, [1, 1, 1, 0]))
    equal(total(**share, minimum_set_ratio=1), (6.5, [1, 2, 1, 2]))
    equal(total(eq.matching.MATCH_METHOD_SUBCLASS, subclass_count=1), (0.0, [1, 1, 1, 1]))
    return "totals 7.5 (greedy) and 6.5 (optimal)"


def assess_balance(client):
    """Ages 50 and 60 against 40 and 50: means 10 apart, both variances 50."""
    request = eq.matching.AssessBalanceRequest(
        cohort=eq.cohort(rt=[1, 1, 0, 0], age=[50, 60, 40, 50], sex=["f", "m", "f", "f"]),
        exposure_column="rt",
        exposed_level="1",
        variables=[eq.matching.BalanceVariable(column=name) for name in ("age", "sex")],
    )
    age, sex = client.matching.AssessBalance(request, timeout=TIMEOUT).rows
    close(eq.number(age.exposed_summary.mean), 55)
    close(eq.number(age.exposed_summary.first_quartile), 52.5)
    close(eq.number(age.exposed_summary.first_quartile_type_2), 50)
    close(eq.number(age.smd), 10 / math.sqrt(50))
    equal((list(sex.exposed_counts), list(sex.comparator_counts)), ([1, 1], [2, 0]))
    # One of four is m: half a count expected in each arm.
    equal(list(sex.tests[0].cells.expected), [1.5, 0.5, 1.5, 0.5])
    return "difference of age √2 standard deviations"


def assess_weighted_balance(client):
    """Weights 3 and 1 bring the comparators' 40 and 80 to the mean 50 of the exposed; of the pairs
    50-40 and 50-80 the distances are 10 and 30. Site B has nobody exposed."""
    request = eq.matching.AssessBalanceRequest(
        cohort=eq.cohort(
            rt=[1, 1, 0, 0], age=[50, 50, 40, 80], w=[1, 1, 3, 1], pair=[1, 2, 1, 2], site=["A", "A", "A", "B"]
        ),
        exposure_column="rt",
        exposed_level="1",
        variables=[eq.matching.BalanceVariable(column="age")],
        weights_column="w",
        pair_column="pair",
        within_columns=["site"],
    )
    answer = client.matching.AssessBalance(request, timeout=TIMEOUT)
    age = answer.rows[0]
    close(eq.number(age.comparator_summary.mean), 50)
    close(eq.number(age.smd), 0)
    close(answer.effective_comparator_count, 16 / 10)
    # F of the comparators is 3/4 at 40, 3/4 at 50, 1 at 80; that of the exposed 0, 1, 1.
    close(eq.number(age.ecdf_max), 0.75)
    close(eq.number(age.ecdf_mean), (0.75 + 0.25) / 3)
    equal([within.level for within in answer.within], ["A", "B"])
    equal(answer.within[1].outcome.reason, eq.common.NOT_ESTIMABLE_TOO_FEW_GROUPS)
    return "weights balance the means, site B has one arm"


def compare_groups(client):
    """Three means 2, 3 and 7 with variances 1: F = 21 on 2 and 6, whose tail is (1 + 7)^-3."""
    request = eq.matching.CompareGroupsRequest(
        cohort=eq.cohort(stage=["I"] * 3 + ["II"] * 3 + ["III"] * 3, ki67=[1, 2, 3, 2, 3, 4, 6, 7, 8]),
        group_column="stage",
        variables=[eq.matching.BalanceVariable(column="ki67")],
        options=eq.matching.BalanceOptions(tests=[eq.matching.BALANCE_TEST_ANOVA]),
    )
    answer = client.matching.CompareGroups(request, timeout=TIMEOUT)
    equal((list(answer.groups), list(answer.counts)), (["I", "II", "III"], [3, 3, 3]))
    test = answer.rows[0].tests[0]
    close(eq.number(test.statistic), 21)
    equal((test.degrees_of_freedom, test.denominator_degrees_of_freedom), (2, 6))
    close(eq.number(test.p_value), 8**-3)
    return "F = 21"


def fisher_with_odds_ratio(client):
    """The lady tasting tea, by rule: all expected counts are 2, so Fisher's test is chosen, p = 34/70."""
    cups = dict(poured=["milk"] * 4 + ["tea"] * 4, said=["milk"] * 3 + ["tea"] + ["milk"] + ["tea"] * 3)
    request = eq.matching.AssessBalanceRequest(
        cohort=eq.cohort(**cups),
        exposure_column="poured",
        exposed_level="milk",
        variables=[eq.matching.BalanceVariable(column="said")],
        options=eq.matching.BalanceOptions(choice=eq.matching.TEST_CHOICE_AUTO),
    )
    (test,) = client.matching.AssessBalance(request, timeout=TIMEOUT).rows[0].tests
    equal(test.test, eq.matching.BALANCE_TEST_FISHER)
    close(eq.number(test.p_value), 34 / 70)
    details = {detail.measure: detail for detail in test.details}
    psi = eq.number(details[eq.matching.TEST_MEASURE_CONDITIONAL_ODDS_RATIO].value)
    # The odds ratio under which three cups of four are expected.
    expected = 16 * psi + 72 * psi**2 + 48 * psi**3 + 4 * psi**4
    close(expected / (1 + 16 * psi + 36 * psi**2 + 16 * psi**3 + psi**4), 3)
    return "P = 34/70"


def bound_hidden_bias(client):
    """Nine of eleven pairs: 67/2048, and with a bias of 2 (55·2⁹ + 11·2¹⁰ + 2¹¹)/3¹¹."""
    wins = [1] * 9 + [0] * 2
    request = eq.matching.BoundHiddenBiasRequest(
        cohort=eq.cohort(
            rt=[1, 0] * 11,
            pair=[k for k in range(11) for _ in range(2)],
            time=[t for win in wins for t in ((1, 2) if win else (2, 1))],
            event=[1] * 22,
        ),
        exposure_column="rt",
        exposed_level="1",
        pair_column="pair",
        endpoint=endpoint(),
        gammas=[1, 2],
    )
    answer = client.matching.BoundHiddenBias(request, timeout=TIMEOUT)
    equal((answer.pair_count, answer.positive_count, answer.negative_count), (11, 9, 2))
    close(eq.number(answer.bounds[0].p_upper), 67 / 2048)
    close(eq.number(answer.bounds[1].p_upper), (55 * 2**9 + 11 * 2**10 + 2**11) / 3**11)
    return "bounds of 9 of 11 pairs"


def bootstrap_a_median(client):
    """Ranges of replicates are the whole, and its quantiles are the limits."""
    table = eq.cohort(
        time=[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
        event=[1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0],
        arm=["new", "old"] * 5 + ["new"],
    )
    quantity = eq.bootstrap.SurvivalQuantity
    asked = eq.bootstrap.BootstrapQuantities(
        survival=eq.bootstrap.SurvivalQuantities(
            endpoint=endpoint(),
            quantities=[
                quantity(measure=eq.bootstrap.SURVIVAL_MEASURE_QUANTILE, at=0.5),
                quantity(measure=eq.bootstrap.SURVIVAL_MEASURE_SURVIVAL_AT, at=2.5),
            ],
        ),
        cox=[old_and_new()],
    )
    plan = eq.bootstrap.BootstrapPlan(seed=7, replicate_count=399)

    def replicates(first, count):
        request = eq.bootstrap.RunReplicatesRequest(
            cohort=table, plan=plan, quantities=asked, first_replicate=first, replicate_count=count
        )
        pieces = list(client.bootstrap.RunReplicates(request, timeout=TIMEOUT))
        equal(pieces[-1].finished_count, count)
        equal(len(pieces[0].quantity_names), 3)
        return [value for piece in pieces for value in piece.values]

    values = replicates(0, 399)
    equal(replicates(0, 150) + replicates(150, 249), values)
    request = eq.bootstrap.EstimateIntervalsRequest(cohort=table, plan=plan, quantities=asked)
    median, survival, ratio = client.bootstrap.EstimateIntervals(request, timeout=TIMEOUT).quantities
    close(eq.number(median.estimate), 6, 1e-12)
    close(eq.number(survival.estimate), 9 / 11, 1e-12)
    equal((survival.is_logarithm, ratio.is_logarithm), (False, True))
    # Ranks 400 times 0.025 and 0.975 are whole: the 10th and the 390th of the sorted replicates.
    for at, found in enumerate([median, survival]):
        ranked = sorted(values[at::3])
        interval = found.intervals[0].interval
        close(interval.lower, ranked[9], 1e-12)
        if math.isinf(ranked[389]):
            equal(interval.upper_reason, eq.common.NOT_ESTIMABLE_NOT_REACHED)
        else:
            close(interval.upper, ranked[389], 1e-12)
    equal(median.infinite_count, sum(map(math.isinf, values[::3])))
    # A class holds what lies from its lower limit to below its upper one, the last one its upper limit too.
    edges, finite = list(survival.histogram.edges), sorted(values[1::3])
    equal((edges[0], edges[-1]), (finite[0], finite[-1]))
    classes = [
        sum(low <= value < high for value in finite) for low, high in zip(edges, edges[1:])
    ]
    classes[-1] += finite.count(edges[-1])
    equal(list(survival.histogram.counts), classes)
    equal(sum(median.histogram.counts), 399 - median.infinite_count)
    return f"median 6, not reached in {median.infinite_count} of 399 replicates"


def designed_again(**design):
    """199 replicates of twelve patients: of those without the trait two of six are new, of those with it four
    of six, a difference of (1/3) / sqrt(2/9) before the design and none after."""
    table = eq.cohort(
        time=[month * 5 % 13 for month in range(1, 13)],
        event=[1] * 12,
        arm=["new"] * 2 + ["old"] * 4 + ["new"] * 4 + ["old"] * 2,
        trait=[0] * 6 + [1] * 6,
    )
    asked = eq.bootstrap.BootstrapQuantities(
        smd=eq.bootstrap.SmdQuantities(
            exposure_column="arm",
            exposed_level="new",
            variables=[
                eq.matching.BalanceVariable(
                    column="trait", kind=eq.matching.VARIABLE_KIND_CATEGORICAL
                )
            ],
        ),
        pipeline=eq.bootstrap.Pipeline(
            propensity=eq.matching.EstimatePropensityRequest(
                model=eq.regression.LogisticModel(
                    outcome_column="arm",
                    outcome_level="new",
                    terms=[eq.common.ModelTerm(column="trait")],
                )
            ),
            **design,
        ),
    )
    plan = eq.bootstrap.BootstrapPlan(seed=7, replicate_count=199, strata_columns=["arm"])
    return eq.bootstrap.EstimateIntervalsRequest(cohort=table, plan=plan, quantities=asked)


def bootstrap_the_matching(client):
    """Two pairs of each trait."""
    request = designed_again(
        matching=eq.matching.MatchPairsRequest(
            exposure_column="arm",
            exposed_level="new",
            options=eq.matching.MatchOptions(caliper=0.1),
        )
    )
    before, after, pairs = client.bootstrap.EstimateIntervals(request, timeout=TIMEOUT).quantities
    close(eq.number(before.estimate), 0.5**0.5, 1e-12)
    equal((eq.number(after.estimate), eq.number(pairs.estimate)), (0, 4))
    equal(pairs.five_numbers[-1] <= 6, True)
    equal(len(pairs.failures), 0)
    return "4 pairs, and matched in all of 199 replicates, separated ones too"


def bootstrap_the_weights(client):
    """Two new patients weigh 3 and four 3/2, and so do the old: 12² / 27 of equal weight are left of each."""
    request = designed_again(
        weighting=eq.matching.EstimateWeightsRequest(exposure_column="arm", exposed_level="new")
    )
    before, after, *left = client.bootstrap.EstimateIntervals(request, timeout=TIMEOUT).quantities
    close(eq.number(before.estimate), 0.5**0.5, 1e-12)
    close(1 + eq.number(after.estimate), 1, 1e-7)
    for arm in left:
        close(eq.number(arm.estimate), 16 / 3, 1e-7)
        equal((len(arm.failures), arm.five_numbers[-1] <= 6 + 1e-12), (0, True))
    request.quantities.pipeline.weighting.options.stabilised = True
    request.quantities.pipeline.weighting.options.score_scale = eq.matching.SCORE_SCALE_LOGIT
    error = refused(lambda: client.bootstrap.EstimateIntervals(request, timeout=TIMEOUT))
    ((field, _),) = eq.field_violations(error)
    equal(field, "quantities.pipeline.weighting.options.score_scale")
    return "effective sample sizes 16/3, in no replicate above 6"


def name_a_cohort_by_digest(client):
    """The digest is computed here, by hashlib alone; the server holds the cohort under the same."""
    pinned = eq.common.Cohort(
        columns=[
            eq.common.Column(name="time", values=[1.5, -0.0, 7.25], missing_rows=[2]),
            eq.common.Column(
                name="arm", levels=["control", "behandelt ü"], codes=[0, 1, 1], missing_rows=[0]
            ),
        ]
    )
    equal(
        eq.digest(pinned), "v1:6db5d62f1d84652af99e1bc0d145f59d6bb7ddd27a89185372a81fbf29660bf2"
    )
    pinned.ids.extend(["b", "a", "10"])
    equal(
        eq.digest(pinned), "v1:b7522d29306d9cbcb1bc34bae247573f12afdcb949078a8d641a654016e9d8b9"
    )
    table = eq.cohort(ids=["4", "3", "2", "1"], note=[None, 1.5, -0.0, 2], **TURNS)
    named = eq.common.Cohort(digest=eq.digest(table))

    def fit(cohort):
        request = eq.regression.FitCoxRequest(cohort=cohort, model=old_and_new())
        return client.regression.FitCox(request, timeout=TIMEOUT)

    error = refused(lambda: fit(named))
    equal((error.code(), eq.reason(error)), (grpc.StatusCode.NOT_FOUND, "COHORT_NOT_FOUND"))
    held = client.cohorts.UploadCohort(eq.upload(table, size=3), timeout=TIMEOUT)
    equal((held.digest, held.row_count, held.column_count), (named.digest, 4, 4))
    equal(fit(named), fit(table))
    wrong = list(eq.upload(eq.cohort(**TURNS)))
    wrong[1].column.values[0] = 7
    error = refused(lambda: client.cohorts.UploadCohort(iter(wrong), timeout=TIMEOUT))
    equal((error.code(), eq.reason(error)), (grpc.StatusCode.INVALID_ARGUMENT, "DIGEST_MISMATCH"))
    return f"{held.byte_count} bytes held as {held.digest[:11]}..."


def refuse_a_field(client):
    """What a service refuses, it names by the path of the field."""
    request = eq.survival.EstimateCurvesRequest(
        cohort=eq.cohort(time=[1, 2], event=[1, 0]),
        endpoint=endpoint(),
        options=eq.survival.CurveOptions(confidence=1.5),
    )
    error = refused(lambda: client.survival.EstimateCurves(request, timeout=TIMEOUT))
    equal(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
    ((field, description),) = eq.field_violations(error)
    equal(field, "options.confidence")
    return f"{field} {description}"


def refuse_nobody(client):
    """A cohort without rows is a mistake; a selection that leaves nobody cannot be answered."""
    request = eq.survival.EstimateCurvesRequest(
        cohort=eq.cohort(time=[], event=[]), endpoint=endpoint()
    )
    error = refused(lambda: client.survival.EstimateCurves(request, timeout=TIMEOUT))
    equal(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
    ((field, _),) = eq.field_violations(error)
    equal(field, "cohort.columns[0].values")
    request.cohort.CopyFrom(eq.cohort(time=[1, 2], event=[1, 0]))
    request.selection.SetInParent()
    error = refused(lambda: client.survival.EstimateCurves(request, timeout=TIMEOUT))
    equal(error.code(), grpc.StatusCode.FAILED_PRECONDITION)
    return f"no rows at {field}, nobody selected is {error.code().name}"


def check_study(client):
    stream = eq.pieces(eq.study.CheckStudyRequest, *her2())
    answer = client.study.CheckStudy(stream, timeout=TIMEOUT)
    equal((answer.row_count, answer.exposed_count, answer.comparator_count), (488, 207, 281))
    return "488 patients, 207 exposed, 281 comparators"


def refuse_a_study(client):
    study_file, table = her2()
    wrong = study_file.replace(b"[matching]", b"[matchin]")
    stream = eq.pieces(eq.study.CheckStudyRequest, wrong, table)
    error = refused(lambda: client.study.CheckStudy(stream, timeout=TIMEOUT))
    equal(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
    violations = eq.field_violations(error)
    equal(any(field.startswith("matchin") for field, _ in violations), True)
    return "; ".join(f"{field}: {description}" for field, description in violations)


def render_pictures(client, report_json):
    """A Word document is a zip with its text in word/document.xml. A picture of 180 mm has 510 columns of
    72 to the inch; its width is the first number of its header."""
    formats = [eq.study.REPORT_FORMAT_DOCX, eq.study.REPORT_FORMAT_FIGURES_PNG]
    pieces = [eq.study.RenderReportRequest(formats=formats, report_json=report_json, figure_dpi=72)]
    printed = {}
    for answer in client.study.RenderReport(iter(pieces), timeout=TIMEOUT):
        printed[answer.file.path] = printed.get(answer.file.path, b"") + answer.file.data
    document = zipfile.ZipFile(io.BytesIO(printed.pop("report.docx"))).read("word/document.xml")
    words = b"".join(re.findall(rb"<w:t(?: [^>]*)?>([^<]*)</w:t>", document))
    equal(b"Table 2. " in words, True)
    equal({path.rsplit(".")[-1] for path in printed}, {"png"})
    equal(struct.unpack(">I", printed["figures/flow.png"][16:20]), (510,))


def render_report(client, files):
    """From report.json the same files as from the run, byte for byte."""
    formats = [eq.study.REPORT_FORMAT_HTML, eq.study.REPORT_FORMAT_JSON, eq.study.REPORT_FORMAT_CSV]
    half = len(files["report.json"]) // 2
    pieces = [files["report.json"][:half], files["report.json"][half:]]
    requests = [eq.study.RenderReportRequest(formats=formats)]
    requests += [eq.study.RenderReportRequest(report_json=piece) for piece in pieces]
    again = {}
    for answer in client.study.RenderReport(iter(requests), timeout=TIMEOUT):
        again[answer.file.path] = again.get(answer.file.path, b"") + answer.file.data
    for path, content in again.items():
        equal(content == files[path], True)
    tables = [path for path in files if path.startswith("tables/")]
    equal(sorted(again), sorted(["report.html", "report.json", *tables]))
    render_pictures(client, files["report.json"])
    broken = iter([eq.study.RenderReportRequest(report_json=b"{}")])
    error = refused(lambda: list(client.study.RenderReport(broken, timeout=TIMEOUT)))
    equal([field for field, _ in eq.field_violations(error)], ["report_json"])


def run_study(client):
    """Progress comes first, then files, then the summary, whose digest the files bear out."""
    steps, files, summary = 0, {}, None
    stream = eq.pieces(eq.study.RunStudyRequest, *her2())
    for answer in client.study.RunStudy(stream, timeout=TIMEOUT):
        piece = answer.WhichOneof("piece")
        equal(summary, None)
        if piece == "progress":
            steps += 1
        elif piece == "file":
            files[answer.file.path] = files.get(answer.file.path, b"") + answer.file.data
        elif piece == "summary":
            summary = answer.summary
    equal(summary.report_sha256, hashlib.sha256(files["report.json"]).hexdigest())
    json.loads(files["report.json"])
    equal(b"<html" in files["report.html"].lower(), True)
    render_report(client, files)
    equal(steps > 0 and len(summary.quantities) > 0, True)
    return f"{steps} steps, {len(files)} files, {len(summary.quantities)} numbers"


CHECKS = [
    health,
    reflection,
    estimate_curves,
    estimate_weighted_curves,
    summarise_weighted_follow_up,
    contrast_paired_curves,
    estimate_bands,
    estimate_from_a_start,
    estimate_hazard,
    compare_curves,
    compare_trend_and_pairs,
    compare_by_the_largest_test,
    compare_with_weights,
    estimate_incidence,
    compare_incidence,
    fit_cox,
    fit_cox_with_weights,
    fit_fine_gray,
    screen_cox,
    diagnose_cox,
    predict_cox,
    fit_piecewise_cox,
    fit_penalised_cox,
    fit_cox_with_profile_limits,
    select_cox,
    check_intervals,
    fit_logistic,
    fit_logistic_with_a_penalty,
    fit_probit,
    refuse_unknown_names,
    fit_logistic_in_full,
    validate_predictions,
    fit_logistic_with_a_spline,
    estimate_propensity,
    estimate_weights,
    match_pairs,
    match_optimally,
    assess_balance,
    assess_weighted_balance,
    compare_groups,
    fisher_with_odds_ratio,
    bound_hidden_bias,
    bootstrap_a_median,
    bootstrap_the_matching,
    bootstrap_the_weights,
    name_a_cohort_by_digest,
    refuse_a_field,
    refuse_nobody,
    check_study,
    refuse_a_study,
    run_study,
]


def endpoint():
    return eq.common.Endpoint(time_column="time", event_column="event")


def old_and_new():
    """The hazard ratio of arm new over arm old."""
    return eq.regression.CoxModel(
        endpoint=endpoint(), terms=[eq.common.ModelTerm(column="arm", reference="old")]
    )


def turns_log_likelihood(ratio):
    """Of TURNS by the hazard ratio of arm new."""
    risks = [2 * ratio + 2, ratio + 2, ratio + 1]
    return 2 * math.log(ratio) - sum(math.log(risk) for risk in risks)


def causes():
    return eq.common.CauseEndpoint(
        time_column="time",
        cause_column="cause",
        causes=[
            eq.common.Cause(label="relapse", codes=["1"]),
            eq.common.Cause(label="death", codes=["2"]),
        ],
    )


def her2():
    """Study file and table of the example; its patients are synthetic."""
    return (HER2 / "study.toml").read_bytes(), (HER2 / "cohort.csv").read_bytes()


def refused(call):
    """The error with which a call fails."""
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call was answered")


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"found {found}, expected {expected}")


def close(found, expected, tolerance=1e-12):
    if not math.isclose(found, expected, rel_tol=tolerance, abs_tol=tolerance):
        raise AssertionError(f"found {found!r}, expected {expected!r}")


if __name__ == "__main__":
    sys.exit(main())
