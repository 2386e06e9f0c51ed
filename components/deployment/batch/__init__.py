"""A model's answers to many rows: files in, one file out, in memory that does not grow with the rows.

input_files.py    a path, glob or `s3://` URI as files, one on this disk at a time
csv_rows.py       CSV(.gz) as a stream of text columns
input_rows.py     any input as numbered chunks of rows
answers.py        a chunk through a pyfunc; the rows at fault by number and column
output_file.py    Parquet or CSV, in its place whole or not at all
local_batch.py    all of it in this process
transform_*.py    the same as a SageMaker Batch Transform job
"""
