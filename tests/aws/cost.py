"""What the scenario may cost: refused above a cap of its own, and without its owner's word, before anything starts."""

from __future__ import annotations

from collections.abc import Mapping

from components.errors import OverBudget, Refused
from components.tuning.budget import Limits
from components.tuning.prices import Price
from tests.aws.refused_calls import all_creates
from tests.aws.requests import FIRST, STOPPED, WARM, Places, Request, tuning_job

CAP_USD = 1.0
WORD = "RETUNE_TEST_AWS"


def worst_case_usd(places: Places, price: Price) -> float:
    """The most the scenario can be charged for training.

    The jobs that are to be refused count too: should AWS take one, it may run to its limits.
    """
    jobs = [tuning_job(places, job) for job in (FIRST, STOPPED, WARM)]
    return sum(_worst_usd(request, price) for request in (*jobs, *all_creates(places).values()))


def check_cap(places: Places, price: Price) -> float:
    """The worst case in USD.

    Raises:
        OverBudget: It is over the cap, which nothing raises.
    """
    worst = worst_case_usd(places, price)
    if worst > CAP_USD:
        raise OverBudget(
            f"the worst case must be within {CAP_USD:.2f} USD, got {worst:.2f} USD on {price.instance_type} at "
            f"{price.usd_per_hour:.3f} USD an hour ({price.source}); take a smaller --instance-type"
        )
    return worst


def check_word(environment: Mapping[str, str], told: str) -> None:
    """Refuse to go on without the owner's word.

    Args:
        environment: Of this process.
        told: What it would cost.

    Raises:
        Refused: RETUNE_TEST_AWS is not `yes`.
    """
    if environment.get(WORD) != "yes":
        raise Refused(
            f"this trains on SageMaker in the account of your AWS credentials: five training jobs on Spot, about "
            f"half an hour; {told}; set {WORD}=yes to have it done, got {environment.get(WORD)!r}"
        )


def _worst_usd(request: Request, price: Price) -> float:
    limits = request["HyperParameterTuningJobConfig"]["ResourceLimits"]
    definition = request["TrainingJobDefinition"]
    bounds = Limits(
        jobs=limits["MaxNumberOfTrainingJobs"],
        parallel=limits["MaxParallelTrainingJobs"],
        job_runtime_s=definition["StoppingCondition"]["MaxRuntimeInSeconds"],
        runtime_s=limits["MaxRuntimeInSeconds"],
    )
    return bounds.worst_case_usd(price.usd_per_s(definition["ResourceConfig"]["InstanceCount"]))
