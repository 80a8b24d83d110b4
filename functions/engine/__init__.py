"""The backup engine: pure, streaming, and the only place that knows the repository format.

Vocabulary: a *chunk* is a content-defined piece of a file, named by its SHA-256; a *pack* is an object that
holds many compressed chunks; a *manifest* lists the files of one segment with the places of their chunks; a
*commit record* is the object whose existence makes a backup exist.

Map: `chunker` cuts, `pack` frames, `packer` uploads, `manifest` and `commit` describe, `merge` decides what to
read, `reading` and `workers` do it in parallel, `backup`, `restore` and `verify` are the three jobs. What the engine
needs from outside stands in `ports`; time, ids and randomness are parameters.
"""

from typing import Final

ENGINE_VERSION: Final = "0.1.0"
"""Stands in every commit record."""
