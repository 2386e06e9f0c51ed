"""Amazon's built-in algorithms: from the training image to the trainer, its metrics and what the fork server preloads.

A built-in algorithm brings its own metric definitions; a request that sends others is refused, as AWS does. Adding an
algorithm is adding one `Algorithm` here and its trainer in `components.trainers`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from components.trainers.xgboost_metric_names import MAXIMIZE, MINIMIZE

Direction = Literal["Maximize", "Minimize"]

# A number as AWS writes it into the definitions it registers. NaN and inf do not match: no value was emitted.
_NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"

# <account>.dkr.ecr.<region>.<domain>/sagemaker-xgboost with or without tag and digest, or the bare name.
_XGBOOST_IMAGE = re.compile(
    r"(?:[0-9]{12}\.dkr\.ecr(?:-fips)?\.[a-z0-9\-]+\.[a-z0-9.\-]+/)?"
    r"sagemaker-xgboost(?::[A-Za-z0-9_.\-]+)?(?:@sha256:[0-9a-f]{64})?"
)


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """One of Amazon's built-in algorithms, as this machine runs it.

    Attributes:
        name: AWS's name.
        trainer_module: Module whose `main()` trains as the container's entry point would; it returns the exit code.
        preload: Modules the fork server imports before it forks, exactly what the trainer needs.
        metric_definitions: `{"Name", "Regex"}` of every objective metric, as registered with the service. A list of
            definitions holds at most 40, with `ObjectiveMetric`, so those of `train:` are not among them; see
            `definitions_for`.
        directions: Objective metric (`validation:auc`) to the direction in which it is better.
    """

    name: str
    trainer_module: str
    preload: tuple[str, ...]
    metric_definitions: tuple[Mapping[str, str], ...]
    directions: Mapping[str, Direction]

    def definitions_for(self, objective_metric: str) -> tuple[Mapping[str, str], ...]:
        """The definitions of a job: all of the algorithm's, and the objective's own metric on `train`.

        Args:
            objective_metric: Such as `validation:auc`, which adds `train:auc`.
        """
        metric = objective_metric.partition(":")[2]
        own = (_definition("train", metric),) if objective_metric in self.directions else ()
        return (*self.metric_definitions, *own)


def _definition(part: str, metric: str) -> Mapping[str, str]:
    # The log shows a TAB as `#011`, so that is what the registered regex holds (read back from a real job, 2020).
    return {"Name": f"{part}:{metric}", "Regex": rf".*\[[0-9]+\].*#011{part}-{metric}:{_NUMBER}.*"}


XGBOOST = Algorithm(
    name="xgboost",
    trainer_module="components.trainers.xgboost",
    preload=("components.trainers.xgboost_preload", "components.trainers.xgboost"),
    metric_definitions=tuple(_definition("validation", metric) for metric in (*MAXIMIZE, *MINIMIZE)),
    directions={
        **dict.fromkeys((f"validation:{metric}" for metric in MAXIMIZE), "Maximize"),
        **dict.fromkeys((f"validation:{metric}" for metric in MINIMIZE), "Minimize"),
    },
)


def algorithm_of(image: str) -> Algorithm | None:
    """The built-in algorithm behind a training image.

    Every tag, account and region of `sagemaker-xgboost` is XGBoost: a machine has one xgboost installed. In script
    mode (static hyperparameter `sagemaker_program`) the same image runs one's own script instead, and AWS still
    treats it as the built-in when it checks metric definitions.

    Returns:
        None for an image that is not one of Amazon's built-in algorithms here.
    """
    return XGBOOST if _XGBOOST_IMAGE.fullmatch(image) else None


def objective_direction(metric: str) -> Direction | None:
    """Which way an objective metric of a built-in algorithm is better; None when no algorithm here has it."""
    return XGBOOST.directions.get(metric)
