"""Who is told, and of what: topics, alarms, dashboards, budget, and a watch over the keys."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, ResourceOptions

from components.alarm_list import Replicated, Watched, WatchedApi
from components.alarms import Alarms, AlarmsArgs, ReplicaPlace
from components.api import Api
from components.budget import Budget, BudgetArgs
from components.dashboards import Dashboards, DashboardsArgs
from components.key_watch import KeyPlace, KeyWatch, KeyWatchArgs
from components.refs import TopicRef
from components.service import Service
from components.settings import Names, Settings
from components.storage import Storage
from components.topic import Topic, TopicArgs


@dataclass(frozen=True)
class WatchArgs:
    """The settings, what everything is called, and what there is to watch."""

    settings: Settings
    names: Names
    storage: Storage
    service: Service
    topic: TopicRef
    api: Api | None = None


class Watch(ComponentResource):
    """Everything that tells a person."""

    dashboards: dict[str, str]

    def __init__(self, name: str, args: WatchArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Watch", name, None, opts)
        self._args, self._own = args, ResourceOptions(parent=self)
        settings, names, copy = args.settings, args.names, args.storage.copy
        away = self._topic_of_replica()
        replica = ReplicaPlace(copy.region, away) if copy and away else None
        watched = self._watched()
        alarms = Alarms(
            "alarms",
            AlarmsArgs(watched, settings.alarms, args.topic, replica, quiet=settings.schedules.paused),
            self._own,
        )
        self.dashboards = Dashboards(
            "dashboards",
            DashboardsArgs(watched, settings.alarms, settings.region, copy.region if copy else None, alarms.arns),
            self._own,
        ).urls
        places = [KeyPlace(settings.region, args.storage.key, args.topic)]
        if copy and away:
            places.append(KeyPlace(copy.region, copy.key, away))
        more = (args.storage.repository_key,) if settings.promote else ()
        watch = KeyWatchArgs(names.stack, settings.account_id, tuple(places), settings.partition, more_keys=more)
        KeyWatch("keys", watch, self._own)
        self._budget()
        self.register_outputs({"dashboards": self.dashboards})

    def _budget(self) -> None:
        settings, names = self._args.settings, self._args.names
        budget = BudgetArgs(
            name=names.of("budget"),
            monthly_usd=settings.budget.monthly_usd,
            # No other system has it, as it may have the tag of the environment.
            tag=("Stack", names.stack),
            topic=self._args.topic,
            email=settings.notifications.email,
            warn_percent=settings.budget.warn_percent,
        )
        Budget("budget", budget, self._own)

    def _topic_of_replica(self) -> TopicRef | None:
        args, copy = self._args, self._args.storage.copy
        if copy is None:
            return None
        topic = TopicArgs(
            name=args.names.topic("replica-notices"),
            key=copy.key,
            account_id=args.settings.account_id,
            region=copy.region,
            email=args.settings.notifications.email,
        )
        return Topic("replica-notices", topic, self._own).ref

    def _watched(self) -> Watched:
        args, copy = self._args, self._args.storage.copy
        return Watched(
            stack=args.names.stack,
            sources=tuple(source.name for source in args.settings.sources),
            functions=args.service.functions,
            queues=args.service.queues,
            dead_letters=args.service.dead_letters,
            tables=args.storage.tables,
            repository=args.storage.repository,
            schedule_group=args.service.schedule_group,
            replicated=Replicated(args.storage.repository, copy.bucket, copy.rule) if copy else None,
            api=WatchedApi(args.api.id, args.settings.api) if args.api else None,
            vault=args.names.vault() if args.settings.vault.enabled else None,
            source_vault=args.names.source_vault() if args.settings.vault.sources else None,
        )
