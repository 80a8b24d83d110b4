"""What the embedded S3 cannot show of archives: S3 Intelligent-Tiering, refusals, and the requests themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from functions.adapters.s3.archive import S3Archive
from functions.adapters.s3.client import S3Client
from functions.contract.object_keys import pack_key
from functions.engine.errors import AccessError, StrongroomError, UnavailableError
from functions.engine.orchestration.archive import PackState, StoredPack, Tier
from tests.adapters.scripted import Asked, Reply, Script, ScriptedServer, refusal

PACK = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("headers", "state", "place"),
    [
        ({}, PackState.READY, "STANDARD"),
        ({"x-amz-storage-class": "GLACIER_IR"}, PackState.READY, "GLACIER_IR"),
        ({"x-amz-storage-class": "GLACIER"}, PackState.ARCHIVED, "GLACIER"),
        (
            {"x-amz-storage-class": "DEEP_ARCHIVE", "x-amz-restore": 'ongoing-request="true"'},
            PackState.THAWING,
            "DEEP_ARCHIVE",
        ),
        (
            {
                "x-amz-storage-class": "GLACIER",
                "x-amz-restore": 'ongoing-request="false", expiry-date="Fri, 27 Nov 2026 00:00:00 GMT"',
            },
            PackState.READY,
            "GLACIER",
        ),
        ({"x-amz-storage-class": "INTELLIGENT_TIERING"}, PackState.READY, "INTELLIGENT_TIERING"),
        (
            {"x-amz-storage-class": "INTELLIGENT_TIERING", "x-amz-archive-status": "ARCHIVE_ACCESS"},
            PackState.ARCHIVED,
            "ARCHIVE_ACCESS",
        ),
        (
            {
                "x-amz-storage-class": "INTELLIGENT_TIERING",
                "x-amz-archive-status": "DEEP_ARCHIVE_ACCESS",
                "x-amz-restore": 'ongoing-request="true"',
            },
            PackState.THAWING,
            "DEEP_ARCHIVE_ACCESS",
        ),
    ],
)
def test_how_a_pack_stands_is_read_from_its_headers(
    serve: Callable[[Script], ScriptedServer],
    connect: Callable[..., S3Client],
    headers: dict[str, str],
    state: PackState,
    place: str,
) -> None:
    """As HeadObject gives them."""
    server = serve(lambda _asked: Reply(200, b"12345", headers))
    found = list(S3Archive(connect(server.endpoint)).states([PACK]))
    assert found == [StoredPack(PACK, state, place, 5)]
    assert server.asked[0].method == "HEAD"


@pytest.mark.parametrize(("place", "days"), [("GLACIER", "<Days>7</Days>"), ("ARCHIVE_ACCESS", "")])
def test_the_request_to_thaw(
    serve: Callable[[Script], ScriptedServer], connect: Callable[..., S3Client], place: str, days: str
) -> None:
    """S3 refuses a number of days for S3 Intelligent-Tiering."""
    server = serve(lambda _asked: Reply(202))
    S3Archive(connect(server.endpoint)).thaw([StoredPack(PACK, PackState.ARCHIVED, place, 5)], Tier.BULK, 7)
    asked = server.asked[0]
    assert (asked.method, asked.target) == ("POST", f"/bucket/{pack_key(PACK)}?restore=")
    assert f">{days}<GlacierJobParameters><Tier>Bulk</Tier></GlacierJobParameters></RestoreRequest>" in (
        asked.body.decode()
    )


def _thawed_by(reply: Reply) -> Script:
    def script(_asked: Asked) -> Reply:
        return reply

    return script


def test_one_that_thaws_already_is_left_alone(
    serve: Callable[[Script], ScriptedServer], connect: Callable[..., S3Client]
) -> None:
    """Two pollers, or one that was repeated."""
    server = serve(_thawed_by(refusal(409, "RestoreAlreadyInProgress")))
    S3Archive(connect(server.endpoint)).thaw([StoredPack(PACK, PackState.ARCHIVED, "GLACIER", 5)], Tier.STANDARD, 7)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refusal(403, "AccessDenied"), AccessError),
        (refusal(503, "SlowDown"), UnavailableError),
        (refusal(409, "OperationAborted"), UnavailableError),
    ],
)
def test_other_refusals_are_errors(
    serve: Callable[[Script], ScriptedServer],
    connect: Callable[..., S3Client],
    reply: Reply,
    error: type[StrongroomError],
) -> None:
    """A restore must not wait for what will never thaw."""
    server = serve(_thawed_by(reply))
    with pytest.raises(error):
        S3Archive(connect(server.endpoint)).thaw([StoredPack(PACK, PackState.ARCHIVED, "GLACIER", 5)], Tier.STANDARD, 7)
