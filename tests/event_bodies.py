"""What `infra/events.yaml` sends a receiver: its input transformers, filled in as EventBridge does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.stacks import resources

ENDED = {
    "source": "aws.sagemaker",
    "detail-type": "SageMaker HyperParameter Tuning Job State Change",
    "detail": {"HyperParameterTuningJobName": "digits-0123456789-01", "HyperParameterTuningJobStatus": "Completed"},
}
REFITTED = {
    "source": "aws.sagemaker",
    "detail-type": "SageMaker Training Job State Change",
    "detail": {"TrainingJobName": "digits-0123456789-refit-01", "TrainingJobStatus": "Completed"},
}
ARRIVED = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {
        "bucket": {"name": "team-models"},
        "object": {"key": 'data/", "spec": "x.csv', "sequencer": "0061A60D9BF1FAA6C1"},
    },
}


def body(rule: str, receiver: str, event: Mapping[str, Any], *, spec: str = "flows/specs/digits.yaml") -> Any:
    """The JSON body a receiver gets for an event.

    Args:
        rule: The rule's name in the template.
        receiver: `prefect` or `github`.
        event: Of EventBridge.
        spec: The stack's parameter.
    """
    (target,) = resources("events.yaml")[rule]["Properties"]["Targets"]
    condition, transformer, nothing = target["InputTransformer"]["Fn::If"]
    assert (condition, nothing) == ("CallsApi", {"Ref": "AWS::NoValue"})
    condition, for_prefect, for_github = transformer["InputTemplate"]["Fn::If"]
    assert condition == "IsPrefect"
    template = {"prefect": for_prefect, "github": for_github}[receiver]
    text = str(template["Fn::Sub"] if isinstance(template, dict) else template).replace("${Spec}", spec)
    for name, path in transformer["InputPathsMap"].items():
        value: Any = event
        for part in path.removeprefix("$.").split("."):
            value = value[part]
        text = text.replace(f"<{name}>", str(value))
    return json.loads(text)
