"""The files of `configs/ray`, and the commands of docs/scale.md: fields, options, versions."""

from __future__ import annotations

import importlib.util
import itertools
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import click
import pytest

from lofi_batch.main import batch
from lofi_batch.status_command import status

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs/ray"
SCALE = ROOT / "docs/scale.md"
CLUSTER = CONFIGS / "cluster.yaml"
KUBERAY = CONFIGS / "kuberay.yaml"

yaml = pytest.importorskip("yaml")
scripts = pytest.importorskip("ray.scripts.scripts")

# Of ray.io/v1, as KubeRay 1.5.1 and newer have it.
RAY_JOB = {
    "activeDeadlineSeconds",
    "backoffLimit",
    "clusterSelector",
    "entrypoint",
    "entrypointNumCpus",
    "entrypointNumGpus",
    "entrypointResources",
    "jobId",
    "metadata",
    "rayClusterSpec",
    "runtimeEnvYAML",
    "shutdownAfterJobFinishes",
    "submissionMode",
    "submitterConfig",
    "submitterPodTemplate",
    "suspend",
    "ttlSecondsAfterFinished",
}
RAY_CLUSTER = {
    "authOptions",
    "autoscalerOptions",
    "enableInTreeAutoscaling",
    "headGroupSpec",
    "headServiceAnnotations",
    "rayVersion",
    "suspend",
    "workerGroupSpecs",
}
GROUP = {"rayStartParams", "template"}
HEAD_GROUP = GROUP | {"serviceType", "headService", "enableIngress"}
WORKER_GROUP = GROUP | {"groupName", "replicas", "minReplicas", "maxReplicas", "numOfHosts", "scaleStrategy"}


def documents() -> dict[str, dict[str, Any]]:
    """Those of the manifest for Kubernetes, by their kinds."""
    return {each["kind"]: each for each in yaml.safe_load_all(KUBERAY.read_text())}


def cluster_spec() -> dict[str, Any]:
    spec: dict[str, Any] = documents()["RayJob"]["spec"]["rayClusterSpec"]
    return spec


def groups() -> list[dict[str, Any]]:
    return [cluster_spec()["headGroupSpec"], *cluster_spec()["workerGroupSpecs"]]


def words_of(command: str) -> list[str]:
    """What follows the program: settings of the environment before it are left out."""
    words = shlex.split(command)
    while re.match(r"[A-Z_]+=", words[0]):
        del words[0]
    return words[1:]


def environment_of(command: str) -> dict[str, str]:
    return dict(re.findall(r"\b([A-Z_]+)=(\S+)", command))


def parse(command: click.Command, words: list[str]) -> None:
    """Raises click.UsageError for an option or a command that there is not."""
    context = command.make_context(command.name, words)
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, sub, rest = command.resolve_command(context, rest)
        assert name is not None and sub is not None
        sub.make_context(name, rest, parent=context)


# machines by SSH


def test_ray_takes_the_cluster_file() -> None:
    util = pytest.importorskip("ray.autoscaler._private.util")
    config = util.prepare_config(yaml.safe_load(CLUSTER.read_text()))
    util.validate_config(config)
    (machines,) = config["available_node_types"].values()
    assert machines["min_workers"] == machines["max_workers"] == len(config["provider"]["worker_ips"])
    home = f"/home/{config['auth']['ssh_user']}/"
    assert all(place.startswith(home) for place in config["file_mounts"])


def starts() -> list[str]:
    config = yaml.safe_load(CLUSTER.read_text())
    (head,) = (line for line in config["head_start_ray_commands"] if " start " in line)
    (worker,) = (line for line in config["worker_start_ray_commands"] if " start " in line)
    return [head, worker]


def test_ray_starts_without_telemetry_with_a_token_and_with_the_dashboard_inside() -> None:
    for command in starts():
        environ = environment_of(command)
        assert environ["RAY_USAGE_STATS_ENABLED"] == "0"
        assert environ["RAY_AUTH_MODE"] == "token"
        _, *options = words_of(command)
        scripts.start.make_context("start", [option for option in options if "$" not in option])
    head, worker = starts()
    assert "--dashboard-host=127.0.0.1" in head and "--head" in head
    assert "--address=$RAY_HEAD_IP:6379" in worker


# Kubernetes


