"""The demo: a cluster, a database, a bucket, a shop, the operator, one audit, and a look at all that came of it."""
