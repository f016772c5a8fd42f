"""JSON as our views write it: UTF-8, compact; by orjson where it is installed (``django-shopcore[fast]``)."""

from __future__ import annotations

import math
from typing import Any

from rest_framework.utils.encoders import JSONEncoder

try:
    import orjson as orjson
except ImportError:  # the extra is not installed
    orjson = None  # type: ignore[assignment]


def _python(sort_keys: bool) -> JSONEncoder:
    return JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort_keys)


_encoders = (_python(False), _python(True))
if orjson is not None:
    _options = (orjson.OPT_PASSTHROUGH_DATETIME, orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_SORT_KEYS)


def dumps(data: Any, sort_keys: bool = False) -> bytes:
    """``data`` as JSON. What JSON has no number for (NaN, infinities) is ``null``."""
    encoder = _encoders[sort_keys]
    if orjson is not None:
        try:
            return orjson.dumps(data, encoder.default, _options[sort_keys])
        except TypeError:
            pass  # such as a number of more than 64 bits: Python's own can
    try:
        return encoder.encode(data).encode()
    except ValueError:
        return encoder.encode(_finite(data)).encode()


def _finite(data: Any) -> Any:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {name: _finite(value) for name, value in data.items()}
    return [_finite(value) for value in data] if isinstance(data, (list, tuple)) else data
