"""Tests of the model in the loop of labeling."""
