"""A restore of everybody: a planner that cuts users into tasks, workers that do them."""

from __future__ import annotations

import math

from benchmarks.simulation.clock import Process
from benchmarks.simulation.costs import COSTS, DATA, Costs, Data
from benchmarks.simulation.demand import Demand, Quota
from benchmarks.simulation.limits import Limits
from benchmarks.simulation.shapes import Shape, weights
from benchmarks.simulation.world import Batch, Outcome, World, gang

TASK_MB = 8_590.0
"""A task restores at most 8 GiB ..."""

TASK_FILES = 20_000
"""... or so many files."""

_PLANNED = 2_000
"""Users planned one by one; of more, one stands for several."""

_SENT = 500
"""Tasks planned and sent at a time."""

_ROUNDING = 1e-6


def simulate_restore(
    shape: Shape, limits: Limits, *, costs: Costs = COSTS, data: Data = DATA, seed: int = 1
) -> Outcome:
    """Simulate the restore of everybody's newest backup into an empty bucket."""
    drawn = min(shape.users, _PLANNED)
    alike = shape.users / drawn
    sizes = [shape.objects * share / alike for share in weights(drawn, 1, shape.skew, seed)]
    counts = [tasks_of(objects, objects * shape.object_mb) for objects in sizes]
    world = World(limits, gang(alike * sum(counts) / limits.restore_batch, limits))
    maker = TaskMaker(shape, limits, costs, data)
    pieces = [piece for objects, count in zip(sizes, counts, strict=True) for piece in _pieces(objects, count)]
    return world.run(_planner(world, alike, pieces, maker, costs))


def _pieces(objects: float, count: int) -> list[tuple[float, int]]:
    """Cut a user with very many tasks into pieces that are planned one after the other."""
    pieces = math.ceil(count / _SENT)
    return [(objects / pieces, count // pieces + (number < count % pieces)) for number in range(pieces)]


def tasks_of(objects: float, mb: float) -> int:
    """Count the tasks of one user."""
    return max(1, math.ceil(mb / TASK_MB), math.ceil(objects / TASK_FILES))


def _planner(world: World, alike: float, pieces: list[tuple[float, int]], maker: TaskMaker, costs: Costs) -> Process:
    """Find each user's newest backup, read its record and manifests, cut and send tasks."""
    limits, answers = world.limits, world.limits.latencies
    yield limits.cold_start
    owed = files = 0.0
    for objects, count in pieces:
        segments = math.ceil(objects / maker.data.segment_entries)
        waited = answers.list + (1 + segments) * answers.get + count * (answers.table / 25 + answers.send / 10)
        demand = Demand(
            cpu=alike * (costs.user + objects * costs.key) / limits.planners,
            mb=alike * objects * maker.data.entry_mb / limits.planners,
            chained=alike * waited / limits.planner_at_once / limits.planners,
            quotas={Quota.REPOSITORY_GETS: alike * (2 + segments), Quota.RUN_WRITES: alike * count},
            lists=alike,
        )
        end, _ = world.spend(demand, 1)
        world.bill(demand, 1)
        world.outcome.worked += end - world.simulation.now
        yield end
        owed, files = owed + alike * count / world.gang, files + alike * objects / world.gang
        sent, each = int(owed + _ROUNDING), files / owed
        owed, files = owed - sent, files - sent * each
        world.put([maker.task(each, objects)] * sent, sent * world.gang)
    if owed > _ROUNDING:
        world.put([maker.task(files, files)], world.gang)


class TaskMaker:
    """Says what a task asks for."""

    def __init__(self, shape: Shape, limits: Limits, costs: Costs, data: Data) -> None:
        self._size = shape.object_mb
        self._answers = limits.latencies
        self._costs = costs
        self.data = data

    def task(self, files: float, user_files: float) -> Batch:
        """Give a task that restores so many files of a user with so many."""
        answers = self._answers
        entries = min(user_files, self.data.segment_entries)
        opening = Demand(
            cpu=self._costs.user + entries * self._costs.key + 2 * self._costs.call,
            mb=entries * self.data.entry_mb,
            chained=2 * answers.table + 2 * answers.get,
            quotas={Quota.REPOSITORY_GETS: 2, Quota.RUN_WRITES: 2},
        )
        closing = Demand(
            cpu=self._costs.call,
            chained=answers.table,
            quotas={Quota.RUN_WRITES: 4, Quota.TRANSACTIONS: 1},
        )
        return Batch(opening, self._content(files), closing)

    def _content(self, files: float) -> Demand:
        """Read ranges of packs together, prove them, write files; large ones in parts."""
        mb, data, answers = files * self._size, self.data, self._answers
        reads = mb * data.pack_reads
        puts = files * (1 if self._size <= data.part_mb else math.ceil(self._size / data.part_mb) + 2)
        return Demand(
            cpu=files * self._costs.restored + mb * self._costs.restored_megabyte,
            mb=mb * (1 + data.packed),
            waits=reads * answers.get + puts * answers.put,
            quotas={Quota.REPOSITORY_GETS: reads, Quota.TARGET_PUTS: puts},
        )
