"""Content-defined chunking: FastCDC 2020, normalised (Xia et al., IEEE TPDS, doi 10.1109/TPDS.2020.2984632).

Boundaries depend on content alone, so an insertion moves only the boundaries near it. The parameters are part
of the repository format: other values would still restore, but would no longer find the chunks that exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import pyfastcdc

from functions.engine.errors import ConfigurationError
from functions.engine.model import Buffer
from functions.engine.safety import KIB, MIB


@dataclass(frozen=True, slots=True)
class ChunkerParameters:
    """Sizes in bytes. A file of at most `minimum` bytes is one chunk."""

    minimum: int = 64 * KIB
    average: int = 256 * KIB
    maximum: int = 1 * MIB
    normalization: int = 2


FORMAT_1 = ChunkerParameters()


class Chunker:
    """Cuts one file, fed in pieces of any size, into chunks that do not depend on how it was fed.

    Not safe for concurrent use: one instance a file.
    """

    def __init__(self, parameters: ChunkerParameters = FORMAT_1) -> None:
        """Cut with `parameters`; `require_native` says whether it will be fast."""
        self._parameters = parameters
        self._carry: Buffer = b""

    def feed(self, data: Buffer, *, last: bool = False) -> list[memoryview]:
        """Take the next piece and give the chunks that are certain; with `last`, all that remain.

        The chunks are views of `data`, or of a copy when an earlier piece left a rest. A cut depends only on
        the bytes after the cut before it, so cutting the carried rest again gives the same boundaries.
        """
        buffer = b"".join((self._carry, data)) if self._carry else data
        view = memoryview(buffer)
        if last and len(view) <= self._parameters.minimum:
            self._carry = b""
            return [view] if view else []
        chunks = [view[cut.offset : cut.offset + cut.length] for cut in _cutter(self._parameters).cut_buf(view)]
        if last:
            self._carry = b""
        elif chunks:
            self._carry = bytes(chunks.pop())
        return chunks


@lru_cache(maxsize=4)
def _cutter(parameters: ChunkerParameters) -> pyfastcdc.FastCDC:
    """Give the cutter of these sizes. It keeps nothing between buffers, so all files and threads share it."""
    return pyfastcdc.FastCDC(
        parameters.average,
        min_size=parameters.minimum,
        max_size=parameters.maximum,
        normalized_chunking=parameters.normalization,  # type: ignore[arg-type]
    )


def require_native() -> None:
    """Raise ConfigurationError unless the compiled cutter is loaded; the pure one has 0.5 % of its speed."""
    module = pyfastcdc.FastCDC.__module__
    if not module.startswith("pyfastcdc.cy"):
        message = f"the compiled FastCDC extension is not loaded (got {module})"
        raise ConfigurationError(message, hint="install the pyfastcdc wheel that is built for this Python and machine")
