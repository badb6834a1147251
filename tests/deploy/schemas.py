"""Strict schemas of Kubernetes' objects: an unknown field is an error.

Those of Kubernetes' own kinds come from the package kubernetes-validate, which extracts them from the OpenAPI
description of each version. Those of the operators' kinds are in `operators/`: our own description of the
fields that deploy/kubernetes uses, which refers to Kubernetes' definitions for the parts that the operators
pass on.
`python -m tests.deploy.crds` compares them with the operators' own definitions.
"""

import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

from tests.deploy.manifests import Manifest

#: The oldest and the newest version of Kubernetes to validate for.
VERSIONS: Final = ("1.33.0", "1.37.0")

#: The kinds of the operators, by the group of their versions.
OPERATORS: Final = ("rabbitmq.com", "redis.redis.opstreelabs.in")
_OURS: Final = Path(__file__).parent / "operators"

_DEFINITIONS: Final = "https://kubernetes.io/api/_definitions.json"


def errors(manifest: Manifest, version: str) -> list[str]:
    """Return what is wrong with the fields of an object in a version of Kubernetes."""
    try:
        validator = _validator(manifest["apiVersion"], manifest["kind"], version)
    except FileNotFoundError:
        return [f"Kubernetes {version} has no {manifest['kind']} of {manifest['apiVersion']}"]
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message}"
        for error in validator.iter_errors(manifest)
    ]


@cache
def _validator(api_version: str, kind: str, version: str) -> Any:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}-local-strict"
    if api_version.partition("/")[0] in OPERATORS:
        schema = json.loads((_OURS / f"{kind}.json").read_text())
    else:
        # As apps/v1 and networking.k8s.io/v1: the file has the first part of the group.
        suffix = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
        schema = json.loads((folder / f"{kind.lower()}-{suffix}.json").read_text())
    definitions = json.loads((folder / "_definitions.json").read_text())
    return jsonschema_rs.validator_for(
        {**schema, "$id": f"https://kubernetes.io/api/{kind}"},
        registry=jsonschema_rs.Registry([(_DEFINITIONS, definitions)]),
        base_uri=f"https://kubernetes.io/api/{kind}",
    )
