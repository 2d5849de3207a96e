"""Structured page features: features.json, schema version 1.

`extract` looks at a live page once; everything after that look is pure.
"""

from webaudit_capture.features.extraction import extract, features_of
from webaudit_capture.features.model import SCHEMA_VERSION, Features

__all__ = ["SCHEMA_VERSION", "Features", "extract", "features_of"]
