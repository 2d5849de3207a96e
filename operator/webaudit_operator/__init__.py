"""The Webaudit operator: AuditSession resources in, capture Jobs, evidence and records out."""
