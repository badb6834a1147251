"""Compares deploy/kubernetes with the operators' own definitions of their kinds.

`python -m tests.deploy.crds FILE…`: the files with the CustomResourceDefinitions, from the operators'
repositories (`config/crd/bases/`). They are not part of this repository, so `make test` does not run it. Run
it for a new version of an operator, and after a change of `operators/`. It ends with 1 if there is a problem.
"""

import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from tests.deploy.manifests import Manifest, manifests, name_of
from tests.deploy.schemas import OPERATORS


def main(paths: list[Path]) -> int:
    """Validate each object of a defined kind. Return 1 if one is invalid or has no definition."""
    definitions = {
        (each["spec"]["group"], version["name"], each["spec"]["names"]["kind"]): version["schema"]
        for path in paths
        for each in yaml.safe_load_all(path.read_text())
        for version in each["spec"]["versions"]
    }
    problems = []
    for manifest in manifests():
        if _kind(manifest)[0] not in OPERATORS:
            continue
        definition = definitions.get(_kind(manifest))
        if definition is None:
            problems.append(f"{name_of(manifest)}: no file defines this kind")
            continue
        validator = jsonschema_rs.validator_for(strict(definition["openAPIV3Schema"]))
        errors = list(validator.iter_errors(manifest))
        problems += [f"{name_of(manifest)}: {error.instance_path}: {error.message}" for error in errors]
        print(f"{name_of(manifest)}: {len(errors)} errors")
    print(*problems, sep="\n")
    return 1 if problems else 0


def _kind(manifest: Manifest) -> tuple[str, str, str]:
    group, _, version = manifest["apiVersion"].rpartition("/")
    return group, version, manifest["kind"]


def strict(schema: Any) -> Any:
    """Return a structural schema as JSON Schema, in which an unknown field is an error."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: strict(value) for key, value in schema.items()}
    if schema.get("x-kubernetes-int-or-string"):
        result |= {"type": ["integer", "string"]}
    if isinstance(schema.get("properties"), dict) and isinstance(schema.get("type"), str):
        properties = result["properties"]
        # The API server knows them in each object.
        if {"kind", "metadata"} <= properties.keys():
            properties["metadata"] = {"type": "object"}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            result.setdefault("additionalProperties", False)
    return result


if __name__ == "__main__":
    sys.exit(main([Path(each) for each in sys.argv[1:]]))
