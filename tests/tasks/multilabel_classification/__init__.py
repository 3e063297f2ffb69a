"""Tests of the task of several labels a text."""
