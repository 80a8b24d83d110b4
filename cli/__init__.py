"""The operator's tool `strongroom`: the same engine and the same wiring as the functions, at a terminal."""
