"""`python -m bundle` builds what is shipped and says how large it is; `--lambda` for Lambda, else for this machine."""

import argparse
import sys
from pathlib import Path

from bundle.archive import BundleError
from bundle.code import functions_archive
from bundle.layer import layer_archive
from bundle.paths import BUILD, LOCK, ROOT
from bundle.target import lambda_target, this_machine


def main() -> int:
    """Build both archives. Exit status 1 when it cannot be done, with the reason."""
    parser = argparse.ArgumentParser(prog="bundle", description=__doc__)
    parser.add_argument("--lambda", dest="runtime", action="store_true", help="for Lambda, python3.13 on arm64")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    options = parser.parse_args()
    target = lambda_target("3.13", "arm64") if options.runtime else this_machine()
    try:
        archives = [functions_archive(ROOT, BUILD), layer_archive(LOCK, target, BUILD)]
    except BundleError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for archive in () if options.quiet else archives:
        packed = archive.path.stat().st_size
        place = archive.path.relative_to(Path.cwd()) if archive.path.is_relative_to(Path.cwd()) else archive.path
        sys.stdout.write(f"{place}: {packed / 1e6:.1f} MB, unpacked {archive.unpacked_bytes / 1e6:.1f} MB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
