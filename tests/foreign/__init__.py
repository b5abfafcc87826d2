"""Networks of other people, with right and wrong claims about them."""
