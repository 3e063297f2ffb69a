"""Tests of the task of one level of a scale."""
