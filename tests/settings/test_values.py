"""Texts: what is taken and what is refused, at the limits that AWS sets."""

from __future__ import annotations

from zoneinfo import available_timezones

import pulumi_aws
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from components.settings import values
from components.settings.regions import REGIONS, partition_of
from tests.settings.kit import steadily

TAKEN: dict[str, list[str]] = {
    "AccountId": ["123456789012", "000000000000"],
    "Region": ["us-east-1", "ap-southeast-7"],
    "Environment": ["prod", "d", "prod-eu", "abcdefghijkl", "a1-b2-c3"],
    "BucketName": ["abc", "a" * 63, "acme.reports-1", "1acme"],
    "SourceName": ["reports", "A_b-1", "x" * 40],
    "SourcePrefix": ["", "clients/", "a/b/", "Kunden ä/"],
    "UserPattern": ["board", "legal-*", "x" * 256, "Zoë"],
    "KeyArn": [
        "arn:aws:kms:us-east-1:123456789012:key/1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9",
        "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-" + "0" * 32,
    ],
    "RoleArn": [
        "arn:aws:iam::123456789012:role/break-glass",
        "arn:aws-us-gov:iam::123456789012:role/teams/backup/" + "x" * 64,
    ],
    "Email": ["a@b.co", "backup-alerts+prod@mail.example.com", "x" * 64 + "@example.com", "o'brien@example.com"],
    "Cidr": ["10.0.0.0/16", "172.31.0.0/20", "192.168.1.0/28", "100.64.0.0/16"],
    "Timezone": ["UTC", "Europe/Berlin"],
    "TagKey": ["CostCenter", "cost:center/1 +-=._@", "x" * 128, "Größe"],
    "TagValue": ["", "x" * 256, "a b"],
}

REFUSED: dict[str, list[str]] = {
    "AccountId": ["", "12345678901", "1234567890123", "12345678901x", "١٢٣٤٥٦٧٨٩٠١٢", "123456789012\n"],
    "Region": ["", "us-east-9", "US-EAST-1", "us-east-1a"],
    "Environment": ["", "Prod", "1prod", "prod-", "-prod", "a--b", "abcdefghijklm", "prod_eu", "prod\n"],
    "BucketName": ["ab", "a" * 64, "Acme", "acme_reports", "-acme", "acme-", "a..b", "10.0.0.1", "xn--a", "a-s3alias"],
    "SourceName": ["", "x" * 41, "a b", "-a", "ä", "a/b", "a.b"],
    "SourcePrefix": ["clients", "/clients/", "a//b/", "/", "a\n/", "x" * 512 + "/"],
    "UserPattern": ["", "x" * 257, "a\x00"],
    "KeyArn": [
        "",
        "alias/acme",
        "arn:aws:kms:us-east-1:123456789012:alias/acme",
        "1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9",
        "arn:aws:kms:us-east-1:12345678901:key/1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9",
    ],
    "RoleArn": [
        "",
        "break-glass",
        "arn:aws:iam::123456789012:role/*",
        "arn:aws:iam::123456789012:role/break-?lass",
        "arn:aws:iam::*:role/break-glass",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/" + "x" * 65,
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:user/ada",
        "arn:aws:sts::123456789012:assumed-role/break-glass/ada",
        "arn:aws:iam::123456789012:role/break-glass\n",
    ],
    "Email": ["", "a", "a@b", "a b@example.com", "a@example.com,b@example.com", "a@-x.com", ".a@b.co", "a..b@b.co",
              "a@b.co\n", "x" * 65 + "@example.com", "a@" + "x." * 130 + "com"],
    "Cidr": ["", "10.0.0.0",
             "10.0.0.1/16", "10.0.0.0/15", "10.0.0.0/29", "11.0.0.0/16", "fd00::/64", "10.0.0.0/255.0.0.0"],
    "Timezone": ["", "Mars/Olympus", "../etc/passwd", "utc"],
    "TagKey": ["", "aws:x", "AWS:x", "x" * 129, "a{b}", " a", "a ", "a\nb"],
    "TagValue": ["x" * 257, "{}", "a\nb", "a;b"],
}  # fmt: skip


def _read(name: str, text: str) -> object:
    return TypeAdapter(getattr(values, name)).validate_python(text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in TAKEN.items() for text in texts])
def test_what_aws_takes_is_taken(name: str, text: str) -> None:
    """As it is."""
    assert _read(name, text) == text


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in REFUSED.items() for text in texts])
def test_what_aws_would_refuse_is_refused(name: str, text: str) -> None:
    """Before anything is deployed."""
    with pytest.raises(ValidationError):
        _read(name, text)


@steadily
@given(st.sampled_from(sorted(TAKEN)), st.text(max_size=70) | st.from_regex(r"[a-z0-9./@:-]{0,70}", fullmatch=True))
def test_any_text_is_taken_as_it_is_or_refused(name: str, text: str) -> None:
    """Never another error, never another text."""
    try:
        assert _read(name, text) == text
    except ValidationError:
        return


def test_regions_are_those_of_the_provider() -> None:
    """But for the partitions that are closed to the public."""
    closed = ("us-iso", "eu-iso", "eusc-")
    assert list(REGIONS) == sorted(region.value for region in pulumi_aws.Region if not region.value.startswith(closed))
    assert {partition_of(region) for region in REGIONS} == {"aws", "aws-cn", "aws-us-gov"}


def test_the_machine_knows_time_zones() -> None:
    """Without its database every zone but UTC would be refused."""
    assert "Europe/Berlin" in available_timezones()
