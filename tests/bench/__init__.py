"""Benchmarks against other servers."""
