"""Report of boundaries."""
