"""The data stage: rows from a source, checked, split, prepared and published as an immutable snapshot.

source.py    rows of a spec's source as one frame; files.py, tables.py and public_sets.py read them
checks.py    what data must not be trained on, every failure at once
prepare.py   splits, and preprocessing fitted on the training part
transform.py raw rows to the model's matrix; travels inside the model
snapshot.py  the value types, `publish` and `load`
"""
