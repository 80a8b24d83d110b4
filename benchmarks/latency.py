"""First backup of `reports` with one core for the client and 20 ms added to every request.

Needs the in-memory server as a program: `BENCH_NULLS3=path`. It runs on core 0, the client on core 1.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import datasets, manifest
from benchmarks.measure import Cost, median, pinned, run
from benchmarks.ours import PROJECT, Strongroom
from benchmarks.server import Server, identify

LATENCY = "20ms"
SERVER_CORE, CLIENT_CORE = 0, 1
START_TIMEOUT_S = 10.0


def program() -> str | None:
    """Return the in-memory server's program, if the environment names one."""
    return os.environ.get("BENCH_NULLS3") or None


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_up(endpoint: str) -> None:
    """Wait for the server's first answer."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            identify(endpoint)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def slow_server(binary: str) -> Iterator[Server]:
    """Run a server with latency on its own core."""
    address = f"127.0.0.1:{free_port()}"
    command = [binary, "-addr", address, "-lat", LATENCY, "-md5=false"]
    process = subprocess.Popen(pinned(command, SERVER_CORE), stderr=subprocess.DEVNULL)
    try:
        wait_until_up(f"http://{address}")
        yield Server(f"http://{address}", "nulls3")
    finally:
        process.terminate()
        process.wait()


def measure(binary: str, data: Path, rounds: int) -> tuple[float, list[Cost]]:
    """Return objects per second (median) and the runs."""
    expected = datasets.manifest_path(data, "day1/reports")
    files = len(manifest.read(expected))
    costs: list[Cost] = []
    with slow_server(binary) as server:
        server.create("slow-source")
        server.objects_tool("upload-slow", "slow-source", data / "day1" / "reports", expected)
        for number in range(rounds):
            repository = f"slow-repository-{number}"
            server.create(repository)
            tool = Strongroom(server, "slow-source", repository)
            environment = tool.environment()
            cost = run(tool.backup(), environment=environment, folder=PROJECT, core=CLIENT_CORE)
            costs.append(cost)
            server.drop(repository)
    return median(files / cost.wall_s for cost in costs), costs
