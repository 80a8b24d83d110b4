"""Lets `python -m cli` run the tool."""

from cli.main import main

main()
