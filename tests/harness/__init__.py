"""What every end-to-end test, parity scenario and benchmark stands on."""
