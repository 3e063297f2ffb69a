"""Tests of the task of one label of many."""
