"""JSON as our views write it: UTF-8, compact; by orjson where it is installed (``django-shopcore[fast]``)."""

from __future__ import annotations

import math
from typing import Any

from rest_framework.utils.encoders import JSONEncoder

try:
    import orjson as orjson
except ImportError:  # the extra is not installed
    orjson = None  # type: ignore[assignment]

_encoder = JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dumps(data: Any) -> bytes:
    """``data`` as JSON. What JSON has no number for (NaN, infinities) is ``null``."""
    if orjson is not None:
        try:
            return orjson.dumps(data, _encoder.default, orjson.OPT_PASSTHROUGH_DATETIME)
        except TypeError:
            pass  # such as a number of more than 64 bits: Python's own can
    try:
        return _encoder.encode(data).encode()
    except ValueError:
        return _encoder.encode(_finite(data)).encode()


def _finite(data: Any) -> Any:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {name: _finite(value) for name, value in data.items()}
    return [_finite(value) for value in data] if isinstance(data, (list, tuple)) else data
