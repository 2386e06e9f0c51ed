"""Search strategies: history in, one configuration out, in AMT's own strings.

To add a strategy: write one file with an Optuna `BaseSampler` (or take one from Optuna), wrap it with `ask_tell.AskTell`, which
brings the laws every strategy shares (no repeated configuration, strings within their ranges, the same answer from a
fresh object), and name it in `sampler.make_sampler`. The tests in `tests/unit/samplers` run over every name there.

Importing this package is cheap: Optuna, scipy and numpy load with the first sampler.
"""

from components.amt.samplers.sampler import STRATEGIES, Finished, Sampler, combinations, make_sampler

__all__ = ["STRATEGIES", "Finished", "Sampler", "combinations", "make_sampler"]
