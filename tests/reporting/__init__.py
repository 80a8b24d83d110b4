"""The status view and the page."""
