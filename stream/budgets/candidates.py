"""Between the relay and the allocator: offers that a shared budget must grant first.

Nobody is asked and nothing is written while no rules with a shared budget are in force.
"""

from __future__ import annotations

from rules.engine import RuleSet
from stream.budgets.budget_store import BudgetStore
from stream.relay import Publish
from stream.state import OutboxEntry


class Candidates:
    """One worker's part; a `stream.relay.Listener`.

    Attributes:
        listening: whether there are or were rules with a shared budget.
    """

    def __init__(self, store: BudgetStore) -> None:
        self._store = store
        self.listening = False

    async def begin(self) -> None:
        """Looks whether there were shared budgets before; raises `StoreUnavailableError`."""
        self.listening = self.listening or await self._store.used()

    def load(self, bundle: dict[str, bytes]) -> RuleSet:
        """The rules of a bundle (`rules.engine.RuleSet.load`)."""
        rules = RuleSet.load(bundle)
        self.listening = self.listening or any(each.shared_budget for each in rules.campaigns)
        return rules

    def apart(self, publish: Publish) -> Publish:
        """A `Publish` that gives candidates to the allocator, and the rest to `publish`."""

        async def split(partition: int, entries: list[OutboxEntry]) -> None:
            candidates = [entry for entry in entries if entry.budget is not None]
            if candidates:
                await self._store.put(candidates)
            await publish(partition, [entry for entry in entries if entry.budget is None])

        return split

    async def reached(self, partition: int, clock: int) -> None:
        """See `stream.relay.Listener.reached`."""
        await self._store.reached(partition, clock)
