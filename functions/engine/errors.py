"""The error tree. Every error has a stable code, says what to do next, and knows the exit status it means."""

from __future__ import annotations

from typing import ClassVar


class StrongroomError(Exception):
    """The root: catch this to catch everything that the project raises on purpose."""

    code: ClassVar[str] = "ERROR"
    retryable: ClassVar[bool] = False
    exit_status: ClassVar[int] = 1
    hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        """Keep the message and, when given, a remedy that fits better than the class's own."""
        super().__init__(message)
        self.message = message
        self.remedy = self.hint if hint is None else hint

    def __str__(self) -> str:
        """Give one line: code, what happened, what to do next."""
        return f"{self.code}: {self.message}" + (f" ({self.remedy})" if self.remedy else "")


class ConfigurationError(StrongroomError):
    """A value that a person gave cannot be used."""

    code = "CONFIG_INVALID"
    exit_status = 2
    hint = "correct the value and run the command again"


class NotFoundError(StrongroomError):
    """Something that was named does not exist."""

    code = "NOT_FOUND"
    exit_status = 3
    hint = "check the name and the region"


class BucketNotFoundError(NotFoundError):
    """The bucket does not exist."""

    code = "BUCKET_NOT_FOUND"
    hint = "check the bucket's name and region"


class BlobNotFoundError(NotFoundError):
    """The object does not exist."""

    code = "OBJECT_NOT_FOUND"


class BackupNotFoundError(NotFoundError):
    """No committed backup answers to the name or time that was asked for."""

    code = "BACKUP_NOT_FOUND"
    hint = "list the backups that exist"


class AccessError(StrongroomError):
    """A right is missing."""

    code = "ACCESS_DENIED"
    exit_status = 4
    hint = "grant the named action to the role, on the bucket and on its KMS key"


class CredentialsError(AccessError):
    """The credentials are missing, wrong or expired."""

    code = "CREDENTIALS_INVALID"
    hint = "renew the credentials"


class WrongAccountError(AccessError):
    """The credentials are of another account than the stack."""

    code = "WRONG_ACCOUNT"
    hint = "use credentials of the stack's account: --profile, or AWS_PROFILE"


class UnavailableError(StrongroomError):
    """The store did not answer, or asked to slow down, more often than it was retried."""

    code = "STORE_UNAVAILABLE"
    retryable = True
    exit_status = 5
    hint = "run it again; nothing was lost"


class BlobArchivedError(StrongroomError):
    """The object lies in an archive class and has not been thawed."""

    code = "BLOB_ARCHIVED"
    exit_status = 5
    hint = "restore what needs it by the restore function, which thaws it first"


class OutOfTimeError(StrongroomError):
    """The time of the invocation ended before its work did."""

    code = "OUT_OF_TIME"
    retryable = True
    exit_status = 5
    hint = "run it again; what is large may need `strongroom` on a machine without a time limit"


class BackupTooOldError(StrongroomError):
    """The backup was begun too long ago to be committed."""

    code = "BACKUP_TOO_OLD"
    exit_status = 5
    hint = "make a new backup: what this one relies on may have been let go meanwhile"


class ConflictError(StrongroomError):
    """An object that must be new exists already."""

    code = "ALREADY_EXISTS"
    exit_status = 8
    hint = "another worker wrote it first; read what is there"


class RunActiveError(ConflictError):
    """Another run holds the source, so none was started."""

    code = "RUN_ACTIVE"
    hint = "wait until it has ended, then ask again"


class FunctionFailedError(StrongroomError):
    """A function was called and ended with an error that is not one of ours."""

    code = "FUNCTION_FAILED"
    exit_status = 10
    hint = "see the function's log, and docs/runbooks/function-errors.md"


class RunFailedError(StrongroomError):
    """A run that was asked for backed up nobody, or was taken over by another."""

    code = "RUN_FAILED"
    exit_status = 10
    hint = "see docs/runbooks/backups-failed.md"


class DrillFailedError(StrongroomError):
    """A restore drill that was asked for did not prove its user."""

    code = "DRILL_FAILED"
    exit_status = 10
    hint = "see docs/runbooks/drill-failed.md"


class RequestError(StrongroomError):
    """The store refused a request for a reason that no other class covers."""

    code = "REQUEST_REFUSED"
    exit_status = 5
    hint = "see the service's message"


class FormatError(StrongroomError):
    """The object was written by a newer version, or is not one of ours."""

    code = "FORMAT_UNSUPPORTED"
    exit_status = 6
    hint = "use a release of Strongroom that knows this format"


class CorruptionError(StrongroomError):
    """Stored bytes are not what was written."""

    code = "CORRUPT"
    exit_status = 7
    hint = "run verify at depth full, then restore the object from the replica"


class ChunkCorruptError(CorruptionError):
    """A chunk's bytes do not have the SHA-256 that names it."""

    code = "CHUNK_CORRUPT"


class PackCorruptError(CorruptionError):
    """A pack's footer or index is damaged."""

    code = "PACK_CORRUPT"


class PackMissingError(CorruptionError):
    """A pack that a backup needs does not exist."""

    code = "PACK_MISSING"


class RestoreMismatchError(CorruptionError):
    """What a restore wrote is not what the backup holds."""

    code = "RESTORE_MISMATCH"
    hint = "do not use what was restored; restore it again elsewhere and compare, then run verify at depth full"


class ManifestCorruptError(CorruptionError):
    """A manifest is damaged, cut short or missing."""

    code = "MANIFEST_CORRUPT"


class CommitCorruptError(CorruptionError):
    """A commit record is damaged."""

    code = "COMMIT_CORRUPT"


class SourceObjectError(StrongroomError):
    """One object of the source cannot be read. The backup goes on without it and says so."""

    code = "OBJECT_UNREADABLE"
    exit_status = 9
    hint = "the backup is PARTIAL until the object can be read"


class SourceVanishedError(SourceObjectError):
    """The object was deleted between the listing and the read."""

    code = "OBJECT_VANISHED"


class SourceChangedError(SourceObjectError):
    """The object changed while it was read."""

    code = "OBJECT_CHANGING"
    retryable = True


class SourceArchivedError(SourceObjectError):
    """The object is in an archive class and has not been thawed."""

    code = "OBJECT_ARCHIVED"
    hint = "restore the object from its archive class, or leave it out of the source"


class SourceDeniedError(SourceObjectError):
    """The object may not be read."""

    code = "OBJECT_DENIED"
    exit_status = 4
    hint = "grant s3:GetObject on the object and kms:Decrypt on its key"


class SourceTooLargeError(SourceObjectError):
    """The object cannot be read in one invocation."""

    code = "OBJECT_TOO_LARGE"
    hint = "back its user up with `strongroom backup` from a machine without a time limit; later runs carry it over"


class MessageInvalidError(StrongroomError):
    """A message is malformed, of an unknown version, or about something that does not exist."""

    code = "MESSAGE_INVALID"
    exit_status = 2
    hint = "it is in the dead-letter queue; look for what sent it"


class DestinationExistsError(ConflictError):
    """A restore met an object that must not be overwritten."""

    code = "DESTINATION_EXISTS"
    hint = "choose the conflict policy overwrite or rename, or another destination"
