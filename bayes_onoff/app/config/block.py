"""What every block of a configuration has in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from bayes_onoff.app.config.values import nearest, refused

__all__ = ["Block"]


class Block(BaseModel):
    """Base of all blocks: exact types, no unknown keys, immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, data: Any) -> Any:
        fields = cls.model_fields
        if not isinstance(data, dict):
            raise refused("not a block of keys and values", found=data, allowed=", ".join(fields))
        for key in data:
            if key not in fields:
                raise refused("unknown key", found=str(key), allowed=nearest(str(key), list(fields)), key=str(key))
        for key, field in fields.items():
            if field.is_required() and key not in data:
                raise refused("missing", key=key, allowed=field.description)
        return data
