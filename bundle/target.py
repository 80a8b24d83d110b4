"""What a layer is built for: a Python version on a platform."""

import subprocess
import sys
from dataclasses import dataclass

from bundle.archive import BundleError

# Lambda's Python 3.12 and newer run on Amazon Linux 2023, which has glibc 2.34 (Lambda runtimes, AL2023 release
# notes). pip takes every tag by its exact name, so all that such a system can load are listed.
_GLIBC_MINORS = range(34, 16, -1)
_WHO = (
    "import platform, sys, sysconfig;"
    "print(sys.implementation.cache_tag, sysconfig.get_platform(), *platform.libc_ver(), sep='-')"
)


@dataclass(frozen=True, slots=True)
class Target:
    """A Python version on a platform; `pip_options` make pip choose wheels for it."""

    name: str
    pip_options: tuple[str, ...] = ()


def lambda_target(python: str, architecture: str) -> Target:
    """Lambda's runtime `python3.13` is `("3.13", "arm64")`; the other architecture is `x86_64`."""
    machine = {"arm64": "aarch64"}.get(architecture, architecture)
    tags = [f"manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS] + [f"manylinux2014_{machine}"]
    abis = (f"cp{python.replace('.', '')}", "abi3", "none")
    options = [option for tag in tags for option in ("--platform", tag)]
    options += [option for abi in abis for option in ("--abi", abi)]
    return Target(f"python{python}-{architecture}", (*options, "--python-version", python, "--implementation", "cp"))


def this_machine(python: str = sys.executable) -> Target:
    """An interpreter of this machine, the running one by default, for the sandbox and for tests."""
    try:
        answer = subprocess.run([python, "-c", _WHO], capture_output=True, text=True, check=True)  # noqa: S603 -- ours
    except (OSError, subprocess.CalledProcessError) as error:
        raise BundleError(f"cannot run {python}: {error}; name a Python interpreter") from error
    return Target(answer.stdout.strip())
