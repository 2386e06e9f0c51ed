"""For a fork server only: xgboost imported without the optional libraries its training does not use.

xgboost imports scikit-learn for its estimator classes, that imports pandas, that pyarrow, and that starts a jemalloc
thread: 4 s of CPU instead of 1, and a second thread in a process that must have one when it forks (measured, xgboost
3.2). So scikit-learn looks absent for the length of the import. In this process `xgboost.XGBClassifier` and its like
then do not work; nothing but the fork server imports this module.
"""

from __future__ import annotations

import sys

_LIBRARY = "sklearn"

if _LIBRARY not in sys.modules and "xgboost" not in sys.modules:
    sys.modules[_LIBRARY] = None  # type: ignore[assignment]  # how Python marks a module as not importable
    try:
        import xgboost  # noqa: F401 - imported for the processes that are forked
    finally:
        del sys.modules[_LIBRARY]
