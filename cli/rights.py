"""The rights that people need for the commands about retention. The page of commands shows them; a test holds them.

None is a right to delete, to shorten a lock, or to change what is there. All of them need the repository's key:
`kms:Decrypt` to read, `kms:GenerateDataKey` to write.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from functions.contract.object_keys import ERASURES, HOLDS, PACKS, SNAPSHOTS, WRITE_OFFS

BUCKET: Final = ""


class PersonRight(NamedTuple):
    """Actions on the repository's bucket, on the objects below prefixes of it, or on something else that is named."""

    actions: tuple[str, ...]
    prefixes: tuple[str, ...] = (BUCKET,)
    """`""` is the bucket itself, `"*"` every object."""
    other: str = ""


_READ = (PersonRight(("s3:ListBucket",)), PersonRight(("s3:GetObject",), ("*",)))
_READ_VERSIONS = (
    PersonRight(("s3:ListBucketVersions",)),
    PersonRight(("s3:GetObjectVersionTagging",), (PACKS, SNAPSHOTS)),
)
_LOOK_BACK = (*_READ_VERSIONS, PersonRight(("s3:GetObjectVersion",), (PACKS, SNAPSHOTS)))
_PROTECTION = PersonRight(("s3:GetBucketObjectLockConfiguration", "s3:GetLifecycleConfiguration"))
_USERS = PersonRight(("dynamodb:UpdateItem",), (), "the table of users")
_CATALOG = PersonRight(("dynamodb:Query", "dynamodb:UpdateItem"), (), "the table of backups")


def _write(*prefixes: str) -> PersonRight:
    return PersonRight(("s3:PutObject",), prefixes)


PEOPLE: Final[dict[str, tuple[PersonRight, ...]]] = {
    "retention plan, retention diff, holds, collect show": _READ,
    "collect plan": (*_READ, _PROTECTION, PersonRight(("dynamodb:BatchGetItem",), (), "the dedup table")),
    "collect run": (*_READ, PersonRight(("lambda:InvokeFunction",), (), "the collector")),
    "hold, release": (*_READ, _write(HOLDS)),
    "write-off": (*_READ, _write(WRITE_OFFS)),
    "erase --dry-run, erase --check": (*_READ, *_READ_VERSIONS, _PROTECTION),
    "erase, erase --withdraw": (*_READ, *_READ_VERSIONS, _PROTECTION, _write(ERASURES), _CATALOG, _USERS),
    "undelete --dry-run": (*_READ, *_LOOK_BACK),
    "undelete": (
        *_READ,
        *_LOOK_BACK,
        _write(PACKS, SNAPSHOTS, HOLDS),
        PersonRight(("s3:GetObjectTagging", "s3:PutObjectTagging"), (PACKS, SNAPSHOTS)),
        _CATALOG,
    ),
}
"""By the commands that need them."""


def statements(commands: str, bucket_arn: str) -> list[dict[str, object]]:
    """Give what a person's policy says of the bucket, as IAM writes it. Tables and functions are not in it."""
    return [
        {
            "Effect": "Allow",
            "Action": list(right.actions),
            "Resource": [_arn(bucket_arn, item) for item in right.prefixes],
        }
        for right in PEOPLE[commands]
        if right.prefixes
    ]


def rows() -> list[tuple[str, str]]:
    """Give the table for people: commands, and their rights in words."""
    return [(f"`{commands}`", "; ".join(map(_text, rights))) for commands, rights in PEOPLE.items()]


def _arn(bucket_arn: str, prefix: str) -> str:
    return bucket_arn if prefix == BUCKET else f"{bucket_arn}/{prefix.rstrip('*')}*"


def _text(right: PersonRight) -> str:
    places = {BUCKET: "the bucket", "*": "its objects"}
    where = right.other or ", ".join(places.get(prefix, f"`{prefix}*`") for prefix in right.prefixes)
    return f"{', '.join(f'`{action}`' for action in right.actions)} on {where}"
