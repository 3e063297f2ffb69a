"""Tests of the task that marks spans in texts."""
