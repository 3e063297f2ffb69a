"""What figures are worth: intervals, comparisons, calibration, curves, slices; numpy and scipy alone, from rows."""
