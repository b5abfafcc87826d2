"""Ours against the peer in the same run, interleaved; ratios, spread, and the fraction of the floor."""
