"""As much of JSON Schema as docs/report.schema.json uses.

A keyword that is not known here is an error of its own: a schema that is not
checked would only look like one.
"""

import re

TYPES = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "number": lambda value: isinstance(value, (int, float))
    and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int)
    and not isinstance(value, bool),
}
KNOWN = {"$schema", "$defs", "$ref", "title", "description", "oneOf", "type",
         "const", "enum", "minimum", "pattern", "items", "properties",
         "required", "additionalProperties"}


def problems(value, schema, root, path="line"):
    """What is wrong with `value`, a sentence each."""
    unknown = set(schema) - KNOWN
    assert not unknown, f"the checker does not know {unknown}"
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return problems(value, root["$defs"][name], root, path)
    found = []
    if "oneOf" in schema:
        tried = [problems(value, one, root, path) for one in schema["oneOf"]]
        if sum(not one for one in tried) != 1:
            found.append(f"{path}: none, or more than one, of: {tried}")
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    if types and not any(TYPES[one](value) for one in types):
        return [f"{path}: {value!r} is no {types}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{path}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{path}: {value!r} is none of {schema['enum']}")
    if "minimum" in schema and value is not None \
            and value < schema["minimum"]:
        found.append(f"{path}: {value!r} is less than {schema['minimum']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{path}: {value!r} does not match {schema['pattern']}")
    if isinstance(value, list) and "items" in schema:
        for at, one in enumerate(value):
            found += problems(one, schema["items"], root, f"{path}[{at}]")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                found.append(f"{path}: there is no {name!r}")
        for name, one in value.items():
            if name in known:
                found += problems(one, known[name], root, f"{path}.{name}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{path}: {name!r} is not known")
    return found
