"""What `pulumi preview --policy-pack policies` starts."""

from __future__ import annotations

import sys
from pathlib import Path

# Pulumi starts the pack in its own folder, as no package.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulumi_policy import EnforcementLevel, PolicyPack

from policies.pack import policies

PolicyPack(name="strongroom", policies=list(policies()), enforcement_level=EnforcementLevel.MANDATORY)
