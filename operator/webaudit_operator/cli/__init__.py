"""The commands for people and scripts, one module each: settings in, one call out, told as a table or as JSON.

No rule lives here. Exit codes: 0 done, 1 a fault or nothing reached, 2 a wrong command line, 3 something is left that
needs a person, 130 interrupted.
"""
