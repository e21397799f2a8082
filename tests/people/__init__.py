"""Tests of how names become people."""
