"""One model's champion behind MLflow's scoring protocol, as a process of its own.

`/ping`, `/health`, `/version` and `/invocations` are MLflow's (`mlflow models serve`). What is added: the server
follows the alias without failing a request, names the version in every answer, and says in one line what is wrong
with rows.
"""
