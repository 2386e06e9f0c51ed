"""Where bytes live: one interface, a folder or S3 behind the same `s3://` URIs.

To add a store: one file with a class that has `ObjectStore`'s methods and a static proof at its end;
`tests/contract/test_stores.py` runs the same cases on it.
"""

from __future__ import annotations

from components.storage.store import ObjectInfo, ObjectStore, parse_uri

__all__ = ["ObjectInfo", "ObjectStore", "parse_uri"]
