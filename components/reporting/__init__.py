"""The visual report of a search: one HTML file that opens anywhere, offline.

contents.py     what a report tells, as values
tables.py       the rows its charts draw
charts.py       the charts, in Altair
panels.py       which of them a search has something for, with the sentence beside each
importance.py   what the hyperparameters matter, and how sure that is
held_out.py     the best model on rows it has not seen
report.py       all of it as a page
"""
