"""The visual report of a search: one HTML file that opens anywhere, offline.

contents.py         what a report tells, as values
extent.py           how far the objective's axes reach
tables.py           the rows its charts draw
charts.py           the charts of a search, in Altair
outcome_charts.py   those of training and its outcome
style.py            what all charts have in common
panels.py           which of them a search has something for, with the sentence beside each
importance.py       what the hyperparameters matter, and how sure that is
held_out.py         the best model on rows it has not seen
summary.py          all of it in a paragraph and a row of figures
report.py           the page
page/               its HTML, style, script, and the chart library (`make vega`)
"""
