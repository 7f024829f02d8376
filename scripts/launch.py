"""Starts the bundled package: `python -I -X utf8 <extension>/bundled/launch.py lsp`.

Kept to syntax that every Python 3 and Python 2.7 read, so that an old one can print the message below.
"""

import sys

FLOOR = (3, 10)

if sys.version_info < FLOOR:
    sys.stderr.write(
        "AIMET Model Guidelines needs Python %d.%d or newer; %s is Python %d.%d.\n"
        % (FLOOR + (sys.executable,) + tuple(sys.version_info[:2]))
    )
    sys.exit(2)

import os

# Before site-packages: the server runs with the versions it was tested with, whatever the interpreter has installed.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "libs"))

from aimet_guidelines.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