def test_the_fields_of_the_manifest_are_those_of_kuberay() -> None:
    job = documents()["RayJob"]
    assert job["apiVersion"] == "ray.io/v1"
    assert set(job["spec"]) <= RAY_JOB
    assert set(cluster_spec()) <= RAY_CLUSTER
    head, *workers = groups()
    assert GROUP <= set(head) <= HEAD_GROUP
    for worker in workers:
        assert GROUP <= set(worker) <= WORKER_GROUP
        assert worker["minReplicas"] <= worker["replicas"] <= worker["maxReplicas"]


def test_what_the_pods_give_to_ray_start_are_its_options() -> None:
    options = {name: each for each in scripts.start.params for name in each.opts}
    for group in groups():
        for name, value in group["rayStartParams"].items():
            assert not options[f"--{name}"].is_flag and isinstance(value, str), name


def test_pods_are_bounded_have_their_volumes_and_tell_nobody() -> None:
    claims = {documents()["PersistentVolumeClaim"]["metadata"]["name"]}
    for group in groups():
        pod = group["template"]["spec"]
        volumes = {each["name"]: each for each in pod["volumes"]}
        claimed = {
            each["persistentVolumeClaim"]["claimName"] for each in volumes.values() if "configMap" not in each
        }
        assert claimed == claims
        (container,) = pod["containers"]
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert {"cpu", "memory"} == set(container["resources"]["limits"])
        assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
        assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in container["env"]


def test_the_dashboard_stays_inside() -> None:
    found = documents()
    assert set(found) == {"PersistentVolumeClaim", "NetworkPolicy", "RayJob"}  # no Service, no Ingress
    assert cluster_spec()["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert cluster_spec()["authOptions"] == {"mode": "token"}
    policy = found["NetworkPolicy"]["spec"]
    assert policy["podSelector"] == {"matchLabels": {"ray.io/is-ray-node": "yes"}}
    assert policy["policyTypes"] == ["Ingress"]
    assert {each["metadata"]["namespace"] for each in found.values()} == {"lofi"}


def test_the_driver_s_command_is_one_that_lofi_batch_takes() -> None:
    entrypoint = documents()["RayJob"]["spec"]["entrypoint"]
    words = shlex.split(entrypoint)
    assert words[0] == "lofi-batch"
    parse(batch, words[1:])
    mounts = {
        mount["mountPath"] for mount in groups()[0]["template"]["spec"]["containers"][0]["volumeMounts"]
    }
    assert {f"/{word.split('/')[1]}" for word in words if word.startswith("/")} == mounts


def test_all_name_one_version_of_ray_and_the_project_s_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    container = (CONFIGS / "Containerfile").read_text()
    texts = CLUSTER.read_text() + KUBERAY.read_text() + container + SCALE.read_text()
    rays = re.findall(r"rayproject/ray:([\d.]+)|ray\[default\]==([\d.]+)|rayVersion: \"([\d.]+)\"", texts)
    assert len(rays) >= 3 and len({version for found in rays for version in found if version}) == 1
    images = {group["template"]["spec"]["containers"][0]["image"] for group in groups()}
    assert images == {f"registry.example.com/lofi-ray:{project}"}
    assert set(re.findall(r"lofi_daemon-([\d.]+)-", container)) == {project}


# docs/scale.md


def commands(program: str) -> Iterator[list[str]]:
    """The words behind the program in the examples of the page, also where other programs run it."""
    for block in re.findall(r"^```\n(.*?)^```", SCALE.read_text(), re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            yield from _calls(program, shlex.split(line, comments=True))


def _calls(program: str, words: list[str]) -> Iterator[list[str]]:
    called = list(itertools.dropwhile(lambda word: re.match(r"[A-Z_]+=", word), words))
    if called and PurePosixPath(called[0]).name == program:
        yield called[1:]
    for word in words:
        if " " in word:
            yield from _calls(program, shlex.split(word))
    if "--" in words:
        yield from _calls(program, words[words.index("--") + 1 :])


def test_the_examples_of_lofi_batch_are_commands_that_it_takes() -> None:
    found = list(commands("lofi-batch"))
    assert len(found) >= 5
    for words in found:
        if words[0] == "status":
            parse(status, words[1:])
        else:
            parse(batch, words)


def test_the_examples_of_ray_are_commands_that_it_has() -> None:
    found = list(commands("ray"))
    assert {"up", "down", "dashboard"} <= {words[0] for words in found}
    for words in found:
        parse(scripts.cli, words)


def test_the_measurements_are_commands_that_there_are() -> None:
    named = set(re.findall(r"python -m (benchmarks\.\w+)", SCALE.read_text()))
    assert "benchmarks.cost" in named
    assert [name for name in named if importlib.util.find_spec(name) is None] == []
