"""Make the course's notebooks from notebooks/src/*.py, or try one in plain Python.

Without options it writes what has changed and runs the solutions that changed:

    python tools/build_course.py
    python tools/build_course.py --execute 01  # write notebook 01 and run its solution again
    python tools/build_course.py --try 01      # solution, exercise and planted answers of 01
    python tools/build_course.py --pages DIR   # the solutions as HTML pages, light and dark
    python tools/build_course.py --check       # fail if a generated file is not up to date
"""

from __future__ import annotations

import os
import sys

# Before NumPy is loaded: the same numbers and times on every machine, and forks that are safe.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ.setdefault("MPLBACKEND", "agg")

if __name__ == "__main__":
    from coursebook.command import main

    sys.exit(main())
