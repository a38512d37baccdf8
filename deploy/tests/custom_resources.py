"""The schemas of what is no part of Kubernetes itself, and how manifests are held against them."""

import json
import sys
from pathlib import Path

import jsonschema
import yaml

FOLDER = Path(__file__).with_name("custom_resources")


def validate(manifest):
    """Raises jsonschema.ValidationError unless it fits, and LookupError where there is no schema."""
    path = FOLDER / name(manifest["apiVersion"], manifest["kind"])
    if not path.exists():
        raise LookupError(f"no schema of {manifest['kind']} {manifest['apiVersion']}: {FOLDER}/README.md")
    schema = closed(json.loads(path.read_text()))
    jsonschema.Draft202012Validator(schema).validate(manifest)


def name(api_version, kind):
    return f"{api_version.replace('/', '_')}_{kind}.json"


def closed(schema):
    """The schema with unknown fields refused, as by an API server that validates strictly."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    fields = schema.get("properties")
    done = {key: closed(value) for key, value in schema.items() if key != "properties"}
    if isinstance(fields, dict):
        done["properties"] = {field: closed(value) for field, value in fields.items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            done.setdefault("additionalProperties", False)
    return done


def told_briefly(schema):
    """The schema without its descriptions, which are most of it."""
    if isinstance(schema, list):
        return [told_briefly(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {field: told_briefly(one) for field, one in value.items()}
        if key == "properties"
        else told_briefly(value)
        for key, value in schema.items()
        if key != "description"
    }


def take(definition):
    """Writes the schema of the version that a CustomResourceDefinition stores."""
    spec = definition["spec"]
    stored = next(version for version in spec["versions"] if version["storage"])
    path = FOLDER / name(f"{spec['group']}/{stored['name']}", spec["names"]["kind"])
    schema = told_briefly(stored["schema"]["openAPIV3Schema"])
    path.write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n")
    print(path)


if __name__ == "__main__":
    for file in sys.argv[1:]:
        take(yaml.safe_load(Path(file).read_text()))
