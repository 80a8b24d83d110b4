"""A run: an initiator that finds users and sends messages, workers that back them up."""

from __future__ import annotations

import math

from benchmarks.simulation.clock import Process
from benchmarks.simulation.costs import COSTS, DATA, Costs, Data
from benchmarks.simulation.demand import Demand, Quota
from benchmarks.simulation.limits import Limits
from benchmarks.simulation.shapes import Kind, Shape, weights
from benchmarks.simulation.world import Batch, Outcome, World, gang

KEYS_A_PAGE = 1_000
"""Keys of one listing."""

_LOOKUPS, _RECORDS, _PLANS, _SENDS = 100, 25, 25, 10
_READ_UNITS = 0.5
"""An eventually consistent read of an item below 4 KB."""


def simulate_run(
    shape: Shape, kind: Kind, limits: Limits, *, costs: Costs = COSTS, data: Data = DATA, seed: int = 1
) -> Outcome:
    """Simulate a first full backup or a nightly run of all users."""
    jobs = jobs_of(shape, kind, limits)
    each = min(limits.batch, jobs)
    batches = math.ceil(jobs / each)
    world = World(limits, gang(batches, limits))
    count = math.ceil(batches / world.gang)
    makers = BatchMaker(shape, kind, limits, costs, data)
    # Parts that follow the parent's segments are of one size; folders and users are not.
    alike = kind is Kind.NIGHTLY and jobs > shape.users
    shares = weights(count, each, 0.0 if alike else shape.skew, seed)
    work = [makers.batch(each, shape.objects * share / world.gang) for share in shares]
    return world.run(_initiator(world, work, shape, each, costs))


def jobs_of(shape: Shape, kind: Kind, limits: Limits) -> int:
    """Count the messages: one a user, or one a part when users are so large that they are split."""
    files = shape.objects / shape.users
    if kind is Kind.FIRST:
        parts = limits.parts if files > limits.first_split_keys else 1
    else:
        parts = math.ceil(files / limits.split_files)
    return shape.users * max(1, min(parts, limits.parts))


def _initiator(world: World, work: list[Batch], shape: Shape, each: int, costs: Costs) -> Process:
    """List first-level folders, plan 25 users a request, send 10 messages a request; the parts of a user follow."""
    limits, answers = world.limits, world.limits.latencies
    users = shape.users / len(work)
    waited = users / KEYS_A_PAGE * answers.list + users / _PLANS * answers.table + users / _SENDS * answers.send
    calls = users / KEYS_A_PAGE + users / _PLANS + users / _SENDS
    demand = Demand(
        cpu=calls * costs.call / limits.initiators,
        chained=waited / limits.initiators,
        quotas={Quota.SOURCE_GETS: users / KEYS_A_PAGE, Quota.RUN_WRITES: users},
        lists=users / KEYS_A_PAGE,
    )
    yield limits.cold_start
    for batch in work:
        end, _ = world.spend(demand, 1)
        world.bill(demand, 1)
        world.outcome.worked += end - world.simulation.now
        yield end
        world.put([batch], each * world.gang)


class BatchMaker:
    """Says what a batch of messages asks for."""

    def __init__(self, shape: Shape, kind: Kind, limits: Limits, costs: Costs, data: Data) -> None:
        self._shape = shape
        self._first = kind is Kind.FIRST
        self._answers = limits.latencies
        self._costs = costs
        self._data = data

    def batch(self, jobs: int, objects: float) -> Batch:
        """Give a batch of so many users, or parts of users, with so many objects together."""
        return Batch(self._opening(jobs, objects), self._content(jobs, objects), self._closing(jobs))

    def _opening(self, jobs: int, objects: float) -> Demand:
        """Claim, look for the parent, read its commit record; a first backup lists ahead to see if it is to split."""
        answers = self._answers
        probe = min(objects / jobs, 50_000) / KEYS_A_PAGE if self._first else 0.0
        gets = 0 if self._first else 2
        # Ledger: claim, note. Catalog: start, advance, and what they move in the index by status.
        return Demand(
            cpu=jobs * (self._costs.user + 4 * self._costs.call),
            chained=4 * answers.table + (1 + probe) * answers.list + gets * answers.get,
            quotas={
                Quota.SOURCE_GETS: jobs * probe,
                Quota.REPOSITORY_GETS: jobs * (1 + gets),
                Quota.RUN_WRITES: jobs * 2,
                Quota.STATUS_WRITES: jobs * 1,
            },
            lists=jobs * (1 + probe),
            other_writes=jobs * 4,
        )

    def _content(self, jobs: int, objects: float) -> Demand:
        """List, compare, read what changed, look chunks up, store what is new, write manifests."""
        costs, data, answers, size = self._costs, self._data, self._answers, self._shape.object_mb
        read = objects if self._first else objects * self._shape.changed
        chunks, parts = read * max(1.0, size / data.chunk_mb), read * max(1.0, size / data.part_mb)
        new_mb, new_chunks = read * size * data.unique, chunks * data.unique
        stored, pages, segments = new_mb * data.packed, objects / KEYS_A_PAGE, objects / data.segment_entries
        lookups, records = chunks / _LOOKUPS, new_chunks / _RECORDS
        manifests = objects * data.entry_mb * (1 if self._first else 2)
        puts = stored / data.pack_mb + segments
        return Demand(
            cpu=math.fsum(
                (
                    objects * costs.key,
                    read * costs.read,
                    read * size * costs.megabyte,
                    new_mb * costs.new_megabyte,
                    lookups * costs.lookup,
                    records * costs.record,
                )
            ),
            mb=read * size + stored + manifests + objects * data.listed_mb,
            # Users of a batch list side by side; the calls to the table are made one after the other.
            chained=max(pages * answers.list / jobs, (lookups + records) * answers.table),
            waits=parts * answers.get + puts * answers.put,
            quotas={
                Quota.SOURCE_GETS: pages + parts,
                Quota.REPOSITORY_GETS: 0.0 if self._first else segments,
                Quota.REPOSITORY_PUTS: puts,
                Quota.DEDUP_READS: chunks * _READ_UNITS,
                Quota.DEDUP_WRITES: new_chunks,
            },
            lists=pages,
        )

    def _closing(self, jobs: int) -> Demand:
        """Last pack, manifest, commit record, catalog, and the transaction that counts the job as done."""
        answers = self._answers
        return Demand(
            cpu=jobs * 3 * self._costs.call,
            chained=3 * answers.put + 3 * answers.table,
            quotas={
                Quota.REPOSITORY_PUTS: jobs * 2 + 1,
                Quota.RUN_WRITES: jobs * 4,
                Quota.STATUS_WRITES: jobs * 2,
                Quota.TRANSACTIONS: jobs,
            },
            other_writes=jobs * 3,
        )
