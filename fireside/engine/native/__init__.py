"""The engine's core in C++ (`native/` of the repository): found, filled and run from here."""
