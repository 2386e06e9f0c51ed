"""RetrainSpec: one model to retrain, composed of each stage's own part. Parses YAML and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from components.data.data_spec import CHANNELS, ROWS, AnyData, ChannelsSpec
from components.deployment.deployment_spec import DeploymentSpec
from components.errors import InvalidInput, InvalidSpec, NotFound
from components.naming import MODEL_NAME
from components.near_names import near
from components.registry.registry_spec import PromotionSpec, RegistrySpec
from components.spec_later import later_breaches
from components.spec_part import SpecPart
from components.tuning.budget import Budget
from components.tuning.built_in_laws import built_in_breaches
from components.tuning.training_spec import TrainingSpec
from components.tuning.tuning_spec import TuningSpec
from components.tuning.warm_start_spec import WarmStartSpec

_SHOWN = 80  # characters of a value in a message


class DecisionSpec(SpecPart):
    """What a run does of itself.

    Attributes:
        on_unchanged: What unchanged data, spec and code lead to: `skip`, or `tune` all the same.
        refit_below_drift: New data that have drifted less than this are trained once, with the champion's
            hyperparameters; 0 to 1, null never.
    """

    on_unchanged: Literal["skip", "tune"] = "skip"
    refit_below_drift: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = 0.1


class RetrainSpec(SpecPart):
    """One model to retrain: what, not where (settings say where).

    Attributes:
        name: Model; prefix of every job. 1-63 characters of `[a-zA-Z0-9_.-]`, the first a letter or digit.
    """

    name: str
    data: AnyData
    training: TrainingSpec = TrainingSpec()
    tuning: TuningSpec
    budget: Budget = Budget()
    warm_start: WarmStartSpec = WarmStartSpec()
    decision: DecisionSpec = DecisionSpec()
    registry: RegistrySpec = RegistrySpec()
    promotion: PromotionSpec = PromotionSpec()
    deployment: DeploymentSpec = DeploymentSpec()

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not MODEL_NAME.fullmatch(name):
            raise ValueError(f"1-63 characters of [a-zA-Z0-9_.-], the first a letter or digit, got {name!r}")
        return name

    @model_validator(mode="after")
    def _patience_law(self) -> RetrainSpec:
        training = self.training
        most_s = min(training.max_wait_s, self.budget.max_runtime_s)
        if training.spot == "prefer" and training.spot_patience_s >= most_s:
            raise ValueError(
                "training.spot_patience_s < training.max_wait_s and budget.max_runtime_s must hold with spot: prefer, "
                f"got {training.spot_patience_s} >= {most_s}"
            )
        return self

    @model_validator(mode="after")
    def _channel_laws(self) -> RetrainSpec:
        if not isinstance(self.data, ChannelsSpec):
            return self
        asked = self.promotion.metric
        if self.data.held_out is None and asked not in (None, self.tuning.objective.metric):
            raise ValueError(
                f"promotion.metric {asked} needs rows to be computed on: name data.target and a channel test, or leave "
                "it out to go by the objective that trials report"
            )
        judged = [guard.metric for guard in self.promotion.must_not_worsen if not guard.is_measure]
        if self.data.held_out is None and judged:
            raise ValueError(
                f"promotion.must_not_worsen {judged[0]} needs rows to be computed on: name data.target and a channel "
                "test, or guard measures only"
            )
        names = set(self.data.trained_on)
        part = self.tuning.objective.metric.partition(":")[0]
        if not self.training.is_script and (names - {"train", "validation"} or not names >= {"train", part}):
            raise ValueError(
                f"data.channels of the built-in algorithm are train, and validation for {self.tuning.objective.metric} "
                f"(and test, held out, with data.target), got {', '.join(sorted(names))}"
            )
        return self

    @property
    def model(self) -> str:
        """Name of the registered model in MLflow."""
        return self.registry.model or self.name

    @property
    def experiment(self) -> str:
        """Name of the experiment in MLflow."""
        return self.registry.experiment or self.name

    def identity(self) -> dict[str, Any]:
        """The part of the spec that makes a run this run: without budget, deployment, promotion and parallelism.

        Nor where the data are: what they are says their own digest, and next month's lie elsewhere.
        """
        document = self.model_dump(mode="json", exclude={"budget", "deployment", "promotion", "decision"})
        document["tuning"].pop("max_parallel_jobs")
        for place in (document["data"], *document["data"].get("channels", {}).values()):
            for name in ("source", "prepare", "uri"):
                place.pop(name, None)
        return document


def load_spec(path: Path, overrides: Sequence[str] = ()) -> RetrainSpec:
    """Read a spec and apply `a.b=c` overrides, whose values are YAML.

    Raises:
        NotFound: There is no such file.
        InvalidSpec: It breaks one or more laws; the message tells each with its path.
        InvalidInput: An override has not the form `a.b=value`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        siblings = sorted(p.name for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        hint = near(path.name, siblings)
        raise NotFound(f"there is no spec {path}{f'; did you mean {path.parent / hint}?' if hint else ''}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} must be a readable UTF-8 file, got {error}") from None
    return parse_spec(text, subject=str(path), overrides=overrides)


def parse_spec(text: str, *, subject: str, overrides: Sequence[str] = ()) -> RetrainSpec:
    """The spec in `text`; `subject` names it in messages. Raises as `load_spec`."""
    document = _parse_yaml(text, subject)
    if not isinstance(document, dict):
        raise InvalidSpec(subject, [f"a spec is a mapping with name, data and tuning, got {_shown(document)}"])
    for override in overrides:
        _override(document, override)
    breaches = later_breaches(document)
    try:
        spec = RetrainSpec.model_validate(document)
    except ValidationError as error:
        raise InvalidSpec(subject, breaches + _breaches(error, document)) from None
    # Not a law of the model itself: what was registered before there was this law is still to be read.
    breaches += built_in_breaches(spec.training, spec.tuning)
    if breaches:
        raise InvalidSpec(subject, breaches)
    return spec


def _parse_yaml(text: str, subject: str) -> Any:
    # ruamel.yaml reads YAML 1.2: only true and false are booleans, 1e-4 is a number, and a key may come once.
    try:
        return YAML(typ="safe", pure=True).load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        key = str(error.problem).split('"')[1] if '"' in str(error.problem) else "?"
        raise InvalidSpec(subject, [f"line {line}: a key may stand once, got {key!r} again"]) from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InvalidSpec(subject, [f"{place}YAML is needed, got: {problem}"]) from None


def _override(document: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    keys = path.split(".")
    if not equals or not all(keys):
        raise InvalidInput(f"--set takes a.b=value, got {override!r}")
    place = document
    for key in keys[:-1]:
        inner = place.setdefault(key, {})
        if not isinstance(inner, dict):
            raise InvalidInput(f"--set {path}: {key} holds {_shown(inner)}, not a mapping")
        place = inner
    place[keys[-1]] = _parse_yaml(text, f"--set {path}")


def _breaches(error: ValidationError, document: Mapping[str, Any]) -> list[str]:
    """One line per place, in the order pydantic met them; several words on one place are joined by `or`."""
    by_place: dict[str, list[str]] = {}
    for item in error.errors(include_url=False):
        keys = _real_keys(item["loc"], document, missing_last=item["type"] in ("missing", "extra_forbidden"))
        laws = by_place.setdefault(".".join(str(key) for key in keys), [])
        law = _law(item, keys)
        if law not in laws:
            laws.append(law)
    return [f"{place}: {' or '.join(laws)}" if place else " or ".join(laws) for place, laws in by_place.items()]


def _real_keys(loc: Sequence[int | str], document: Any, *, missing_last: bool) -> list[int | str]:
    """The part of pydantic's location that is in the document; the rest names branches of unions."""
    keys: list[int | str] = []
    place: Any = document
    loc = [key for key in loc if key not in (ROWS, CHANNELS)]
    for index, key in enumerate(loc):
        known = place if isinstance(place, dict) else range(len(place)) if isinstance(place, list) else ()
        if key in known:
            place = place[key]
        elif missing_last and index == len(loc) - 1:
            return [*keys, key]
        else:
            break
        keys.append(key)
    return keys


def _law(item: Any, keys: Sequence[int | str]) -> str:
    kind, value = item["type"], item["input"]
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        known = _known_keys(keys[:-1])
        nearest = near(str(keys[-1]), known)
        return f"unknown key; {f'did you mean {nearest}?' if nearest else 'known are ' + ', '.join(known)}"
    if kind == "value_error":
        return str(item["ctx"]["error"])
    if kind == "string_pattern_mismatch":
        return f"must have the form {item['ctx']['pattern']}, got {_shown(value)}"
    message = str(item["msg"]).removeprefix("Input should be ").removeprefix("Input should ")
    return f"must be {message}, got {_shown(value)}"


def _known_keys(path: Sequence[int | str]) -> list[str]:
    parts: list[type[BaseModel]] = [RetrainSpec]
    for key in path:
        fields = [part.model_fields[str(key)] for part in parts if str(key) in part.model_fields]
        if fields:  # else a name of one's own, such as a channel's
            parts = [model for field in fields for model in _models_in(field.annotation)]
    return list(dict.fromkeys(name for part in parts for name in part.model_fields))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
