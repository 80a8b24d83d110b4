"""Types of text that settings are made of: what is allowed, in words and as a check, with an example."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Annotated, Final, TypeAlias
from zoneinfo import available_timezones

from components.settings.cron import parse_schedule
from components.settings.regions import REGIONS
from components.settings.section import Checked

_PRIVATE: Final = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
_VPC_PREFIXES: Final = range(16, 29)
"""Amazon VPC User Guide, "VPC CIDR blocks"."""
_PREFIX_BYTES: Final = 512
"""Of the 1,024 bytes that a key may have: a source's prefix leaves room for users and their files."""
_USER_LENGTH: Final = 256
_EMAIL_LENGTH: Final = 254
"""RFC 5321, section 4.5.3.1.3, without the angle brackets."""

_BUCKET: Final = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?<!-s3alias)(?<!--ol-s3)")
_IP_ADDRESS: Final = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_LOCAL_PART: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_EMAIL: Final = re.compile(rf"(?=.{{1,64}}@){_LOCAL_PART}@(?:{_LABEL}\.)+[A-Za-z]{{2,63}}")
_KEY_ARN: Final = re.compile(
    r"arn:aws(?:-cn|-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)
_ROLE_ARN: Final = re.compile(
    r"arn:aws(?:-cn|-us-gov)?:iam::[0-9]{12}:role/(?:[A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}"
)
_TAG: Final = r"[\w \-+=.:/@]"


def is_bucket_name(text: str) -> bool:
    """Amazon S3 User Guide, "General purpose bucket naming rules". Dots break TLS by virtual host, but are allowed."""
    return bool(_BUCKET.fullmatch(text)) and not _IP_ADDRESS.fullmatch(text) and ".." not in text


def is_source_prefix(text: str) -> bool:
    """Empty, or a folder: a prefix without a slash at its end would protect its neighbours too."""
    if not text.isprintable() or len(text.encode()) > _PREFIX_BYTES:
        return False
    return not text or (text.endswith("/") and not text.startswith("/") and "//" not in text)


def is_vpc_cidr(text: str) -> bool:
    """A private IPv4 network of a size that a VPC may have, without host bits."""
    try:
        network = IPv4Network(text)
    except ValueError:
        return False
    return (
        str(network) == text
        and network.prefixlen in _VPC_PREFIXES
        and any(network.subnet_of(private) for private in _PRIVATE)
    )


def is_timezone(text: str) -> bool:
    """Of the IANA database. UTC needs none."""
    return text == "UTC" or text in available_timezones()


AccountId: TypeAlias = Annotated[
    str, Checked(re.compile(r"[0-9]{12}", re.ASCII).fullmatch, "12 digits, in quotes", "123456789012")
]
Region: TypeAlias = Annotated[str, Checked(REGIONS.__contains__, "a region of AWS", "us-east-1", REGIONS)]
Environment: TypeAlias = Annotated[
    str,
    Checked(
        re.compile(r"(?=.{1,12}\Z)[a-z][a-z0-9]*(?:-[a-z0-9]+)*").fullmatch,
        "up to 12 lower-case letters, digits and single hyphens, a letter first",
        "prod",
    ),
]
"""12 characters: the longest bucket name of ours then has the 63 that S3 allows."""
BucketName: TypeAlias = Annotated[
    str, Checked(is_bucket_name, "3 to 63 lower-case letters, digits, dots and hyphens", "acme-reports")
]
SourceName: TypeAlias = Annotated[
    str,
    Checked(
        re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}").fullmatch,
        "up to 40 letters, digits, hyphens and underscores, a letter or digit first",
        "reports",
    ),
]
"""Exactly what stands in object keys, metrics and notices without being encoded."""
SourcePrefix: TypeAlias = Annotated[
    str, Checked(is_source_prefix, "empty, or a folder that ends with '/', up to 512 bytes", "clients/")
]
UserPattern: TypeAlias = Annotated[
    str,
    Checked(
        lambda text: 1 <= len(text) <= _USER_LENGTH and text.isprintable(),
        "a user, or the beginning of users followed by *",
        "board",
    ),
]
KeyArn: TypeAlias = Annotated[
    str,
    Checked(
        _KEY_ARN.fullmatch,
        "the ARN of a KMS key, not of an alias",
        "arn:aws:kms:us-east-1:123456789012:key/1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9",
    ),
]
RoleArn: TypeAlias = Annotated[
    str,
    Checked(
        _ROLE_ARN.fullmatch,
        "the ARN of an IAM role, without wildcards",
        "arn:aws:iam::123456789012:role/break-glass",
    ),
]
Email: TypeAlias = Annotated[
    str,
    Checked(
        lambda text: len(text) <= _EMAIL_LENGTH and bool(_EMAIL.fullmatch(text)),
        "an e-mail address",
        "backup-alerts@example.com",
    ),
]
Cidr: TypeAlias = Annotated[
    str, Checked(is_vpc_cidr, "a private IPv4 network from /16 to /28, without host bits", "10.0.0.0/16")
]
Schedule: TypeAlias = Annotated[
    str,
    Checked(
        lambda text: parse_schedule(text) is not None,
        "a cron expression of six fields, every year, one of the two day fields '?', or a rate",
        "cron(0 2 * * ? *)",
    ),
]
Timezone: TypeAlias = Annotated[str, Checked(is_timezone, "a time zone of the IANA database", "Europe/Berlin")]
TagKey: TypeAlias = Annotated[
    str,
    Checked(
        re.compile(rf"(?!aws:)(?!\s)(?=.*\S\Z){_TAG}{{1,128}}", re.IGNORECASE).fullmatch,
        "1 to 128 letters, digits, spaces and + - = . _ : / @, not beginning with aws:",
        "CostCenter",
    ),
]
TagValue: TypeAlias = Annotated[
    str,
    Checked(
        re.compile(rf"{_TAG}{{0,256}}").fullmatch,
        "up to 256 letters, digits, spaces and + - = . _ : / @",
        "DataProtection",
    ),
]
