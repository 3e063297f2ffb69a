"""Tests of the house itself: walls between packages, files, and the guards every test runs under."""
