"""All SQL of the program: a project's items, labels and their history, predictions, runs and metrics."""
