"""The record in PostgreSQL: tables, and functions named for what they do."""
