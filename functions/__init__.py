"""Everything that is shipped to Lambda: `contract` <- `engine` <- `adapters` <- `runtime` <- `handlers`."""
