"""A discrete-event simulation of a run and of a restore at sizes that nobody can measure here.

`clock` is the machinery, `limits` what AWS allows, `costs` what was measured, `shapes` the sizes, `backup` and
`restore` how the system works, `relax` finds the limit that binds, `checks` compares with what was measured.
"""
