"""Intervals, comparisons, calibration, curves and slices, against libraries and against what they promise."""
