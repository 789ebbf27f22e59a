"""Runs the command line as `python -m diagnose`."""

from diagnose.cli import main

main()
