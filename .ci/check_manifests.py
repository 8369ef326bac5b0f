"""Checks rendered manifests for what a schema cannot see: that the parts fit each other.

Reads one or more files of rendered Kubernetes objects; prints what does not fit and ends with 1.
"""

import sys

import yaml


def main(paths):
    faults = [f"{path}: {fault}" for path in paths for fault in check(read(path))]
    print("\n".join(faults) or f"{len(paths)} renderings: the parts fit each other")
    return 1 if faults else 0


def read(path):
    with open(path, encoding="utf-8") as file:
        return [item for item in yaml.safe_load_all(file) if item]


def check(objects):
    deployments = of_kind(objects, "Deployment")
    settings = {item["metadata"]["name"]: item["data"] for item in of_kind(objects, "ConfigMap")}
    accounts = {item["metadata"]["name"] for item in of_kind(objects, "ServiceAccount")}
    for deployment in deployments:
        for fault in check_deployment(deployment, settings, accounts):
            yield f"{deployment['metadata']['name']}: {fault}"
    names = {item["metadata"]["name"] for item in deployments}
    for item in of_kind(objects, "HorizontalPodAutoscaler"):
        if item["spec"]["scaleTargetRef"]["name"] not in names:
            yield f"{item['metadata']['name']}: scales what is no Deployment"
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        for item in of_kind(objects, kind):
            for fault in check_selectors(item, deployments):
                yield f"{kind} {item['metadata']['name']}: {fault}"
    services = {item["metadata"]["name"] for item in of_kind(objects, "Service")}
    for deployment in deployments:
        for host in peers(deployment):
            if host not in services:
                yield f"{deployment['metadata']['name']}: calls {host}, which is no Service"


def check_deployment(deployment, settings, accounts):
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]
    environment = {}
    for source in container.get("envFrom", []):
        name = source["configMapRef"]["name"]
        if name not in settings:
            yield f"reads settings {name}, which do not exist"
        environment.update(settings.get(name, {}))
    environment.update({item["name"]: item["value"] for item in container.get("env", [])})

    leave = sum(float(environment[f"EQUIPOISE_{name}_SECONDS"]) for name in ("PAUSE", "DRAIN"))
    if pod["terminationGracePeriodSeconds"] <= leave:
        yield f"is killed before its {leave:.0f} seconds of pause and drain are over"

    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for name, variable in (("grpc", "EQUIPOISE_LISTEN"), ("admin", "EQUIPOISE_ADMIN_LISTEN")):
        if not environment[variable].endswith(f":{ports[name]}"):
            yield f"port {name} is not the one of {variable}"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if container[probe]["grpc"]["port"] != ports["admin"]:
            yield f"{probe} does not ask the admin port"

    resources = container["resources"]
    if resources["limits"] != {"memory": resources["requests"]["memory"]}:
        yield "needs a memory limit equal to its request, and no limit on CPU"
    if pod["serviceAccountName"] not in accounts:
        yield "has a service account that does not exist"
    if pod.get("automountServiceAccountToken") is not False:
        yield "gets a token of the cluster"


def check_selectors(item, deployments):
    """Whatever selects pods of ours selects at least one."""
    spec = item["spec"]
    if item["kind"] == "Service":
        if not any(matches({"matchLabels": spec["selector"]}, pod) for pod in deployments):
            yield "selects no pod"
        return
    selectors = [spec.get("selector") or spec.get("podSelector")]
    for rule in spec.get("egress", []):
        selectors += [peer["podSelector"] for peer in rule["to"] if "namespaceSelector" not in peer]
    for selector in selectors:
        if not any(matches(selector, deployment) for deployment in deployments):
            yield f"selects no pod with {selector}"


def matches(selector, deployment):
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    exact = selector.get("matchLabels", {}).items()
    among = selector.get("matchExpressions", [])
    return all(labels.get(key) == value for key, value in exact) and all(
        labels.get(term["key"]) in term["values"] for term in among
    )


def peers(deployment):
    for variable in deployment["spec"]["template"]["spec"]["containers"][0].get("env", []):
        for scheme in ("http://", "dns:///"):
            if variable["value"].startswith(scheme):
                yield variable["value"].removeprefix(scheme).split(":")[0]


def of_kind(objects, kind):
    return [item for item in objects if item["kind"] == kind]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
