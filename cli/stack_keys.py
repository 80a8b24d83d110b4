"""The keys of a stack: what each encrypts, and what its state means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from functions.runtime.key_reading import KeyState

ROLES: Final = {
    "RepositoryKeyArn": "repository",
    "EncryptionKeyArn": "stack",
    "ReplicationKeyArn": "replica",
}
"""What a key is to the stack, by the output that names it."""

_USED_BY: Final = {
    "repository": "every backup in the repository's bucket: packs, manifests, commit records",
    "stack": "tables, queues, topics, logs, the environments of functions, scratch and trail",
    "replica": "every backup in the second region, and the copies of the tables there",
}
_ARN_PARTS: Final = 6


class StackKey(NamedTuple):
    """A key by its ARN, and what it is to the stack: often several things at once."""

    arn: str
    roles: tuple[str, ...]

    @property
    def region(self) -> str:
        """Give the region in which it is asked for, and used."""
        return self.arn.split(":")[3]

    @property
    def key_id(self) -> str:
        """Give its id."""
        return self.arn.rpartition("/")[2]

    @property
    def used_by(self) -> str:
        """Say what it encrypts."""
        return "; ".join(_USED_BY[role] for role in self.roles)


def keys_of(outputs: Mapping[str, Any]) -> list[StackKey]:
    """Give the keys that a stack's outputs name, each once."""
    roles: dict[str, list[str]] = {}
    for output, role in ROLES.items():
        arn = outputs.get(output)
        if isinstance(arn, str) and arn.startswith("arn:") and len(arn.split(":")) == _ARN_PARTS:
            roles.setdefault(arn, []).append(role)
    return [StackKey(arn, tuple(found)) for arn, found in roles.items()]


def in_danger(found: KeyState) -> bool:
    """Say whether what the key encrypts cannot be read, or soon will not be."""
    return found.state != "Enabled" or found.deleted_on is not None


def meaning(key: StackKey, found: KeyState) -> str:
    """Say in one sentence what breaks when, and what to do."""
    if found.deleted_on is not None:
        return (
            f"nothing that it encrypts can be read now, and from {found.deleted_on:%Y-%m-%d %H:%M} UTC on never again: "
            f"{key.used_by}. At once: aws kms cancel-key-deletion --region {key.region} --key-id {key.key_id}, then "
            f"aws kms enable-key --region {key.region} --key-id {key.key_id}"
        )
    if found.state != "Enabled":
        return (
            f"it is {found.state}, and nothing that it encrypts can be read or written: {key.used_by}. "
            f"aws kms enable-key --region {key.region} --key-id {key.key_id}"
        )
    if not found.rotates:
        return (
            "nothing breaks, but it does not rotate: "
            f"aws kms enable-key-rotation --region {key.region} --key-id {key.key_id}"
        )
    return "nothing breaks: KMS keeps what a rotation replaces, and opens with it what it has sealed"
