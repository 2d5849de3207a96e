"""Expiry and deletion of evidence: what is due goes from the bucket first, and is marked afterwards, with a receipt.

`breaker` decides whether a pass may begin, `passes` makes it, `erasure` is the only place where artifacts lose their
objects, `leftovers` takes what has no row, `purging` takes a whole session. All know rows and bucket alone.
"""
