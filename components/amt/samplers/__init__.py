"""Search strategies: history in, one configuration out, in AMT's own strings.

To add a strategy: write an Optuna `BaseSampler` (or take one of Optuna's) and wrap it with `ask_tell.AskTell`, which
brings the laws all strategies share: no repeated configuration, strings within their ranges, the same answer from a
fresh object. Then name it in `sampler.STRATEGIES` and `sampler.make_sampler`; the tests of the laws in
`tests/unit/samplers` run over every name there.

Importing this package is cheap: Optuna, scipy and numpy load with the first sampler.
"""

from components.amt.samplers.sampler import (
    STRATEGIES,
    Finished,
    ParentJob,
    Sampler,
    combinations,
    make_sampler,
    trials_of_another_space,
)

__all__ = [
    "STRATEGIES",
    "Finished",
    "ParentJob",
    "Sampler",
    "combinations",
    "make_sampler",
    "trials_of_another_space",
]
