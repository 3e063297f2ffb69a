"""The program's front door: `desktop-llm` and `python -m desktop_llm`.

Nothing heavy is imported here: worker processes started by spawn pass through this module again.
"""

import multiprocessing
import sys


def main() -> int:
    """Run the command line and return its exit status (0 done, 1 failed, 2 wrong usage)."""
    # In a frozen build a spawned worker starts this same executable; without this line first it
    # would open another window instead of doing its work.
    multiprocessing.freeze_support()
    from desktop_llm.cli import main as run_command_line

    return run_command_line()


if __name__ == "__main__":
    sys.exit(main())
