"""What one capture does: Chromium, evidence, verdict. Nothing here knows Kubernetes or Postgres."""
