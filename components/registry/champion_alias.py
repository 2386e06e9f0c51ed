"""The alias of the version that serves, and the log of everything that moved it.

MLflow keeps no history of aliases (mlflow#2169), so every change is a tag of the registered model, numbered, never
changed and never taken away. Written in this order: the entry, the alias, and when the server has followed the number
of the last entry that is done. So a change that was cut off is known from one that somebody undid by hand, and from a
new one that is asked for: the next command finishes it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from components import naming
from components.errors import NotFound
from components.registry.connection import answering
from components.registry.model_version import Promotion, promotions

if TYPE_CHECKING:
    from mlflow import MlflowClient

_MOST_CHARACTERS = 2000  # of a reason


class ChampionAlias:
    """One alias of one registered model.

    Args:
        client: From `connect`.
        tracking_uri: Its URI, for messages.
        model: Name of the registered model.
        alias: Of the version that serves.
    """

    def __init__(self, *, client: MlflowClient, tracking_uri: str, model: str, alias: str) -> None:
        self._client = client
        self._tracking_uri = tracking_uri
        self._model = model
        self._alias = alias

    def number(self) -> int | None:
        """Of the version that serves."""
        return self._number_in(self._registered())

    def history(self) -> tuple[Promotion, ...]:
        """Every change, oldest first. An entry whose change was cut off may be the last one."""
        registered = self._registered()
        return () if registered is None else promotions(registered.tags)

    def rolled_back(self, number: int) -> Promotion | None:
        """The rollback that took this version out of service, if that was the last thing that happened to it."""
        about = [entry for entry in self.history() if number in (entry.version, entry.previous)]
        last = about[-1] if about else None
        return last if last is not None and last.kind == "rollback" and last.previous == number else None

    def move(self, kind: str, number: int, *, by: str, reason: str, now: datetime) -> None:
        """Log a change and move the alias; nothing happens when it is there already. `close` says that it is done."""
        registered = self._registered()
        current = self._number_in(registered)
        if registered is None or current == number:
            return
        begun = self._cut_off(registered)
        if begun is None or (begun.kind, begun.version) != (kind, number):
            history = promotions(registered.tags)
            begun = Promotion(
                number=history[-1].number + 1 if history else 1,
                kind=kind,
                previous=current,
                version=number,
                at=now.isoformat(timespec="seconds"),
                by=by,
                reason=reason[:_MOST_CHARACTERS],
            )
            with answering(self._tracking_uri):
                key = naming.promotion_tag(begun.number)
                self._client.set_registered_model_tag(self._model, key, begun.text())
        self._carry_out(begun)

    def close(self) -> None:
        """The last change is done: whatever is to follow the alias has."""
        history = self.history()
        if history:
            self._done(history[-1])

    def finish_cut_off(self) -> Promotion | None:
        """Move the alias as the change says that a killed command has begun; it stays open until `close`.

        Returns:
            It; None when there was none, or its version was deleted since, so that it cannot be finished: what served
            goes on serving then.
        """
        registered = self._registered()
        begun = None if registered is None else self._cut_off(registered)
        if begun is None:
            return None
        try:
            self._carry_out(begun)
        except NotFound:
            self._done(begun)
            return None
        return begun

    def _carry_out(self, entry: Promotion) -> None:
        with answering(self._tracking_uri):
            if entry.kind == "promote" and entry.previous is not None:
                key, previous = naming.TAG_PREVIOUS_CHAMPION, str(entry.previous)
                self._client.set_model_version_tag(self._model, str(entry.version), key, previous)
            self._client.set_registered_model_alias(self._model, self._alias, str(entry.version))

    def _done(self, entry: Promotion) -> None:
        with answering(self._tracking_uri):
            self._client.set_registered_model_tag(self._model, naming.TAG_PROMOTIONS_DONE, str(entry.number))

    def _cut_off(self, registered: Any) -> Promotion | None:
        """The last entry, if it is not done and nobody has moved the alias elsewhere since."""
        history = promotions(registered.tags)
        done = int(registered.tags.get(naming.TAG_PROMOTIONS_DONE, "0"))
        if not history or history[-1].number <= done:
            return None
        last = history[-1]
        return last if self._number_in(registered) in {last.previous, last.version} else None

    def _registered(self) -> Any:
        from mlflow.exceptions import MlflowException

        with answering(self._tracking_uri):
            try:
                return self._client.get_registered_model(self._model)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None

    def _number_in(self, registered: Any) -> int | None:
        found = None if registered is None else registered.aliases.get(self._alias)
        return None if found is None else int(found)
