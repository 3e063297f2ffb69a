"""The model in the loop of labeling: features of rows, a head that learns in a moment, and which row comes next.

Pure functions on arrays, without Qt, SQL and torch. NumPy, SciPy and scikit-learn are loaded at the top of most files
here, so only the loop's own process, a command and the tests may import them.
"""
