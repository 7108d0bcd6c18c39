"""Reading a YAML file strictly: one value per key, and words stay words.

PyYAML follows YAML 1.1, in which ``on``, ``off``, ``yes`` and ``no`` are booleans, ``1e-3`` is a text, ``010`` is
eight, ``2024-01-01`` is a date and the second of two equal keys wins silently. This loader follows the core schema
of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema) and refuses equal keys.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from bayes_onoff.errors import ConfigError, FileError

__all__ = ["read_yaml"]


class _CoreSchemaLoader(yaml.SafeLoader):
    """Safe loader with the scalar rules of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own attribute


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    (
        "float",
        r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$",
        list("-+.0123456789"),
    ),
):
    _CoreSchemaLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def _construct_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)))


def _construct_mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = set()
    for key_node, _ in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key is not a word", key_node.start_mark)
        if key_node.value in keys:
            raise ConfigError(
                "the key occurs twice",
                place=key_node.value,
                found=f"again in line {key_node.start_mark.line + 1}",
                allowed="each key once",
            )
        keys.add(key_node.value)
    return {loader.construct_object(key): loader.construct_object(value, deep=True) for key, value in node.value}


_CoreSchemaLoader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_CoreSchemaLoader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


def read_yaml(path: Path) -> dict[Any, Any]:
    """Read a YAML file that holds one mapping.

    Raises
    ------
    FileError
        If the file is missing, is not text or not YAML, or holds something else than keys with values.
    ConfigError
        If a key occurs twice in one block.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FileError(path, "cannot be read as a text file", found=reason) from error
    try:
        content = yaml.load(text, Loader=_CoreSchemaLoader)
    except yaml.YAMLError as error:
        raise FileError(path, "not valid YAML", found=" ".join(str(error).split())) from error
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        raise FileError(path, "not a block of keys and values", found=found, allowed="`key: value` lines")
    return content
