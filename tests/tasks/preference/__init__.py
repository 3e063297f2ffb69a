"""Tests of this task."""
