"""The data stage: rows from a source, checked, split, prepared and published as an immutable snapshot.

    source.py     a spec's source; files.py, csv_table.py and table.py read files, public_sets.py published sets
    checks.py     what data must not be trained on, every failure at once; leaks.py: columns that tell the target
    split.py      train, validation and test
    prepare.py    checks, split, and preprocessing fitted on train
    transform.py  raw rows to the model's matrix; travels inside the model
    parts.py      the bytes of a snapshot's files, and the digest of their content
    snapshot.py   `publish`, `preview`, `load`, `raw_part`; memo.py: unchanged data is not prepared again
    drift.py      how far new data are from earlier ones, per column; row_sample.py: the rows that are compared
    schema.py     the value types

To add a source of one's own: a scheme in source.py that gives a `Table`. To drop what a check refuses: `data.drop`.
"""
