"""The JSON schema of the configuration, for editors."""

import json
from pathlib import Path

from bayes_onoff.app.config import Configuration
from bayes_onoff.files import replaced_when_whole

__all__ = ["configuration_schema", "write_schema"]


def configuration_schema() -> str:
    """Give the schema as JSON; quantities are texts with a unit in it, as in the file."""
    schema = Configuration.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Configuration of bayes-onoff"
    schema["required"] = [key for key in schema["required"] if key != "name"]  # by default the file's name
    return json.dumps(schema, indent=2, ensure_ascii=False)


def write_schema(path: str | Path) -> Path:
    """Write the schema to a file.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    with replaced_when_whole(path) as unfinished:
        unfinished.write_text(configuration_schema() + "\n", encoding="utf-8")
    return Path(path)
