"""The second half of a collection's decisions: what becomes of each pack, once all backups have marked theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from functions.engine.model import PackId
from functions.engine.pack_indexes import read_pack_indexes
from functions.engine.retention.pack_table import Fate, PackFacts, Past
from functions.engine.retention.plan import DRAINED, PACKS
from functions.engine.retention.scene import Scene
from functions.engine.retention.verdicts import Verdict, pack_verdict, verdict_as_before

_LINED = {Fate.DRAIN: DRAINED, Fate.DRAINED: DRAINED}
_LETS_GO = frozenset({Fate.CONDEMN, Fate.EXPIRE})


@dataclass(frozen=True, slots=True)
class PackStage:
    """Decides on all packs. `paused` says that nothing may be let go, whatever the packs look like."""

    scene: Scene

    def run(self, *, paused: bool) -> None:
        """Decide on every pack, write a line for each that is not simply kept, and count."""
        changed = {} if paused else self._second_thoughts()
        for position in range(len(self.scene.table)):
            facts = self.scene.table.facts(position)
            verdict = self._verdict(position, facts, paused=paused)
            verdict = changed.get(facts.pack, verdict) if verdict.fate is Fate.EXPIRE else verdict
            self._note(position, facts, verdict)

    def _verdict(self, position: int, facts: PackFacts, *, paused: bool) -> Verdict:
        safety = self.scene.settings.safety
        verdict = pack_verdict(facts, self.scene.table.needed_share(position), self.scene.report.began, safety)
        if paused and verdict.fate in _LETS_GO:
            return verdict_as_before(facts, "this collection lets nothing go")
        if verdict.fate is Fate.CONDEMN and self.scene.report.counts["packs_condemn"] >= safety.condemn_limit:
            self.scene.report.counts["packs_left_for_the_next"] += 1
            return verdict_as_before(facts, "too many are condemned at once")
        if verdict.fate is Fate.KEEP and facts.live and self.scene.table.is_tainted(position):
            return Verdict(Fate.DRAIN, "holds chunks of a user who is erased")
        return verdict

    def _note(self, position: int, facts: PackFacts, verdict: Verdict) -> None:
        fate, report = verdict.fate, self.scene.report
        self.scene.table.decide(position, fate)
        report.counts["packs"] += 1
        report.counts[f"packs_{fate.name.lower()}"] += 1
        report.sizes["all"] += facts.size
        report.sizes[fate.name.lower()] += facts.size
        if fate is Fate.KEEP:
            return
        line: dict[str, Any] = {"pack": facts.pack, "size": facts.size, "fate": fate.name, "why": verdict.why}
        if fate in {Fate.WAIT, Fate.GONE} and facts.since is not None:
            line["since"] = facts.since.isoformat()
        if fate is not Fate.RESCUE and (facts.tagged or facts.past is Past.EXPIRED):
            line["tagged"] = True
        self.scene.sink(_LINED.get(fate, PACKS), line)

    def _second_thoughts(self) -> dict[PackId, Verdict]:
        """Look at all packs that are due at once: too many of them stay, and so does one that can still be found."""
        due = [facts for facts in self._facts() if self._is_due(facts)]
        size, total = sum(facts.size for facts in due), self.scene.table.bytes
        safety = self.scene.settings.safety
        share = self.scene.settings.share_at_once
        if size > share * total and size >= safety.expire_floor:
            self.scene.report.refused.append(
                f"{len(due):,} packs of {size:,} bytes would go, {size / total:.1%} of all; {share:.0%} may at once"
            )
            return {facts.pack: Verdict(Fate.WAIT, "too many would go at once") for facts in due}
        return dict(self._found_again(facts.pack for facts in due))

    def _facts(self) -> Iterator[PackFacts]:
        return (self.scene.table.facts(position) for position in range(len(self.scene.table)))

    def _is_due(self, facts: PackFacts) -> bool:
        return pack_verdict(facts, 1.0, self.scene.report.began, self.scene.settings.safety).fate is Fate.EXPIRE

    def _found_again(self, due: Iterator[PackId]) -> Iterator[tuple[PackId, Verdict]]:
        """Give those to which the dedup index leads again, by a rebuild that was slow or an old copy of the table."""
        for found in read_pack_indexes(self.scene.ports.store, due):
            if found.error is not None:
                yield found.pack_id, Verdict(Fate.WAIT, f"its index cannot be read: {found.error}")
            elif found.pack_id in self.scene.ports.targets.named(found.refs):
                self.scene.report.counts["packs_found_again"] += 1
                yield found.pack_id, Verdict(Fate.CONDEMN, "the dedup index leads to it again: waits anew")
