"""The model in the loop of labeling: features of rows, a head that learns in a moment, and which row comes next.

Pure functions on arrays, without Qt, SQL and torch. SciPy and scikit-learn are loaded when they are first used, which
is in the loop's own process, or in that of a command.
"""
