"""Tests of the `chiso` command, run as people run it."""
