"""Configurations of the real world: what is published, one file per feature, one per mistake."""
