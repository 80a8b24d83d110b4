"""What the benchmarks of the functions read from the interpreter, the kernel and the profiler."""

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.coldstart import import_times
from benchmarks.night_cpu import shares, usage

_BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint('done')\n"


def test_imports_are_summed_by_package_and_ours_by_layer() -> None:
    """The standard library is one sum; lines that are no figures are passed over."""
    trace = """import time: self [us] | cumulative | imported package
import time:       100 |        100 |   json.decoder
import time:        50 |        150 | json
import time:       300 |        300 |     botocore.session
import time:        40 |        340 |   botocore
import time:         7 |          7 | functions.engine.model
import time:         3 |          3 | functions.engine
a warning | with | bars"""
    assert import_times(trace) == {"standard library": 150, "botocore": 340, "functions.engine": 10}


def test_cpu_of_children_is_counted_while_they_run_and_after() -> None:
    """A function that has ended is still in the sum of its run."""
    before = usage(os.getpid())
    command = [sys.executable, "-c", _BURN]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 -- our own command
    assert child.stdout is not None
    child.stdout.readline()
    running = usage(os.getpid()).since(before)
    child.communicate()
    ended = usage(os.getpid()).since(before)
    assert running.functions_s >= 0.25
    assert ended.functions_s >= 0.25
    assert ended.server_s < 0.25


def test_idle_time_is_that_of_all_cores() -> None:
    """It never exceeds what there is, but for the moment between the two readings."""
    before = usage(os.getpid())
    time.sleep(0.2)
    passed = usage(os.getpid()).since(before)
    assert passed.wall_s >= 0.2
    assert passed.idle_s <= (os.cpu_count() or 1) * (passed.wall_s + 0.1)


def test_a_profile_tells_the_server_from_the_functions(tmp_path: Path) -> None:
    """The command of the server has several lines, which are no stacks."""
    profile = tmp_path / "profile.txt"
    profile.write_text(
        'process 1:"python -c\n'
        "import os 1x\n"
        'main()";main (hypercorn/run.py);handle (ministack/app.py);put (ministack/services/s3.py);dumps (json.py) 30\n'
        'main()";main (hypercorn/run.py);read (h11/reader.py) 10\n'
        'process 2:"python /tmp/x/_worker.py";run (/tmp/x/_worker.py);go (functions/engine/backup.py);f (zlib.py) 4\n',
        encoding="utf-8",
    )
    found = shares(profile)
    assert found["ministack"] == [("services/s3.py", 0.75), ("web server", 0.25)]
    assert found["functions"] == [("engine/backup.py", 1.0)]
