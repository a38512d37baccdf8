"""Validates custom resources against the schemas in custom_resources/."""

import json
import sys
from pathlib import Path

import jsonschema
import yaml

FOLDER = Path(__file__).with_name("custom_resources")


def validate(manifest):
    """Raises jsonschema.ValidationError if the manifest is invalid, LookupError if it has no schema."""
    path = FOLDER / file_name(manifest["apiVersion"], manifest["kind"])
    if not path.exists():
        raise LookupError(f"no schema of {manifest['kind']} {manifest['apiVersion']}: {FOLDER}/README.md")
    schema = forbid_unknown_fields(json.loads(path.read_text()))
    jsonschema.Draft202012Validator(schema).validate(manifest)


def file_name(api_version, kind):
    return f"{api_version.replace('/', '_')}_{kind}.json"


def forbid_unknown_fields(schema):
    """Returns the schema with unknown fields forbidden, as in strict validation by an API server."""
    if isinstance(schema, list):
        return [forbid_unknown_fields(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    fields = schema.get("properties")
    result = {key: forbid_unknown_fields(value) for key, value in schema.items() if key != "properties"}
    if isinstance(fields, dict):
        result["properties"] = {field: forbid_unknown_fields(value) for field, value in fields.items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            result.setdefault("additionalProperties", False)
    return result


def without_descriptions(schema):
    """Returns the schema without its descriptions, which are most of its size."""
    if isinstance(schema, list):
        return [without_descriptions(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {field: without_descriptions(one) for field, one in value.items()}
        if key == "properties"
        else without_descriptions(value)
        for key, value in schema.items()
        if key != "description"
    }


def extract(definition):
    """Writes the schema of the stored version of a CustomResourceDefinition."""
    spec = definition["spec"]
    stored = next(version for version in spec["versions"] if version["storage"])
    path = FOLDER / file_name(f"{spec['group']}/{stored['name']}", spec["names"]["kind"])
    schema = without_descriptions(stored["schema"]["openAPIV3Schema"])
    path.write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n")
    print(path)


if __name__ == "__main__":
    for file in sys.argv[1:]:
        extract(yaml.safe_load(Path(file).read_text()))
