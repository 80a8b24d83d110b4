"""The program: settings -> components, in the order in which they depend on each other -> exports."""

from __future__ import annotations

import gc
import json

import pulumi

from components.api import Api, api_args
from components.backup_vault import BackupVault, vault_args
from components.configuration import read_settings
from components.exports import capabilities, exports
from components.service import Service, ServiceArgs
from components.settings import Names, advice, stack_tags
from components.source_vault import SourceVault, source_vault_args
from components.storage import Storage, StorageArgs
from components.tagging import tag_everything
from components.topic import Topic, TopicArgs
from components.watch import Watch, WatchArgs

gc.set_threshold(100_000, 50, 100)  # else looking for cycles in the SDK takes half of the time

settings = read_settings()
names = Names(settings)
for sentence in advice(settings):
    pulumi.log.warn(sentence)
tag_everything(stack_tags(settings))

storage = Storage("storage", StorageArgs(settings, names))
topic = Topic(
    "notices",
    TopicArgs(name=names.topic(), key=storage.key, account_id=settings.account_id, email=settings.notifications.email),
)
if settings.vault.enabled:
    BackupVault("backup", vault_args(settings, names, storage, topic.ref))
if settings.vault.sources:
    SourceVault("sources", source_vault_args(settings, names, storage, topic.ref))
service = Service("service", ServiceArgs(settings, names, storage, topic.ref))
api = Api("api", api_args(settings, names, storage, service)) if settings.api.enabled else None
watch = Watch("watch", WatchArgs(settings, names, storage, service, topic.ref, api))

for name, value in exports(settings, names, storage, service, watch, topic.ref, api).items():
    pulumi.export(name, value)
pulumi.export("SystemCapabilities", json.dumps(capabilities(settings), sort_keys=True))
