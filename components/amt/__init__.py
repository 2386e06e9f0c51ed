"""Amazon SageMaker Automatic Model Tuning (AMT) on this machine: the same requests, answers and rules, real training.

`client.LocalAmt` has boto3's method names. One process supervises a tuning job (`supervision`, `tuning_job`); a fork
server (`process_pool`) makes one runner per training job (`runner`), which keeps SageMaker's container contract
(`container`, `script_mode`). SQLite (`store`) is the only truth and survives kill -9. Knows nothing of retune's spec:
store and settings are handed in, so it could be lifted out together with `storage` and `trainers`.
"""
