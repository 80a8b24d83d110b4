"""Which backups are kept, and how what nobody needs any more is let go: pure decisions, and the engine that acts."""
