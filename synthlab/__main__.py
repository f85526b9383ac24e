"""`python -m synthlab`: the command, for where the script is not on the path."""

from synthlab.cli.main import entry

if __name__ == "__main__":
    entry()
