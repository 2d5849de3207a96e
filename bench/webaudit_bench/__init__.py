"""Measurements of what this project claims to be: fast, because it does little. Nothing here is a test."""
