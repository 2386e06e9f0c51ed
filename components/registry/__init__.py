"""The registry room: MLflow runs while a search goes on, and from a training job's `model.tar.gz` to a champion.

archive.py          model.tar.gz, unpacked without trust, and what kind of model it is
packaging.py        that model as an MLflow pyfunc that takes raw rows; signature.py says what it takes
served_model.py     the code inside the pyfunc; asking.py: how a model is asked, wherever it answers
scoring.py          a model's score on raw rows; metrics.py and ranking_areas.py compute it by name
verification.py     whether that model scores what its trial reported
registration.py     all of that in one step: `register`
mlflow_registry.py  versions, aliases, lineage tags, history, rollback: the only writer of them
model_version.py    its value types; logged_model.py its files
promotion.py        champion or challenger, decided purely; contest.py scores both and carries it out
connection.py       an MLflow client that answers or says why not; experiments.py, quiet.py beside it
tracking.py         the runs: a parent for the retraining, one below it for each training job
"""
