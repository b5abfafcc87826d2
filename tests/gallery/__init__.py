"""Networks that are silently not equivariant, each beside a twin with the repair, which is.

Own code, rebuilt from the mathematics of defects in published code; none of that code is copied.
"""
