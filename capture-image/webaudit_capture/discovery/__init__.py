"""Product page discovery: from a shop's home page to one valid product page.

`find_pdp` acts; candidates, sitemaps and validity are decided by pure functions beside it.
"""

from webaudit_capture.discovery.search import Visit, find_pdp

__all__ = ["Visit", "find_pdp"]
