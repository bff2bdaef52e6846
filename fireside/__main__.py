"""`python -m fireside` is `fireside`."""

from fireside.cli.main import main

main()
