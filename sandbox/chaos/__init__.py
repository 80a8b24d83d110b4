"""Troubles of all kinds during a run, and the proof that nothing was lost and nobody left untold."""
