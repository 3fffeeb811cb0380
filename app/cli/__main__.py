"""`python -m app.cli`: the `chiso` command where it is not on the path."""

from app.cli import main

if __name__ == "__main__":
    main()
