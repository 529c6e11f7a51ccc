"""Grafana's panels as SVG, drawn from what a real Prometheus answers: pictures for people who have not imported them yet."""
