"""The engine's Destination on a local directory. Metadata that a file system cannot hold goes to a JSON lines file."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import threading
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from functions.adapters.local_names import RESERVED, LocalNames
from functions.adapters.memory import answered
from functions.engine.conflict import Conflict, renamed
from functions.engine.errors import ConfigurationError, DestinationExistsError
from functions.engine.model import Buffer, Properties
from functions.engine.ports import Target

METADATA_FILE = f"{RESERVED}metadata.jsonl"
_SCRATCH = f"{RESERVED}scratch"
_FOLDERS_KEPT = 65_536
_IOV_MAX = 1_024


class LocalDirectory:
    """Files below `root`. They are written in a scratch folder and renamed when they are whole."""

    def __init__(
        self,
        root: Path,
        *,
        prefix: str,
        conflict: Conflict,
        label: str,
        part: str = "",
        users: AbstractSet[str] = frozenset(),
    ) -> None:
        """Use `root`; `prefix` is cut off the keys; `label` is put into the names of the policy `rename`.

        `users` are the folders that are restored side by side, see LocalNames.
        `part` tells processes apart that restore into one directory at once.
        """
        self._root = root
        self._prefix = prefix
        self._conflict = conflict
        self._label = label
        self._names = LocalNames(users)
        self._folders: set[str] = set()
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._scratch = root / (_SCRATCH + part)
        try:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch.mkdir(parents=True)
            self._metadata = os.open(root / METADATA_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise _unusable(error) from error

    def place(self, key: str) -> Target | None:
        """See Destination."""
        name = self._names.path(key.removeprefix(self._prefix))
        if self._conflict is not Conflict.OVERWRITE and os.path.lexists(self._root / name):
            if self._conflict is Conflict.SKIP:
                return None
            name = renamed(name, self._label)
        return Target(name, key)

    def write(
        self,
        target: Target,
        parts: Sequence[Buffer],
        properties: Properties,
        modified: str,
        sha256: bytes | None = None,  # noqa: ARG002 - a disk does not ask for it
    ) -> Future[str]:
        """See Destination."""
        return answered(lambda: self._write(target, parts, properties, modified))

    def begin(self, target: Target, size: int, properties: Properties, modified: str) -> LocalLargeFile:
        """See Destination."""
        return LocalLargeFile(self, target, size, properties, modified)

    def finish(self) -> None:
        """See Destination."""
        with self._lock:
            if self._metadata >= 0:
                os.close(self._metadata)
                self._metadata = -1
        shutil.rmtree(self._scratch, ignore_errors=True)

    def scratch_file(self) -> str:
        """Give a path in the scratch folder that nobody else gets."""
        return f"{self._scratch}/{next(self._numbers)}"

    def publish(self, scratch: str, target: Target, properties: Properties, modified: str) -> str:
        """Note the metadata of a whole scratch file, then give it its name: what is visible has been noted."""
        self._note(target, properties, modified)
        path = f"{self._root}/{target.name}"
        self._make_folder(path.rpartition("/")[0])
        if self._conflict is Conflict.OVERWRITE:
            os.rename(scratch, path)
        else:
            try:
                os.link(scratch, path)
            except FileExistsError:
                raise DestinationExistsError(f"{path} exists") from None
            finally:
                os.unlink(scratch)
        return target.name

    def _write(self, target: Target, parts: Sequence[Buffer], properties: Properties, modified: str) -> str:
        scratch = self.scratch_file()
        try:
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                write_all(descriptor, parts, 0)
                set_time(descriptor, modified)
            finally:
                os.close(descriptor)
            return self.publish(scratch, target, properties, modified)
        except OSError as error:
            with suppress(OSError):
                os.unlink(scratch)
            raise _unusable(error) from error

    def _make_folder(self, folder: str) -> None:
        if folder in self._folders:
            return
        make_folders(folder)
        if len(self._folders) >= _FOLDERS_KEPT:
            self._folders.clear()
        self._folders.add(folder)

    def _note(self, target: Target, properties: Properties, modified: str) -> None:
        line = json.dumps(
            {
                "path": target.name,
                "key": target.key,
                "modified": modified,
                "system": properties.system,
                "user": properties.user,
                "tags": properties.tags,
            },
            ensure_ascii=False,
        )
        os.write(self._metadata, line.encode() + b"\n")


class LocalLargeFile:
    """A file written in parts at their offsets, in the scratch folder."""

    def __init__(
        self, directory: LocalDirectory, target: Target, size: int, properties: Properties, modified: str
    ) -> None:
        """Create the scratch file with its full length, so that a full disk is met before the work."""
        self._directory = directory
        self._target = target
        self._properties = properties
        self._modified = modified
        self._scratch = directory.scratch_file()
        try:
            descriptor = os.open(self._scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                os.truncate(descriptor, size)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _unusable(error) from error

    def write(self, number: int, offset: int, parts: Sequence[Buffer]) -> Future[None]:  # noqa: ARG002
        """See LargeWrite."""
        return answered(lambda: self._write(offset, parts))

    def complete(self) -> Future[str]:
        """See LargeWrite."""
        return answered(self._complete)

    def abort(self) -> None:
        """See LargeWrite."""
        with suppress(OSError):
            os.unlink(self._scratch)

    def _write(self, offset: int, parts: Sequence[Buffer]) -> None:
        """Open the file for each part: a restore may have more large files under way than descriptors."""
        try:
            descriptor = os.open(self._scratch, os.O_WRONLY)
            try:
                write_all(descriptor, parts, offset)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _unusable(error) from error

    def _complete(self) -> str:
        try:
            set_time(self._scratch, self._modified)
            return self._directory.publish(self._scratch, self._target, self._properties, self._modified)
        except OSError as error:
            raise _unusable(error) from error


def clear_scratch(root: Path) -> None:
    """Remove what processes that were ended have left behind."""
    for folder in root.glob(f"{_SCRATCH}*"):
        shutil.rmtree(folder, ignore_errors=True)


def write_all(descriptor: int, parts: Sequence[Buffer], offset: int) -> None:
    """Write all parts at `offset`, however little the system takes at a time."""
    waiting = [memoryview(part) for part in parts if len(part)]
    while waiting:
        written = os.pwritev(descriptor, waiting[:_IOV_MAX], offset)
        offset += written
        while waiting and written >= len(waiting[0]):
            written -= len(waiting.pop(0))
        if written:
            waiting[0] = waiting[0][written:]


def make_folders(folder: str) -> None:
    """Make a folder and those above it. Not by recursion: a key may have a thousand slashes."""
    missing: list[str] = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = folder.rpartition("/")[0] or "/"
    for name in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(name)


def set_time(file: int | str, modified: str) -> None:
    """Give the file, open or by its path, the time of its object."""
    stamp = datetime.fromisoformat(modified).timestamp()
    os.utime(file, (stamp, stamp))


def _unusable(error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"the destination directory cannot be written: {error}",
        hint="choose a directory with room and rights",
    )
