"""Torch parts that tasks share, and the contract between a task's learner and the engine."""
