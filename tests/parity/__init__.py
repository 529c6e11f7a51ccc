"""The same scenario against the C original and this server; differences are listed with reasons."""
