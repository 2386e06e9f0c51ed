"""Grid search: every combination of categorical values once (AWS, "How Hyperparameter Tuning Works", Grid search)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.amt.samplers.parameter_space import ParameterSpace, seen_configurations
from components.amt.samplers.sampler import Finished


class GridSearch:
    """AMT's Grid strategy: the combinations in order, hyperparameters by name, the last one fastest.

    AWS does not publish its order. This one is told by the request alone, so every seed gives the same sequence.
    """

    def __init__(self, space: ParameterSpace) -> None:
        self._space = space

    def propose(
        self, *, finished: Sequence[Finished], running: Sequence[Mapping[str, str]], number: int
    ) -> dict[str, str] | None:
        """See `Sampler.propose`; None after the last combination."""
        del number
        seen = seen_configurations(self._space, finished, running)
        left = (configuration for configuration in self._space.every_configuration() if configuration not in seen)
        chosen = next(left, None)
        return None if chosen is None else self._space.texts(self._space.to_optuna(chosen))
