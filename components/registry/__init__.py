"""The registry room: from a training job's `model.tar.gz` to a scored, promoted MLflow model version.

archive.py          model.tar.gz -> unpacked, and what kind of model it is
packaging.py        that model -> an MLflow pyfunc that takes raw rows (served_xgboost.py, served_script.py travel in it)
scoring.py          metrics by name, from the pyfunc's answer and the original labels
promotion.py        champion or challenger: a pure decision with its reason
mlflow_registry.py  versions, aliases, lineage tags, rollback: the only writer of them
model_version.py    the line through all of these: `register`, `compare`
connection.py       an MLflow client that answers or says why not; experiments.py, quiet.py beside it
"""
