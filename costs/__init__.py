"""What a month costs: from the settings of a stack and a volume of data to a bill with a line for each service. Pure.

`forecast` gives the bill, `compare` what the same data would cost otherwise, `measured` the volume that the commit
records of a repository tell of. Prices are those of `functions.contract.prices`.
"""

from costs.alternatives import Alternative, TierFacts, compare, tiers
from costs.aws_backup import aws_backup
from costs.bill import Bill, Line
from costs.forecast import Forecast, forecast
from costs.inventory import Inventory, inventory
from costs.measured import measured
from costs.volume import Volume

__all__ = [
    "Alternative",
    "Bill",
    "Forecast",
    "Inventory",
    "Line",
    "TierFacts",
    "Volume",
    "aws_backup",
    "compare",
    "forecast",
    "inventory",
    "measured",
    "tiers",
]
