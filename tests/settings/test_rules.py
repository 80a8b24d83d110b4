"""Rules between keys: each refuses what it is about, names the key, and lets the neighbouring value pass."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings import Names, Settings, load, stack_tags
from components.settings.problems import key_of
from components.settings.rules import RULES
from components.settings.shapes import fields_of
from components.settings.tags import OWN_TAGS
from functions.engine.errors import ConfigurationError
from tests.settings.kit import DEV, KEY, PROD, SOURCE, config, loaded, refused, steadily

OTHER_SOURCE = {"name": "mail", "bucket": "acme-mail"}
NAMES = Names(load(DEV))
ROLE = "arn:aws:iam::123456789012:role/emergency"
WEST = {"region": "us-west-2", "environment": "dev-west", "replica": {}}
WEST_KEY = KEY.replace("us-east-1", "us-west-2")
TAKES_OVER = {"environment": "dev", "keyArn": WEST_KEY}
EU_KEY = KEY.replace("us-east-1", "eu-west-1")

REFUSED: list[tuple[dict[str, Any], str]] = [
    (PROD | {"protect": False}, "protect is false: must not be relaxed in prod, such as true"),
    (
        PROD | {"replica": {}},
        'replica is {}: must be set in prod: its backups survive the loss of a region, such as {"',
    ),
    (PROD | {"network": {"isolated": False}}, "network.isolated is false: must not be relaxed in prod, such as true"),
    (PROD | {"network": {"zones": 1}}, "network.zones is 1: must not be relaxed in prod, such as 2"),
    (PROD | {"notifications": {}}, "notifications.email is null: must be set in prod"),
    (PROD | {"schedules": {"paused": True}}, "schedules.paused is true: must not be relaxed in prod, such as false"),
    (PROD | {"environment": "prod-eu", "protect": False}, "protect is false: must not be relaxed in prod"),
    (config(environment="production"), 'environment is "production": must be prod, or begin with prod-'),
    (config(environment="prd"), 'environment is "prd": must be prod'),
    (config(environment="prd-eu"), 'environment is "prd-eu": must be prod'),
    (config(environment="porduction"), 'environment is "porduction": must be prod'),
    (config(environment="live"), 'environment is "live": must be prod'),
    (config(environment="prod2"), 'environment is "prod2": must be prod'),
    (config(replica={"region": "us-east-1"}), 'replica.region is "us-east-1": must be another region than us-east-1'),
    (config(replica={"region": "cn-north-1"}), 'replica.region is "cn-north-1": must be another region than us-east-1'),
    (config(region="us-gov-west-1"), 'replica.region is "us-west-2": must be another region than us-gov-west-1'),
    (config(retention={"days": 29}), "retention.lockDays is 30: must be at most retention.days, which is 29"),
    (
        config(retention={"days": 30, "undeleteDays": 31}),
        "retention.undeleteDays is 31: must be at most retention.days, which is 30, such as 14",
    ),
    (config(tier={"storageClass": "GLACIER"}), "no restore ends before 5 hours, beyond the RTO of 2"),
    (
        config(tier={"storageClass": "DEEP_ARCHIVE"}),
        "unless tier.acceptSlowRestore is true (DEEP_ARCHIVE costs 0.99 USD",
    ),
    (
        config(alarms={"runWindowMinutes": 240}, schedules={"incremental": "cron(0 2/3 ? * MON-SAT *)"}),
        "must be at most 180, the minutes between two runs of schedules.incremental, cron(0 2/3 ? * MON-SAT *), such",
    ),
    (
        config(schedules={"incremental": "cron(0 2 * * ? *)"}),
        "must leave out the times of schedules.full, cron(0 2 ? * SUN *): they come 0 minutes apart, a run may take",
    ),
    (
        config(schedules={"incremental": "cron(0 2 * * ? *)", "full": "cron(0 1 ? * SUN *)"}),
        "they come 60 minutes apart, a run may take 240",
    ),
    (config(schedules={"incremental": "rate(1 day)"}), "a rate beside another schedule may meet it"),
    (
        config(schedules={"full": "cron(0 1,4 ? * SUN *)"}),
        "alarms.runWindowMinutes is 240: must be at most 180, the minutes between two runs of schedules.full",
    ),
    (
        config(schedules={"incremental": "cron(0 2 ? * MON-FRI *)"}),
        "alarms.rpoHours is 24: must be at least 48, the hours that pass without a run",
    ),
    (
        config(schedules={"watchdog": "rate(25 hours)"}, alarms={"silenceHours": 27}),
        'schedules.watchdog is "rate(25 hours)": must come once a day',
    ),
    (
        config(schedules={"collect": "cron(0 10 ? * MON-FRI *)"}),
        'schedules.collect is "cron(0 10 ? * MON-FRI *)": must come once a day or more often, together with',
    ),
    (
        config(alarms={"collectionHours": 25}),
        "alarms.collectionHours is 25: must be at least 26, two hours more than pass without schedules.collect or",
    ),
    (
        config(schedules={"drill": "cron(0 8 ? * SUN *)"}),
        "must come every 24 hours or more often, and comes every 168 at the longest: after 26 hours, alarms.silence",
    ),
    (config(schedules={"sample": "rate(2 days)"}), 'schedules.sample is "rate(2 days)": must come every 24 hours'),
    (
        config(schedules={"drill": "rate(29 hours)"}, alarms={"silenceHours": 30}),
        'schedules.drill is "rate(29 hours)": must come every 28 hours',
    ),
    (PROD | {"vault": {"enabled": False}}, "vault.enabled is false: must not be relaxed in prod, such as true"),
    (
        config(vault={"monthlyDays": 119, "coldDays": 30}),
        "vault.monthlyDays is 119: must be at least 120, 90 more than vault.coldDays: cold storage takes no less",
    ),
    (config(vault={"copyDays": 34}), "vault.copyDays is 34: must be at least vault.dailyDays, which is 35"),
    (
        config(vault={"restoreTest": "rate(30 days)"}),
        'vault.restoreTest is "rate(30 days)": must be a cron expression: AWS Backup takes no rates',
    ),
    (
        config(vault={"sources": True, "enabled": False}),
        "vault.sources is true: must be false while vault.enabled is false: sources are kept beside the tables, not",
    ),
    (
        config(vault={"sources": True}, sources=[SOURCE | {"keyArn": KEY.replace(":123456789012:", ":210987654321:")}]),
        "must be a key of the account 123456789012 while vault.sources is true: AWS Backup takes buckets of its own",
    ),
    (
        config(vault={"sources": True}, sources=[SOURCE | {"bucket": "strongroom-dev-restored-reports"}]),
        'sources[0].bucket is "strongroom-dev-restored-reports": must not begin with strongroom-dev-restored- while',
    ),
    (
        config(vault={"sources": True}, sources=[SOURCE | {"keyArn": KEY.replace("us-east-1", "eu-west-1")}]),
        f"must be a key of the stack's region, us-east-1, as its buckets are, such as {KEY}",
    ),
    (
        config(alarms={"drillAgeDays": 90}),
        "alarms.drillAgeDays is 90: must be more than verification.drillCoverageDays, which is 90",
    ),
    (
        config(retention={"auditDays": 400}),
        "retention.auditLockDays is 2555: must be at most retention.auditDays, which is 400, such as 400",
    ),
    (
        config(workers={"concurrency": 850}),
        "workers.accountConcurrency is 1000: must be 100 more than the 940 that these functions reserve",
    ),
    (config(workers={"accountConcurrency": 10}), "name smaller concurrencies, or set workers.reserved to false"),
    (config(network={"zones": 6}), "network.zones is 6: must be at most 5, the zones of us-east-1"),
    (
        config(remediation={"memoryCeilingMb": 1_024}),
        "remediation.memoryCeilingMb is 1024: must be at least 1769, workers.memoryMb",
    ),
    (config(region="eu-west-1", network={"zones": 4}), "must be at most 3, the zones of eu-west-1"),
    (
        config(access={"breakGlassRoles": ["arn:aws:iam::210987654321:role/emergency"]}),
        "must be a role of the account 123456789012, and none that this stack makes, such as arn:aws:iam::1234",
    ),
    (
        config(access={"expirerRoles": ["arn:aws-cn:iam::123456789012:role/collector"]}),
        'access.expirerRoles[0] is "arn:aws-cn:iam::123456789012:role/collector": must be a role of the account',
    ),
    (
        config(access={"breakGlassRoles": [f"arn:aws:iam::123456789012:role/{NAMES.stack}-worker-1a2b3c"]}),
        "and none that this stack makes",
    ),
    (
        config(access={"breakGlassRoles": [ROLE], "expirerRoles": [ROLE]}),
        f'access.expirerRoles[0] is "{ROLE}": must not be in access.breakGlassRoles too',
    ),
    (
        config(
            access={"trustedAccounts": ["210987654321"]},
            sources=[{"name": f"s{number}", "bucket": "bbb", "prefix": f"{number}/"} for number in range(26)],
        ),
        "must be 25 sources at most when accounts are trusted",
    ),
    (
        config(sources=[SOURCE | {"bucket": NAMES.bucket("primary")}]),
        f'sources[0].bucket is "{NAMES.bucket("primary")}": must not be a bucket of this stack',
    ),
    (
        config(restore={"buckets": ["acme-restored", NAMES.bucket("replica", "us-west-2")]}),
        f'restore.buckets[1] is "{NAMES.bucket("replica", "us-west-2")}": must not be a bucket of this stack',
    ),
    (
        config(sources=[SOURCE, OTHER_SOURCE | {"name": "reports"}]),
        'sources[1].name is "reports": must be the name of one source only, such as reports-2',
    ),
    (
        config(sources=[SOURCE, SOURCE | {"name": "more"}]),
        'sources[1].prefix is "clients/": must not hold, or be held by, what source reports protects',
    ),
    (
        config(sources=[SOURCE, SOURCE | {"name": "more", "prefix": ""}]),
        'sources[1].prefix is "": must not hold, or be held by, what source reports protects',
    ),
    (config(sources=[SOURCE | {"keyArn": EU_KEY}]), f'sources[0].keyArn is "{EU_KEY}": must be a key of the stack\'s'),
    (config(restore={"keyArns": [EU_KEY]}), f'restore.keyArns[0] is "{EU_KEY}": must be a key of the stack\'s'),
    (
        config(access={"trustedAccounts": ["123456789012"]}),
        'access.trustedAccounts[0] is "123456789012": must be another account than the stack\'s own',
    ),
    (
        config(access={"trustedAccounts": ["210987654321", "210987654321"]}),
        'access.trustedAccounts[1] is "210987654321": must be another account than the stack\'s own, named once',
    ),
    (config(network={"cidr": "10.0.0.0/27"}), 'network.cidr is "10.0.0.0/27": must be large enough for 2 subnets'),
    (config(network={"cidr": "10.0.0.0/26", "zones": 3}), "must be large enough for 3 subnets of 32 addresses: /25"),
    (
        config(tags={"rto": "2hours"}),
        'tags.rto is "2hours": must not be set: the program sets System, Stack, Application,',
    ),
    (
        config(**WEST | {"promote": TAKES_OVER | {"environment": "dev-west"}}),
        'promote.environment is "dev-west": must be the environment of the lost stack, and this stack must',
    ),
    (config(replica={"region": "us-west-2", "promotedAs": "dev"}), 'replica.promotedAs is "dev": must be the env'),
    (
        config(**WEST | {"promote": TAKES_OVER | {"keyArn": KEY}}),
        f'promote.keyArn is "{KEY}": must be a key of us-west-2 and of the account 123456789012',
    ),
    (
        config(**WEST | {"promote": TAKES_OVER | {"keyArn": WEST_KEY.replace("123456789012", "210987654321")}}),
        "must be a key of us-west-2 and of the account 123456789012, as the copy's is",
    ),
    (
        config(**WEST | {"promote": TAKES_OVER, "tier": {"storageClass": "GLACIER_IR"}}),
        'tier.storageClass is "GLACIER_IR": must be STANDARD with promote',
    ),
    (
        config(
            **WEST | {"promote": TAKES_OVER, "restore": {"buckets": ["strongroom-dev-replica-123456789012-us-west-2"]}}
        ),
        "must not be a bucket of this stack: nothing but the engine writes there",
    ),
    (config(sources=[SOURCE | {"priority": ["x" * 250] * 12}]), "sources is "),
    (config(restore={"buckets": ["b" * 60] * 60}), "restore.buckets is "),
]


@pytest.mark.parametrize(("configuration", "expected"), REFUSED, ids=range(len(REFUSED)))
def test_what_does_not_fit_together_is_refused(configuration: dict[str, Any], expected: str) -> None:
    """One line, under the key that has to change."""
    (line,) = refused(configuration)
    assert expected in line
    assert line.startswith("strongroom:")


ALLOWED: list[dict[str, Any]] = [
    PROD,
    PROD | {"environment": "prod-eu"},
    config(environment="preview"),
    config(environment="demo", protect=False, network={"isolated": False, "zones": 1}, replica={}),
    config(environment="staging"),
    config(environment="test"),
    config(replica={"region": "eu-west-1"}),
    config(region="cn-north-1", replica={"region": "cn-northwest-1"}),
    config(retention={"days": 30, "lockDays": 30, "undeleteDays": 30}),
    config(retention={"days": 1, "lockDays": 1, "undeleteDays": 1}),
    config(tier={"storageClass": "GLACIER", "acceptSlowRestore": True}),
    config(tier={"storageClass": "GLACIER_IR"}),
    config(alarms={"runWindowMinutes": 1200}),
    config(alarms={"runWindowMinutes": 180}, schedules={"incremental": "cron(0 2/3 ? * MON-SAT *)"}),
    config(alarms={"runWindowMinutes": 60}, schedules={"incremental": "cron(0 3 * * ? *)"}),
    config(alarms={"silenceHours": 168}, schedules={"drill": "rate(166 hours)", "sample": "rate(6 days)"}),
    config(alarms={"drillAgeDays": 91}),
    config(vault={"monthlyDays": 120, "coldDays": 30}),
    config(vault={"monthlyDays": 1, "coldDays": 0}),
    config(vault={"sources": True}, sources=[SOURCE | {"keyArn": KEY}, OTHER_SOURCE]),
    config(vault={"enabled": False}, sources=[SOURCE | {"keyArn": KEY.replace(":123456789012:", ":210987654321:")}]),
    config(vault={"monthlyDays": 0, "weeklyDays": 0, "dailyDays": 1, "copyDays": 1}),
    config(retention={"auditDays": 400, "auditLockDays": 400}),
    config(workers={"concurrency": 800, "accountConcurrency": 990}),
    config(workers={"accountConcurrency": 10, "reserved": False}),
    config(network={"zones": 5}),
    config(access={"breakGlassRoles": [ROLE], "expirerRoles": ["arn:aws:iam::123456789012:role/teams/backup/gc"]}),
    config(alarms={"rpoHours": 48}, schedules={"incremental": "cron(0 2 ? * MON-FRI *)"}),
    config(schedules={"watchdog": "rate(24 hours)"}),
    config(schedules={"incremental": "rate(1 minute)", "full": "rate(1 minute)", "paused": True}),
    config(**WEST | {"promote": TAKES_OVER}),
    config(**WEST | {"promote": TAKES_OVER | {"tables": False}, "replica": {"region": "us-east-2", "backfill": True}}),
    config(promote={}),
    PROD
    | WEST
    | {"environment": "prod-west", "replica": {"region": "us-east-2"}, "schedules": {"paused": True}}
    | {"promote": TAKES_OVER | {"environment": "prod"}},
    config(replica={"region": "us-west-2", "promotedAs": "dev-west"}),
    config(sources=[SOURCE, OTHER_SOURCE]),
    config(sources=[SOURCE, SOURCE | {"name": "more", "prefix": "partners/"}]),
    config(sources=[SOURCE, OTHER_SOURCE | {"prefix": "clients/"}]),
    config(sources=[SOURCE | {"keyArn": KEY}], restore={"buckets": ["acme-reports"], "keyArns": [KEY]}),
    config(access={"trustedAccounts": ["210987654321", "310987654321"]}),
    config(network={"cidr": "10.0.0.0/26"}),
    config(network={"cidr": "10.0.0.0/27", "zones": 1}),
    config(tags={"CostCenter": "x", "Owner": ""}),
]


@pytest.mark.parametrize("configuration", ALLOWED, ids=range(len(ALLOWED)))
def test_what_just_fits_is_taken(configuration: dict[str, Any]) -> None:
    """The limit itself is allowed."""
    assert load(configuration).environment == configuration["environment"]


def test_every_rule_has_refused_something() -> None:
    """No rule that never speaks; each is asked for keys that exist, and says in words what must be."""
    spoken = set()
    for configuration, _ in REFUSED:
        settings = _built(configuration)
        spoken |= {rule.check for rule in RULES if any(True for _ in rule.check(settings))}
    assert spoken == {rule.check for rule in RULES}
    for rule in RULES:
        assert rule.needs <= set(fields_of(Settings))
        assert "must" in (rule.check.__doc__ or "")


def test_a_rule_needs_every_key_that_it_names() -> None:
    """Or a broken value of it would be judged by its default."""
    for configuration, _ in REFUSED:
        settings = _built(configuration)
        for rule in RULES:
            for problem in rule.check(settings):
                assert str(problem.path[0]) in rule.needs, key_of(problem.path)


def test_a_broken_key_silences_the_rules_that_need_it_and_no_others() -> None:
    """What is not known is not judged."""
    lines = refused(PROD | {"protect": "x", "retention": {"days": 5, "lockDays": "x"}, "network": {"zones": 1}})
    assert [line.split()[0] for line in lines] == [
        "strongroom:retention.lockDays",
        "strongroom:protect",
        "strongroom:network.zones",
    ]


def test_no_rule_judges_a_broken_key_by_its_default() -> None:
    """Another region was meant, and misspelt: the replica may well be elsewhere."""
    (line,) = refused(config(region="us-west-9", replica={"region": "us-east-1"}))
    assert line.startswith("strongroom:region is ")


@steadily
@given(days=st.integers(1, 400), lock=st.integers(1, 400), undelete=st.integers(1, 400))
def test_lock_and_undelete_never_outlive_the_retention(days: int, lock: int, undelete: int) -> None:
    """Of whatever is taken; and whatever fits is taken."""
    configuration = config(retention={"days": days, "lockDays": lock, "undeleteDays": undelete})
    assert _is_taken(configuration) == (lock <= days and undelete <= days)


@steadily
@given(st.sampled_from(["a/", "a/b/", "b/", "a/bc/", ""]), st.sampled_from(["a/", "a/b/", "b/", "a/bc/", ""]))
def test_no_object_belongs_to_two_sources(one: str, other: str) -> None:
    """Of one bucket."""
    sources = [{"name": str(number), "bucket": "acme", "prefix": prefix} for number, prefix in enumerate((one, other))]
    apart = not one.startswith(other) and not other.startswith(one)
    assert _is_taken(config(sources=sources)) == apart


@steadily
@given(st.from_regex(r"[a-z][a-z0-9]{0,3}(-[a-z0-9]{1,3})?", fullmatch=True))
def test_no_environment_is_relaxed_under_the_name_of_production(name: str) -> None:
    """Whatever begins with `prod` either is production or is refused."""
    try:
        settings = load(config(environment=name, protect=False))
    except ConfigurationError:
        return
    assert not name.startswith(("prod", "live"))
    assert not settings.production


def test_tags_say_what_is_true() -> None:
    """Of this stack, whatever it is configured to be; those of the organisation stay."""
    tags = stack_tags(loaded(tags={"CostCenter": "x"}))
    assert set(tags) == {"CostCenter", *OWN_TAGS}
    assert (tags["Environment"], tags["BackupRetention"], tags["RPO"], tags["RTO"]) == (
        "dev",
        "60days",
        "24hours",
        "2hours",
    )
    assert (tags["DisasterRecovery"], tags["NetworkIsolation"]) == ("CrossRegion", "VPCEndpoints")
    relaxed = loaded(
        replica={}, network={"isolated": False}, tier={"storageClass": "GLACIER", "acceptSlowRestore": True}
    )
    tags = stack_tags(relaxed)
    assert (tags["DisasterRecovery"], tags["NetworkIsolation"], tags["RTO"]) == (
        "SingleRegion",
        "PublicInternet",
        "7hours",
    )


def test_an_rpo_is_claimed_only_where_backups_come_by_themselves() -> None:
    """The tag of a stack that stands by is true before and after its promotion: it is the same."""
    assert stack_tags(loaded(schedules={"paused": True}))["RPO"] == "none-paused"
    standing_by, promoted = (
        stack_tags(loaded(**WEST, promote=TAKES_OVER, schedules={"paused": paused})) for paused in (True, False)
    )
    assert standing_by["RPO"] == "24hours-once-promoted"
    assert standing_by == promoted


def _built(configuration: dict[str, Any]) -> Settings:
    """Give settings that no rule has seen."""
    return Settings.model_validate(configuration, strict=False)


def _is_taken(configuration: dict[str, Any]) -> bool:
    try:
        load(configuration)
    except ConfigurationError:
        return False
    return True
