"""`python -m screens`: the command with its console, for where the script is not on the path."""

from screens.entry import entry

if __name__ == "__main__":
    entry()
