"""What is in `deploy/`: sound by the schemas of those who read it, and one with the command that it runs."""

import copy
import json
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer.main
import yaml
from jsonschema import Draft7Validator, ValidationError

from aisle.cli.app import app

pytestmark = pytest.mark.ray  # which brings what is compared with

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = "1.33"


@pytest.fixture(scope="module")
def launcher():
    return yaml.safe_load((DEPLOY / "ray-cluster.yaml").read_text())


@pytest.fixture(scope="module")
def manifest():
    return {part["kind"]: part for part in yaml.safe_load_all((DEPLOY / "kuberay.yaml").read_text())}


@pytest.fixture(scope="module")
def launcher_schema():
    """Ray's own; what imports Ray to find it takes a second."""
    place = Path(find_spec("ray").origin).parent / "autoscaler" / "ray-schema.json"
    return Draft7Validator(json.loads(place.read_text()))


@pytest.fixture(scope="module")
def rayjob_schema():
    schema = json.loads((Path(__file__).parent / "rayjob_schema.json").read_text())
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def check_kubernetes(resource):
    """Compare with the schema of Kubernetes itself, which knows no other fields either."""
    from kubernetes_validate import validate

    validate(resource, KUBERNETES, strict=True)


def templates(rayjob):
    cluster = rayjob["spec"]["rayClusterSpec"]
    return [cluster["headGroupSpec"]["template"], *(group["template"] for group in cluster["workerGroupSpecs"])]


def pod(template):
    return {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}, "template": template}


def check_words(text):
    """Parse a command of ours as a shell and then the command line do; return what it says."""
    program, command, *words = shlex.split(text, comments=True)
    assert (Path(program).name, command) == ("aisle", "batch")
    return typer.main.get_command(app).commands["batch"].make_context("batch", words).params


def test_the_cluster_launcher_reads_its_file(launcher, launcher_schema):
    launcher_schema.validate(launcher)
    with pytest.raises(ValidationError, match="head_start_ray_command"):
        launcher_schema.validate(launcher | {"head_start_ray_command": []})
    with pytest.raises(ValidationError, match="cluster_name"):
        launcher_schema.validate({"provider": {"type": "local"}})
    assert len(launcher["provider"]["worker_ips"]) == launcher["max_workers"]


def test_the_cluster_launcher_takes_it_as_it_prepares_it(launcher):
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared = prepare_config(copy.deepcopy(launcher))
    validate_config(prepared)
    assert prepared["available_node_types"]["local.cluster.node"]["min_workers"] == 4


def test_the_manifest_is_sound(manifest, rayjob_schema):
    assert manifest.keys() == {"PersistentVolumeClaim", "ConfigMap", "RayJob"}
    check_kubernetes(manifest["PersistentVolumeClaim"])
    check_kubernetes(manifest["ConfigMap"])
    rayjob_schema.validate(manifest["RayJob"])
    for template in templates(manifest["RayJob"]):
        check_kubernetes(pod(template))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["spec", "entryPoint"], "x"),
        (["spec", "backoffLimit"], "2"),
        (["spec", "submissionMode"], "K8SJobMode"),
        (["spec", "rayClusterSpec", "authOptions", "mode"], "on"),
        (["spec", "rayClusterSpec", "workerGroupSpecs"], []),
        (["spec", "rayClusterSpec", "workerGroupSpecs", 0, "replica"], 4),
        (["spec", "rayClusterSpec", "headGroupSpec", "rayStartParams", "num-cpus"], 0),
    ],
)
def test_a_slip_in_the_manifest_is_noticed(manifest, rayjob_schema, path, value):
    spoilt = copy.deepcopy(manifest["RayJob"])
    place = spoilt
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert not rayjob_schema.is_valid(spoilt)


def test_a_slip_in_a_pod_is_noticed(manifest):
    from kubernetes_validate import ValidationError

    for template in templates(manifest["RayJob"]):
        spoilt = copy.deepcopy(template)
        spoilt["spec"]["containers"][0]["volumeMount"] = []
        with pytest.raises(ValidationError, match="volumeMount"):
            check_kubernetes(pod(spoilt))


def test_what_pods_mount_is_there(manifest):
    claim, script = manifest["PersistentVolumeClaim"]["metadata"]["name"], manifest["ConfigMap"]["metadata"]["name"]
    known = {"persistentVolumeClaim": {"claimName": claim}, "configMap": {"name": script}}
    mounted = set()
    for template in templates(manifest["RayJob"]):
        volumes = {volume.pop("name"): volume for volume in copy.deepcopy(template["spec"]["volumes"])}
        [container] = template["spec"]["containers"]
        for mount in container["volumeMounts"]:
            [(kind, what)] = volumes[mount["name"]].items()
            assert kind == "emptyDir" or known[kind] == what
            mounted.add(mount["mountPath"])
    shell, place = manifest["RayJob"]["spec"]["entrypoint"].split()
    assert shell == "sh"
    assert str(Path(place).parent) in mounted
    assert Path(place).name in manifest["ConfigMap"]["data"]


def test_commands_and_cores_are_right(launcher, manifest):
    [line] = [line for line in manifest["ConfigMap"]["data"]["run.sh"].splitlines() if line.startswith("aisle")]
    asked = check_words(line.partition("||")[0])
    [group] = manifest["RayJob"]["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    cores = group["replicas"] * int(group["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"])
    assert (asked["ray"], asked["workers"]) == ("auto", cores)
    comment = re.sub(r"\\?\n# *", " ", (DEPLOY / "ray-cluster.yaml").read_text())
    asked = check_words(re.search(r'ray exec \S+ "(.+?)"', comment)[1])
    assert (asked["ray"], asked["workers"]) == ("auto", 64)


def test_versions_are_those_that_are_tested(launcher, manifest):
    import aisle

    ray = re.search(r"^ray==(.+)$", (DEPLOY.parent / "constraints.txt").read_text(), re.MULTILINE)[1]
    assert manifest["RayJob"]["spec"]["rayClusterSpec"]["rayVersion"] == ray
    texts = "\n".join(path.read_text() for path in [*DEPLOY.glob("*.yaml"), DEPLOY.parent / "docs" / "scaling.md"])
    assert set(re.findall(r"\bray(?:\[\w+\])?==([0-9.]+)", texts)) == {ray}
    assert set(re.findall(r"rayproject/ray:([0-9.]+)-", texts)) == {ray}
    named = re.findall(r"aisle(?:-ray:|-)([0-9]+\.[0-9]+\.[0-9]+)", texts)
    assert set(named) == {aisle.__version__}
